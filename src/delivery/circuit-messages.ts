import { isName, isRecord } from '../core/name.js'
import { isNodeName, type NodeName } from '../core/node.js'

/** Names one circuit, in the whole cluster: its origin, the life of that, and a number. */
export type CircuitRef = string & { readonly brand: 'CircuitRef' }

/**
 * Why no way was found: nobody knows one, it would be too long, nodes on it carry as many circuits as they may, or an
 * answer did not come: there may be one.
 */
export type NoWay = 'unknown' | 'hops' | 'busy' | 'lost'

/** What neighbours tell each other of circuits. */
export type CircuitMessage =
  /** Pass this on to `destination`, through at most `hops` more nodes. */
  | {
      readonly type: 'open'
      readonly circuit: CircuitRef
      readonly origin: NodeName
      readonly destination: NodeName
      readonly hops: number
    }
  /** The destination has it: it is open, this way. */
  | { readonly type: 'opened'; readonly circuit: CircuitRef }
  /** There is no way through me. */
  | { readonly type: 'refused'; readonly circuit: CircuitRef; readonly why: NoWay }
  /** It ends, and all that was under way on it. */
  | { readonly type: 'close'; readonly circuit: CircuitRef; readonly reason: string }

const refBytesMax = 512
const reasonLengthMax = 512
const hopsMax = 255
const reasons: ReadonlySet<unknown> = new Set<NoWay>(['unknown', 'hops', 'busy', 'lost'])

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseCircuitMessage(value: unknown): CircuitMessage | undefined {
  if (!isRecord(value)) return undefined
  const { type, circuit, origin, destination, hops, why, reason } = value
  if (!isCircuitRef(circuit)) return undefined
  switch (type) {
    case 'open':
      if (!isNodeName(origin) || !isNodeName(destination) || !isHops(hops)) return undefined
      return { type, circuit, origin, destination, hops }
    case 'opened':
      return { type, circuit }
    case 'refused':
      return reasons.has(why) ? { type, circuit, why: why as NoWay } : undefined
    case 'close':
      if (typeof reason !== 'string' || reason.length > reasonLengthMax) return undefined
      return { type, circuit, reason }
    default:
      return undefined
  }
}

/** Whether `value` can name a circuit. */
export function isCircuitRef(value: unknown): value is CircuitRef {
  return typeof value === 'string' && isName(value, refBytesMax)
}

function isHops(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= hopsMax
}
