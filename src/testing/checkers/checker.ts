import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { HistoryEvent } from '../histories/history-event.js'

/** Finds where a history breaks one promise. Pure: it knows the history, and nothing of what made it. */
export interface HistoryChecker {
  readonly name: string
  /** What has to hold, in a sentence. */
  readonly promise: string
  /** What is wrong: a sentence each, with time, node and peer. Empty: nothing. */
  readonly check: (history: readonly HistoryEvent[], options?: HistoryOptions) => readonly string[]
}

/** What the checkers have to know of a cluster beside its history. */
export interface HistoryOptions {
  /** Ends, faults and cuts are noticed, and have had their effects, within so many milliseconds. Default 6,000. */
  readonly noticeWithin?: Millis
  /** How long it is remembered that a node left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** Which names were generated, so that nobody waits for them. Default: none. */
  readonly generated?: (name: NodeName) => boolean
  /** A generated name that is down may be removed without a leave so long after its start. Default 1 h. */
  readonly removeDownAfter?: Millis
  /**
   * For partial overlays: who lists whom, and is connected with whom, in the end. Names may then vanish from a view
   * and return; and two that do not know each other may be connected through others, and feel what happens to these.
   * Default: everybody knows everybody, and a name goes only if it leaves.
   */
  readonly knows?: (node: NodeName, peer: NodeName) => boolean
}

/** The default of {@link HistoryOptions.noticeWithin}. */
export const noticeWithinDefault: Millis = 6_000

/** When it happened, and to whom: the beginning of every complaint. */
export function moment({
  at,
  node,
  life,
}: {
  readonly at: Millis
  readonly node: string
  readonly life: number
}): string {
  return `at ${at} ms: '${node}' (life ${life})`
}

/** The earliest time that complaints tell, as {@link moment} writes it; undefined when they tell none. */
export function firstMoment(complaints: string): Millis | undefined {
  const times = [...complaints.matchAll(/\bat (\d+(?:\.\d+)?) ms: '/g)].map(([, millis]) => Number(millis))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Several parts as one. Only the last may hold a line feed: a partition key may, names and numbers do not. */
export function keyOf(...parts: readonly (string | number)[]): string {
  return parts.join('\n')
}

/** Something of each life of each node. */
export class ByLife<State> {
  readonly #states = new Map<string, State>()
  readonly #make: () => State

  constructor(make: () => State) {
    this.#make = make
  }

  of(node: NodeName, life: Incarnation): State {
    const key = keyOf(life, node)
    let state = this.#states.get(key)
    if (state === undefined) {
      state = this.#make()
      this.#states.set(key, state)
    }
    return state
  }
}

/** The first of `count` indices for which `holds`, or `count`. Once it holds, it must hold for all that follow. */
export function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
