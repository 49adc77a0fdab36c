import { Resolver } from 'node:dns/promises'
import { abortReason, untilAborted } from '../core/abort.js'
import { DiscoveryError, InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import { answerMax, type Discovery } from './discovery.js'

/** What is asked of a resolver: `Resolver` of `node:dns/promises` is one. */
export interface DnsResolver {
  /** The IPv4 addresses of a name. Rejects, with a `code` `ENODATA` where the name is there and has none. */
  resolve4(name: string): Promise<readonly string[]>
  /** The IPv6 addresses, likewise. */
  resolve6(name: string): Promise<readonly string[]>
  /** The SRV records, likewise. */
  resolveSrv(name: string): Promise<readonly ServiceRecord[]>
  /** Ends what is under way. */
  cancel(): void
}

/** What a SRV record says (RFC 2782). */
export interface ServiceRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** What to ask the DNS for. */
export interface DnsDiscoveryOptions {
  /**
   * The whole name: search domains are not tried. The service's name under Docker Compose,
   * `maquis.default.svc.cluster.local` for a headless service of Kubernetes, with `_port._tcp.` before it for SRV.
   */
  readonly name: string
  /** `A` and `AAAA` find IP addresses, `SRV` finds host names with ports. Default `A`. */
  readonly type?: 'A' | 'AAAA' | 'SRV'
  /** Where the nodes listen. Needed for `A` and `AAAA`, and not taken for `SRV`, whose records tell it. */
  readonly port?: number
  /** The scheme of the addresses: `wss` where nodes serve TLS. Default `ws`. */
  readonly scheme?: string
  /** Makes a resolver for one lookup. Default: that of Node.js, with the name servers of the system. */
  readonly resolver?: () => DnsResolver
}

/**
 * Finds nodes in the DNS, as Docker Compose and headless services of Kubernetes list them. The resolver is c-ares, so
 * answers that do not fit in a datagram come over TCP, and time out by its rules beside the signal's.
 * @throws {@link InvalidOptionError} an option is none.
 */
export function dnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  checkKeys('options', options, ['name', 'type', 'port', 'scheme', 'resolver'])
  const { name, type = 'A', port, scheme = 'ws', resolver = () => new Resolver() } = options
  if (typeof name !== 'string' || name === '') throw new InvalidOptionError('name', 'a name in the DNS', name)
  if (!['A', 'AAAA', 'SRV'].includes(type)) throw new InvalidOptionError('type', `'A', 'AAAA' or 'SRV'`, type)
  if (type === 'SRV' ? port !== undefined : !isPort(port)) {
    throw new InvalidOptionError('port', type === 'SRV' ? 'left out: SRV records tell it' : 'from 1 to 65535', port)
  }
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) throw new InvalidOptionError('scheme', `such as 'ws'`, scheme)
  if (typeof resolver !== 'function') throw new InvalidOptionError('resolver', 'a function', resolver)
  return {
    async lookup(signal) {
      signal.throwIfAborted()
      const asked = resolver()
      try {
        const hosts = await untilAborted(signal, ask(asked, name, type, port))
        return hosts.slice(0, answerMax).map(host => `${scheme}://${host}`)
      } catch (error) {
        if (signal.aborted) {
          asked.cancel()
          throw abortReason(signal)
        }
        const { code } = error as { readonly code?: unknown }
        // The name is there, and stands for nobody: as a service is before its first node is.
        if (code === 'ENODATA') return []
        const fix = code === 'ENOTFOUND' ? 'give the whole name, search domains are not tried' : undefined
        throw new DiscoveryError(`the ${type} records of '${name}'`, error, fix)
      }
    },
  }
}

/** `host:port` of each record. */
async function ask(
  resolver: DnsResolver,
  name: string,
  type: 'A' | 'AAAA' | 'SRV',
  port: number | undefined,
): Promise<readonly string[]> {
  if (type === 'A') return (await resolver.resolve4(name)).map(address => `${address}:${port}`)
  if (type === 'AAAA') return (await resolver.resolve6(name)).map(address => `[${address}]:${port}`)
  const records = [...(await resolver.resolveSrv(name))]
  // The target '.' says that the service is decidedly not there (RFC 2782); resolvers show it as an empty name.
  return records
    .filter(record => record.name !== '' && record.name !== '.')
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight)
    .map(record => `${record.name.replace(/\.$/, '')}:${record.port}`)
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) <= 65_535
}
