import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { HistoryEvent } from '../histories/history-event.js'
import { ByLife, type HistoryChecker, type HistoryOptions, keyOf, moment, noticeWithinDefault } from './checker.js'
import { Disturbances } from './disturbances.js'
import { Lives } from './lives.js'
import { Departures, Leaves } from './membership.js'

export const detectionCheckers: readonly HistoryChecker[] = [
  {
    name: 'up-then-down',
    promise:
      'Ups and downs of a peer alternate, beginning with up; a later life comes up only after the earlier is down.',
    check: edgesOutOfTurn,
  },
  {
    name: 'no-false-down',
    promise:
      'A peer is lost only within the notice time of something that happened to it, to the node, or between them.',
    check: falseDowns,
  },
  {
    name: 'true-reasons',
    promise: 'A peer is down as cut, left or restarted only if it was cut off, left, or was started again.',
    check: falseReasons,
  },
  {
    name: 'ends-noticed',
    promise: 'Whoever crashes or stops is down, within the notice time, wherever it was up.',
    check: unnoticedEnds,
  },
  {
    name: 'delivered-while-up',
    promise: "A peer's messages are handed over only between its up and its down.",
    check: deliveredWhileDown,
  },
]

function edgesOutOfTurn(history: readonly HistoryEvent[]): readonly string[] {
  const ups = new ByLife(() => new Map<NodeName, Incarnation | undefined>())
  const latest = new ByLife(() => new Map<NodeName, Incarnation>())
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'up' && event.type !== 'down') continue
    const { node, life, peer, peerLife } = event
    const up = ups.of(node, life)
    const upLife = up.get(peer)
    if (event.type === 'up') {
      const met = latest.of(node, life)
      const last = met.get(peer)
      if (up.has(peer)) wrong.push(`${moment(event)} was told that '${peer}' is up, which it was`)
      else if (peerLife !== undefined && last !== undefined && peerLife < last) {
        wrong.push(`${moment(event)} was told that life ${peerLife} of '${peer}' is up, after life ${last}`)
      }
      up.set(peer, peerLife)
      if (peerLife !== undefined && peerLife > (last ?? -1)) met.set(peer, peerLife)
    } else {
      if (!up.has(peer)) wrong.push(`${moment(event)} was told that '${peer}' is down, which was not up`)
      else if (upLife !== undefined && peerLife !== undefined && upLife !== peerLife) {
        wrong.push(`${moment(event)} was told that life ${peerLife} of '${peer}' is down, and life ${upLife} was up`)
      }
      up.delete(peer)
    }
  }
  return wrong
}

/** Faults that no connection that is open feels. */
const harmless: ReadonlySet<string> = new Set(['wall-clock jump', 'refused dials', 'hanging dials'])

function falseDowns(
  history: readonly HistoryEvent[],
  { noticeWithin = noticeWithinDefault, knows = () => true }: HistoryOptions = {},
): readonly string[] {
  const disturbing = history.filter(event => event.type !== 'fault' || !harmless.has(event.what))
  const disturbances = new Disturbances(disturbing, { all: true })
  const lives = new Lives()
  const departures = new Departures()
  const leaves = new Leaves()
  // Whoever left, or was removed, runs on: others may connect with it, and disconnect as soon as they hear of that.
  const isAlone = (name: NodeName): boolean => {
    const life = lives.of(name)
    return life !== undefined && (departures.has(name, life) || leaves.least(name, life) !== undefined)
  }
  const wrong: string[] = []
  for (const event of history) {
    lives.see(event)
    departures.see(event)
    leaves.see(event)
    if (event.type !== 'down' || event.reason !== 'lost') continue
    const { node, peer, at } = event
    if (isAlone(node) || isAlone(peer)) continue
    // The two are connected through others, and feel what happens to these.
    if (!knows(node, peer)) continue
    if (disturbances.lastEnd(node, peer, at) >= at - noticeWithin) continue
    wrong.push(`${moment(event)} lost '${peer}', and nothing had happened to them for ${noticeWithin} ms`)
  }
  return wrong
}

function falseReasons(
  history: readonly HistoryEvent[],
  { generated = () => false }: HistoryOptions = {},
): readonly string[] {
  const lives = new Lives()
  const leaves = new Leaves()
  const departed = new Set<string>()
  const cuts = new Set<string>()
  const wrong: string[] = []
  for (const event of history) if (event.type === 'cut') cuts.add(cutKey(event))
  for (const event of history) {
    lives.see(event)
    leaves.see(event)
    if (event.type === 'removed' || event.type === 'superseded') departed.add(keyOf(event.life, event.node))
    if (event.type !== 'down') continue
    const { node, life, peer } = event
    const said = `${moment(event)} was told that '${peer}' is down:`
    switch (event.reason) {
      case 'cut':
        // The two are told in one instant, in whatever order.
        if (!cuts.has(cutKey(event))) wrong.push(`${said} cut off, and no partition cut it off then`)
        break
      case 'left': {
        const peerLeft = leaves.least(peer, 0 as Incarnation) !== undefined || generated(peer)
        const alone = leaves.least(node, life) !== undefined || departed.has(keyOf(life, node))
        if (!peerLeft && !alone) wrong.push(`${said} it left, and nobody had called leave for either`)
        break
      }
      case 'restarted':
        if (lives.count(peer) < 2) wrong.push(`${said} restarted, and it was started once`)
        break
      default:
    }
  }
  return wrong
}

