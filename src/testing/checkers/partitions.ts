import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { CutEvent, HistoryEvent } from '../histories/history-event.js'
import { ByLife, type HistoryChecker, type HistoryOptions, keyOf, moment, noticeWithinDefault } from './checker.js'
import { Disturbances } from './disturbances.js'
import { Lives } from './lives.js'

export const partitionCheckers: readonly HistoryChecker[] = [
  {
    name: 'cuts-silence',
    promise: 'From a peer that is cut off nothing is delivered.',
    check: deliveredThroughCuts,
  },
  {
    name: 'cuts-are-down',
    promise: 'A peer is not up while any partition cuts it off: healing one does not end another.',
    check: upWhileCut,
  },
  {
    name: 'cuts-counted',
    promise: 'A partition cuts off a peer once, and is healed only where it did.',
    check: miscounted,
  },
  {
    name: 'cuts-mutual',
    promise:
      'Both ends of a pair record what cuts them off: who is cut off has the other up no longer than the notice time.',
    check: onesided,
  },
  {
    name: 'cuts-end',
    promise: 'In the end nobody is cut off.',
    check: cutInTheEnd,
  },
]

/** Which partitions cut off whom, at each life of each node. */
export class Cuts {
  readonly #refs = new ByLife(() => new Map<NodeName, Set<string>>())

  /** Whether it was as the event says: not cut off by this partition before, or healed of one that did. */
  see({ type, node, life, peer, ref }: CutEvent): boolean {
    const peers = this.#refs.of(node, life)
    let refs = peers.get(peer)
    if (type === 'healed') {
      const known = refs?.delete(ref) ?? false
      if (refs?.size === 0) peers.delete(peer)
      return known
    }
    if (refs?.has(ref)) return false
    if (refs === undefined) {
      refs = new Set()
      peers.set(peer, refs)
    }
    refs.add(ref)
    return true
  }

  /** Whether any cuts off the peer there. */
  has({ node, life }: Pick<CutEvent, 'node' | 'life'>, peer: NodeName): boolean {
    return this.#refs.of(node, life).has(peer)
  }

