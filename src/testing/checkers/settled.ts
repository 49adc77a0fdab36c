import type { Incarnation, NodeName } from '../../core/node.js'
import type { HistoryEvent, SettledEvent } from '../histories/history-event.js'
import { ByLife, type HistoryChecker, type HistoryOptions, keyOf } from './checker.js'
import { Lives } from './lives.js'
import { Departures } from './membership.js'
import { Cuts } from './partitions.js'

export const settledCheckers: readonly HistoryChecker[] = [
  {
    name: 'views-whole',
    promise:
      'In the end all members list the same: all who run, as they now are, and nobody who is known to have left.',
    check: viewsInTheEnd,
  },
  {
    name: 'all-up',
    promise: 'In the end all members that run are up with each other, and nobody is up with who does not run.',
    check: connectionsInTheEnd,
  },
]

type View = ReadonlyMap<NodeName, Incarnation>

interface Member {
  readonly node: NodeName
  readonly life: Incarnation
}

function viewsInTheEnd(history: readonly HistoryEvent[], options: HistoryOptions = {}): readonly string[] {
  const cluster = new Cluster()
  const views = new ByLife<{ view: View }>(() => ({ view: new Map() }))
  const removals = new ByLife(() => new Map<NodeName, Incarnation>())
  const wrong: string[] = []
  let anyView = false
  for (const event of history) {
    cluster.see(event)
    if (event.type === 'members') {
      anyView = true
      views.of(event.node, event.life).view = new Map(event.members.map(({ name, life }) => [name, life]))
    } else if (event.type === 'leave') {
      const { node, life, leaver, leaverLife } = event
      removals.of(node, life).set(leaver, leaverLife)
    } else if (event.type === 'settled' && anyView) {
      const members = cluster.members(event)
      const viewOf = ({ node, life }: Member): View => views.of(node, life).view
      for (const member of members) {
        const view = viewOf(member)
        const complaints = [
          ...missing(member, view, members, options),
          ...departed(member, view, cluster, removals.of(member.node, member.life)),
          ...(options.knows === undefined ? differences(member, view, members, viewOf) : []),
        ]
        for (const complaint of complaints) wrong.push(`at ${event.at} ms, settled: '${member.node}' ${complaint}`)
      }
    }
  }
  return wrong
}

function missing(
  { node }: Member,
  view: View,
  members: readonly Member[],
  { knows = () => true }: HistoryOptions,
): readonly string[] {
  const wrong: string[] = []
  for (const { node: peer, life } of members) {
    const listed = view.get(peer)
    if (peer === node || listed === life || (listed === undefined && !knows(node, peer))) continue
    const what = listed === undefined ? 'does not list' : `lists life ${listed} of`
    wrong.push(`${what} '${peer}', which runs in life ${life}`)
  }
  return wrong
}

/** Who runs on after leaving, and whom this node itself removed, cannot be listed for want of news. */
function departed({ node }: Member, view: View, cluster: Cluster, removed: View): readonly string[] {
  const wrong: string[] = []
  for (const [name, life] of view) {
    if (name === node) continue
    if (life <= (cluster.departed(name) ?? -1)) wrong.push(`lists '${name}' (life ${life}), which has left`)
    else if (life <= (removed.get(name) ?? -1)) wrong.push(`lists '${name}' (life ${life}), which it had removed`)
  }
  return wrong
}

/** Who does not run may be listed, but by all alike. */
function differences(
  { node }: Member,
  view: View,
  members: readonly Member[],
  viewOf: (member: Member) => View,
): readonly string[] {
  const [first] = members
  if (first === undefined || first.node === node) return []
  const wrong: string[] = []
  const running = new Set(members.map(member => member.node))
  const other = viewOf(first)
  for (const name of new Set([...view.keys(), ...other.keys()])) {
    if (running.has(name) || view.get(name) === other.get(name)) continue
    wrong.push(`${shown(view, name)} '${name}', and '${first.node}' ${shown(other, name)} it`)
  }
  return wrong
}

function shown(view: View, name: NodeName): string {
  const life = view.get(name)
  return life === undefined ? 'does not list' : `lists life ${life} of`
}

function connectionsInTheEnd(
  history: readonly HistoryEvent[],
  { knows = () => true }: HistoryOptions = {},
): readonly string[] {
  const cluster = new Cluster()
  const ups = new ByLife(() => new Set<NodeName>())
  const cuts = new Cuts()
  const wrong: string[] = []
  let anyUp = false
  for (const event of history) {
    cluster.see(event)
    if (event.type === 'cut' || event.type === 'healed') cuts.see(event)
    if (event.type === 'up') {
      anyUp = true
      ups.of(event.node, event.life).add(event.peer)
    } else if (event.type === 'down') {
      ups.of(event.node, event.life).delete(event.peer)
    } else if (event.type === 'settled' && anyUp) {
      const members = cluster.members(event)
      for (const { node, life } of members) {
        const up = ups.of(node, life)
        for (const other of members) {
          const { node: peer } = other
          if (peer === node || up.has(peer) || !knows(node, peer)) continue
          // Cuts that did not end are another checker's.
          if (cuts.has({ node, life }, peer) || cuts.has(other, node)) continue
          wrong.push(`at ${event.at} ms, settled: '${peer}' is not up at '${node}' (life ${life})`)
        }
        for (const peer of up) {
          if (cluster.lives.of(peer) !== undefined) continue
          wrong.push(`at ${event.at} ms, settled: '${peer}' is up at '${node}' (life ${life}), and does not run`)
        }
      }
    }
  }
  return wrong
}

/** Follows a history up to the moments at which everything is settled. */
class Cluster {
  readonly lives: Lives = new Lives()
  readonly #departures = new Departures()
  readonly #superseded = new Set<string>()

  see(event: HistoryEvent): void {
    this.lives.see(event)
    this.#departures.see(event)
    if (event.type === 'superseded') this.#superseded.add(keyOf(event.life, event.node))
  }

  /** Whoever runs and takes part. */
  members({ live }: SettledEvent): readonly Member[] {
    return live.flatMap(node => {
      const life = this.lives.of(node)
      if (life === undefined || this.#superseded.has(keyOf(life, node))) return []
      return this.#departures.has(node, life) ? [] : [{ node, life }]
    })
  }

  /** The life in which the node runs on, alone, after leaving. */
  departed(node: NodeName): Incarnation | undefined {
    const life = this.lives.of(node)
    return life !== undefined && this.#departures.has(node, life) ? life : undefined
  }
}
