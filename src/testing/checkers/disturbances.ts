import type { NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { FaultEvent, HistoryEvent } from '../histories/history-event.js'
import { firstIndex, keyOf } from './checker.js'

interface Disturbance {
  readonly from: Millis
  until: Millis
  readonly nodes: readonly NodeName[]
}

/** When what happened to nodes, or between them, that may have disturbed their connections. */
export class Disturbances {
  readonly #ofNode = new Map<NodeName, Timeline>()
  /** Those between several nodes, in order. */
  readonly #between: Disturbance[] = []
  readonly #ofPair = new Map<string, Timeline>()

  /** With `all`, also the lives of nodes that begin and end, and leaves; without, only faults. */
  constructor(history: readonly HistoryEvent[], { all }: { readonly all: boolean }) {
    for (const disturbance of disturbancesIn(history, all)) {
      const [node] = disturbance.nodes
      if (node === undefined) continue
      if (disturbance.nodes.length > 1) {
        this.#between.push(disturbance)
        continue
      }
      const timeline = this.#ofNode.get(node) ?? new Timeline()
      this.#ofNode.set(node, timeline)
      timeline.add(disturbance)
    }
  }

  /** When the last of what began by `time` and touches one of the two, or their links, is over. */
  lastEnd(one: NodeName, other: NodeName, time: Millis): Millis {
    return Math.max(
      this.#ofNode.get(one)?.lastEnd(time) ?? Number.NEGATIVE_INFINITY,
      this.#ofNode.get(other)?.lastEnd(time) ?? Number.NEGATIVE_INFINITY,
      this.#timelineBetween(one, other).lastEnd(time),
    )
  }

  /** The first time by which nothing touched the two for `calm` milliseconds since `from`. */
  calmAfter(one: NodeName, other: NodeName, from: Millis, calm: Millis): Millis {
    let end = from + calm
    for (;;) {
      const later = Math.max(from, this.lastEnd(one, other, end)) + calm
      if (later <= end) return end
      end = later
    }
  }

  #timelineBetween(one: NodeName, other: NodeName): Timeline {
    const key = one < other ? keyOf(one, other) : keyOf(other, one)
    let timeline = this.#ofPair.get(key)
    if (timeline === undefined) {
      timeline = new Timeline()
      for (const disturbance of this.#between) {
        if (disturbance.nodes.includes(one) && disturbance.nodes.includes(other)) timeline.add(disturbance)
      }
      this.#ofPair.set(key, timeline)
    }
    return timeline
  }
}

/** Disturbances in the order in which they began. */
class Timeline {
  readonly #begins: Millis[] = []
  /** The latest end of the first so many. */
  readonly #ends: Millis[] = []

  add({ from, until }: Disturbance): void {
    this.#begins.push(from)
    this.#ends.push(Math.max(until, this.#ends.at(-1) ?? Number.NEGATIVE_INFINITY))
  }

  lastEnd(time: Millis): Millis {
    const begun = firstIndex(this.#begins.length, index => (this.#begins[index] as Millis) > time)
    return this.#ends[begun - 1] ?? Number.NEGATIVE_INFINITY
  }
}

function disturbancesIn(history: readonly HistoryEvent[], all: boolean): readonly Disturbance[] {
  const found: Disturbance[] = []
  const lasting = new Map<string, Disturbance[]>()
  const moment = (at: Millis, ...nodes: NodeName[]): void => {
    for (const node of nodes) if (all) found.push({ from: at, until: at, nodes: [node] })
  }
  for (const event of history) {
    switch (event.type) {
      case 'fault':
        begin(event, found, lasting)
        break
      case 'started':
      case 'stopped':
      case 'crashed':
      case 'removed':
      case 'superseded':
        moment(event.at, event.node)
        break
      case 'leave':
        moment(event.at, event.node, event.leaver)
        break
      case 'settled':
        for (const disturbances of lasting.values()) for (const one of disturbances) one.until = event.at
        lasting.clear()
        break
      default:
    }
  }
  return found
}

const overSuffix = ': over'

function begin(
  { at, until, nodes, what }: FaultEvent,
  found: Disturbance[],
  lasting: Map<string, Disturbance[]>,
): void {
  if (what.endsWith(overSuffix)) {
    const oldest = lasting.get(keyOf(...nodes, what.slice(0, -overSuffix.length)))?.shift()
    if (oldest !== undefined) oldest.until = at
    return
  }
  const disturbance: Disturbance = { from: at, until: until ?? Number.POSITIVE_INFINITY, nodes }
  found.push(disturbance)
  if (until !== undefined) return
  const key = keyOf(...nodes, what)
  const others = lasting.get(key)
  if (others === undefined) lasting.set(key, [disturbance])
  else others.push(disturbance)
}
