import type { Socket } from 'node:net'
import { type ConnectionOptions, type PeerCertificate, type TlsOptions as ServerOptions, TLSSocket } from 'node:tls'
import type { ConnectionSecurity } from './transport.js'

/** TLS for both directions: what this end shows as a listener and as a dialler, and what it asks of the other end. */
export type TlsOptions = Pick<ServerOptions, SharedOption | 'requestCert'> & Pick<ConnectionOptions, 'servername'>

type SharedOption =
  | 'ca'
  | 'cert'
  | 'ciphers'
  | 'crl'
  | 'key'
  | 'maxVersion'
  | 'minVersion'
  | 'passphrase'
  | 'pfx'
  | 'rejectUnauthorized'
  | 'secureContext'

/** Both ends are peers of this library: nobody needs an older version unless told so. */
export const tlsDefaults: TlsOptions = { minVersion: 'TLSv1.3' }

/** What TLS says of the other end; absent without TLS. */
export function securityOf(stream: Socket): ConnectionSecurity | undefined {
  if (!(stream instanceof TLSSocket)) return undefined
  // A socket that is gone already has nothing to say; whoever owns it is about to hear of its end.
  if (stream.destroyed) return { names: [], exporter: undefined }
  return {
    names: stream.authorized ? certifiedNames(stream.getPeerCertificate()) : [],
    exporter: stream.exportKeyingMaterial(32, 'EXPORTER-maquis', Buffer.alloc(0)),
  }
}

/** The common names and DNS names of a certificate, each once. */
export function certifiedNames({ subject, subjectaltname }: Partial<PeerCertificate>): string[] {
  const common: unknown = subject?.CN
  const names = new Set<string>()
  for (const name of Array.isArray(common) ? common : [common]) if (typeof name === 'string') names.add(name)
  for (const name of dnsNames(subjectaltname ?? '')) names.add(name)
  return [...names]
}

/** A name with characters that could be taken for a separator comes in quotes: it is no DNS name, so it is left out. */
function dnsNames(alternatives: string): string[] {
  return alternatives
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    .split(', ')
    .filter(alternative => alternative.startsWith('DNS:') && alternative.length > 4)
    .map(alternative => alternative.slice(4))
}
