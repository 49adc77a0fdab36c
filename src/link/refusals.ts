import { CloseCode } from '../codec/codec.js'
import {
  type RefusedError,
  RemovedError,
  RoleError,
  StaleIncarnationError,
  TooManyPeersError,
  WrongCertificateError,
  WrongClusterError,
  WrongNodeError,
  WrongSecretError,
  WrongVersionError,
} from '../core/errors.js'
import type { Incarnation } from '../core/node.js'
import type { Refusal } from './handshake.js'

/** What a refusal is to a caller; undefined for those that only say "not now" or "not this connection". */
export function refusedError(peer: string, by: 'us' | 'peer', refusal: Refusal): RefusedError | undefined {
  switch (refusal.code) {
    case CloseCode.version:
      return new WrongVersionError(peer, by)
    case CloseCode.cluster:
      return new WrongClusterError(peer, by)
    case CloseCode.secret:
      return new WrongSecretError(peer, by)
    case CloseCode.staleIncarnation:
      return new StaleIncarnationError(peer, by, (refusal.known ?? 0) as Incarnation)
    case CloseCode.wrongNode:
      return new WrongNodeError(peer, by, refusal.text)
    case CloseCode.removed:
      return new RemovedError(peer, by)
    case CloseCode.role:
      return new RoleError(peer, by, refusal.text)
    case CloseCode.certificate:
      return new WrongCertificateError(peer, by)
    case CloseCode.tooManyPeers:
      return new TooManyPeersError(peer, by)
    default:
      return undefined
  }
}

/** Whether trying again, with the same two configurations, must end the same way. */
export function isPermanent(error: unknown): boolean {
  return (
    error instanceof WrongVersionError ||
    error instanceof WrongClusterError ||
    error instanceof WrongSecretError ||
    error instanceof WrongCertificateError ||
    error instanceof RemovedError ||
    error instanceof RoleError
  )
}
