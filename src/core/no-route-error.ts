import { MaquisError } from './errors.js'
import type { NodeName } from './node.js'

/** No way through other nodes leads to the node: the answer to a message with `transitive: true`. */
export class NoRouteError extends MaquisError {
  readonly code = 'ERR_NO_ROUTE'
  readonly node: NodeName
  /**
   * `unknown`: nobody who was asked knows a way. `hops`: there may be one over more connections than `hops`. `busy`:
   * nodes on it carry as many circuits as they may. `time`: again and again not everybody has answered.
   */
  readonly reason: 'unknown' | 'hops' | 'busy' | 'time'
  /** How many connections a way may lead over: `limits.hops`. */
  readonly hops: number

  constructor(node: string, reason: NoRouteError['reason'], hops: number) {
    const why = {
      unknown: 'nobody who was asked knows one',
      hops: `there may be one over more than ${hops} connections (limits.hops)`,
      busy: 'nodes on it carry as many circuits as they may (limits.circuits)',
      time: 'not everybody who was asked has answered in time',
    }
    super(`no way leads to node '${node}': ${why[reason]}`)
    this.node = node as NodeName
    this.reason = reason
    this.hops = hops
  }
}