function cutKey({ at, node, life, peer }: { at: Millis; node: NodeName; life: Incarnation; peer: NodeName }): string {
  return keyOf(at, life, node, peer)
}

/** A peer that is up, or was when its node or itself ended. */
interface Watch {
  readonly node: NodeName
  readonly life: Incarnation
  readonly peer: NodeName
  /** Since when it is due that the peer is told to be down. */
  due?: Millis
  /** When it was, or nobody was there any more to be told. */
  over?: Millis
}

function unnoticedEnds(
  history: readonly HistoryEvent[],
  { noticeWithin = noticeWithinDefault }: HistoryOptions = {},
): readonly string[] {
  const end = history.at(-1)?.at ?? 0
  const late = dueWatches(history).filter(({ due = end, over = end }) => over > due + noticeWithin)
  if (late.length === 0) return []
  const disturbances = new Disturbances(history, { all: false })
  return late.flatMap(({ node, life, peer, due = end, over = end }) => {
    const limit = disturbances.calmAfter(node, peer, due, noticeWithin)
    if (over <= limit) return []
    return [`at ${limit} ms: '${node}' (life ${life}) has '${peer}' up, which ended at ${due} ms`]
  })
}

/** The watches of peers that ended, with what became of them. */
function dueWatches(history: readonly HistoryEvent[]): readonly Watch[] {
  const lives = new Lives()
  const at = new ByLife(() => new Map<NodeName, Watch>())
  const of = new Map<NodeName, Set<Watch>>()
  const due: Watch[] = []
  const expect = (watch: Watch, since: Millis): void => {
    if (watch.due === undefined) due.push(watch)
    watch.due ??= since
  }
  const close = (watch: Watch, time: Millis): void => {
    watch.over = time
    at.of(watch.node, watch.life).delete(watch.peer)
    of.get(watch.peer)?.delete(watch)
  }
  for (const event of history) {
    if (event.type === 'started') {
      const before = lives.of(event.node)
      if (before !== undefined) for (const watch of [...at.of(event.node, before).values()]) close(watch, event.at)
    }
    lives.see(event)
    if (event.type === 'up') {
      const { node, life, peer } = event
      const watch: Watch = { node, life, peer }
      at.of(node, life).set(peer, watch)
      of.set(peer, (of.get(peer) ?? new Set()).add(watch))
      // Its last words were on their way.
      if (lives.of(peer) === undefined && lives.count(peer) > 0) expect(watch, event.at)
    } else if (event.type === 'down') {
      const watch = at.of(event.node, event.life).get(event.peer)
      if (watch !== undefined) close(watch, event.at)
    } else if (event.type === 'stopped' || event.type === 'crashed') {
      for (const watch of [...at.of(event.node, event.life).values()]) close(watch, event.at)
      for (const watch of of.get(event.node) ?? []) expect(watch, event.at)
    }
  }
  return due
}

function deliveredWhileDown(history: readonly HistoryEvent[]): readonly string[] {
  if (!history.some(({ type }) => type === 'up')) return []
  const lives = new Lives()
  const ups = new ByLife(() => new Set<NodeName>())
  const cuts = new ByLife(() => new Map<NodeName, number>())
  const wrong: string[] = []
  for (const event of history) {
    lives.see(event)
    switch (event.type) {
      case 'up':
        ups.of(event.node, event.life).add(event.peer)
        break
      case 'down':
        ups.of(event.node, event.life).delete(event.peer)
        break
      case 'cut':
      case 'healed': {
        const counts = cuts.of(event.node, event.life)
        counts.set(event.peer, (counts.get(event.peer) ?? 0) + (event.type === 'cut' ? 1 : -1))
        break
      }
      case 'delivered': {
        const { node, life, from, id, key } = event
        // The dead and the cut off have checkers of their own.
        if (from === node || !lives.isRunning(node, life) || (cuts.of(node, life).get(from) ?? 0) > 0) break
        if (!ups.of(node, life).has(from)) {
          wrong.push(`${moment(event)} was given ${id} of '${key}' from '${from}', which is not up`)
        }
        break
      }
      default:
    }
  }
  return wrong
}
