import { MaquisError, PartitionedError, RemoteError, StoppedError, UnknownOutcomeError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { isNodeName } from '../core/node.js'
import { type ErrorReport, errorOf, reportOf, shortened } from '../manager/error-reports.js'

/** Carries to the sender why its message was not handled, over the pools of two nodes. */
class PoolRefusal extends Error {
  override readonly name = refusalName

  constructor(report: object) {
    super(JSON.stringify(report))
  }
}

const refusalName = 'PoolRefusal'

/** What the pools of this node throw, for those that sent the message. It names the node that an error is about. */
export function wrapped(error: unknown): Error {
  const about = error instanceof MaquisError && 'node' in error ? { node: error.node } : {}
  // Whom it was passed on to went away, or this node ends: nobody knows here what became of it.
  const isLost = error instanceof UnknownOutcomeError || error instanceof PartitionedError
  if (isLost || error instanceof StoppedError) return new PoolRefusal({ ...about, reason: outcomeUnknown })
  const report = error instanceof RemoteError ? thrownReport(error) : reportOf(error)
  const refusal = new PoolRefusal({ ...report, ...about })
  return refusal.message.length <= refusalMax ? refusal : new PoolRefusal({ ...shortened(report), ...about })
}

/** No message between pools that this node can read: with `ack` its sender is not to take it for handled. */
export function unreadable(): Error {
  return new PoolRefusal({ name: 'Error', message: 'the pools there cannot read the message' })
}

function thrownReport({ remoteName: name, remoteMessage: message, remoteCode: code }: RemoteError): ErrorReport {
  return { name, message: message.slice(0, refusalMax / 2), code }
}

const outcomeUnknown = 'outcome-unknown'

/** The characters of a refusal: as many as an error that crosses the wire may have. Half are for a handler's words. */
const refusalMax = 4_096

/** What the pools of a peer told why a message for a server there was not handled. Another error stays as it is. */
export function unwrapped(error: unknown, peer: string, server: string): unknown {
  if (!(error instanceof RemoteError) || error.remoteName !== refusalName) return error
  try {
    const report: unknown = JSON.parse(error.remoteMessage)
    const { node: named, reason }: Record<string, unknown> = isRecord(report) ? report : {}
    const node = isNodeName(named) ? named : peer
    if (reason !== outcomeUnknown) return errorOf(node, server, report, 'message')
    const why = node === peer ? 'it ended' : `it went away when '${peer}' had passed the message on to it`
    return new UnknownOutcomeError(node, 'message', why)
  } catch {
    return error
  }
}