  of({ node, life }: Pick<CutEvent, 'node' | 'life'>): readonly (readonly [NodeName, ReadonlySet<string>])[] {
    return [...this.#refs.of(node, life)]
  }
}

function deliveredThroughCuts(history: readonly HistoryEvent[]): readonly string[] {
  const cuts = new Cuts()
  const wrong: string[] = []
  for (const event of history) {
    if (event.type === 'cut' || event.type === 'healed') cuts.see(event)
    if (event.type !== 'delivered' || !cuts.has(event, event.from)) continue
    wrong.push(`${moment(event)} was given ${event.id} of '${event.key}' from '${event.from}', which is cut off`)
  }
  return wrong
}

/** A cut and its down, a heal and its up are told in one instant, in whatever order: only what outlasts it is wrong. */
function upWhileCut(history: readonly HistoryEvent[]): readonly string[] {
  const cuts = new Cuts()
  const ups = new ByLife(() => new Set<NodeName>())
  const pending = new Map<string, string>()
  const wrong: string[] = []
  let now: Millis = Number.NEGATIVE_INFINITY
  const judge = (): void => {
    wrong.push(...pending.values())
    pending.clear()
  }
  for (const event of history) {
    if (event.at > now) judge()
    now = event.at
    if (event.type !== 'up' && event.type !== 'down' && event.type !== 'cut' && event.type !== 'healed') continue
    const { node, life, peer } = event
    const up = ups.of(node, life)
    if (event.type === 'up') up.add(peer)
    else if (event.type === 'down') up.delete(peer)
    else cuts.see(event)
    const key = keyOf(life, node, peer)
    if (!up.has(peer) || !cuts.has(event, peer)) pending.delete(key)
    else if (!pending.has(key)) pending.set(key, `${moment(event)} has '${peer}' up, which is cut off`)
  }
  judge()
  return wrong
}

function miscounted(history: readonly HistoryEvent[]): readonly string[] {
  const cuts = new Cuts()
  const wrong: string[] = []
  for (const event of history) {
    if ((event.type !== 'cut' && event.type !== 'healed') || cuts.see(event)) continue
    const what = event.type === 'cut' ? 'cuts off a second time' : 'heals, and had not cut off,'
    wrong.push(`${moment(event)}: partition '${event.ref}' ${what} '${event.peer}'`)
  }
  return wrong
}

function onesided(
  history: readonly HistoryEvent[],
  { noticeWithin = noticeWithinDefault }: HistoryOptions = {},
): readonly string[] {
  const long = onesidedCuts(history).filter(({ from, until }) => until - from > noticeWithin)
  if (long.length === 0) return []
  const disturbances = new Disturbances(history, { all: true })
  return long.flatMap(({ node, life, peer, from, until }) => {
    const limit = disturbances.calmAfter(node, peer, from, noticeWithin)
    if (until <= limit) return []
    return [`at ${limit} ms: '${node}' (life ${life}) has '${peer}' cut off, which has it up since ${from} ms`]
  })
}

/** A node cuts off a peer that has it up: the news of the cut, or of its end, is still on its way. */
interface OnesidedCut {
  readonly node: NodeName
  readonly life: Incarnation
  readonly peer: NodeName
  readonly from: Millis
  until: Millis
}

function onesidedCuts(history: readonly HistoryEvent[]): readonly OnesidedCut[] {
  const lives = new Lives()
  const cuts = new Cuts()
  const ups = new ByLife(() => new Set<NodeName>())
  const all: OnesidedCut[] = []
  const lasting = new Map<string, OnesidedCut>()
  /** Whether the peer has the node up that cuts it off. */
  const isOnesided = (node: NodeName, life: Incarnation | undefined, peer: NodeName): boolean => {
    const peerLife = lives.of(peer)
    if (life === undefined || peerLife === undefined) return false
    return cuts.has({ node, life }, peer) && ups.of(peer, peerLife).has(node)
  }
  const look = (node: NodeName, peer: NodeName, at: Millis): void => {
    const key = keyOf(node, peer)
    const life = lives.of(node)
    const before = lasting.get(key)
    const now = isOnesided(node, life, peer)
    if (before !== undefined && now && before.life === life) return
    if (before !== undefined) before.until = at
    lasting.delete(key)
    if (!now || life === undefined) return
    const cut: OnesidedCut = { node, life, peer, from: at, until: Number.POSITIVE_INFINITY }
    lasting.set(key, cut)
    all.push(cut)
  }
  for (const event of history) {
    lives.see(event)
    switch (event.type) {
      case 'cut':
      case 'healed':
        cuts.see(event)
        look(event.node, event.peer, event.at)
        break
      case 'up':
        ups.of(event.node, event.life).add(event.peer)
        look(event.peer, event.node, event.at)
        break
      case 'down':
        ups.of(event.node, event.life).delete(event.peer)
        look(event.peer, event.node, event.at)
        break
      case 'started':
      case 'stopped':
      case 'crashed':
        for (const { node, peer } of [...lasting.values()]) {
          if (node === event.node || peer === event.node) look(node, peer, event.at)
        }
        break
      default:
    }
  }
  const end = history.at(-1)?.at ?? 0
  for (const cut of lasting.values()) cut.until = end
  return all
}

function cutInTheEnd(history: readonly HistoryEvent[]): readonly string[] {
  const lives = new Lives()
  const cuts = new Cuts()
  const wrong: string[] = []
  for (const event of history) {
    lives.see(event)
    if (event.type === 'cut' || event.type === 'healed') cuts.see(event)
    if (event.type !== 'settled') continue
    for (const node of event.live) {
      const life = lives.of(node)
      if (life === undefined) continue
      for (const [peer, refs] of cuts.of({ node, life })) {
        const all = [...refs].map(ref => `'${ref}'`).join(', ')
        wrong.push(`at ${event.at} ms, settled: '${node}' (life ${life}) has '${peer}' cut off by ${all}`)
      }
    }
  }
  return wrong
}
