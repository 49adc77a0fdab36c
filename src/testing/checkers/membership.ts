import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { HistoryEvent, MembersEvent } from '../histories/history-event.js'
import { ByLife, firstIndex, type HistoryChecker, type HistoryOptions, keyOf, moment } from './checker.js'
import { Lives } from './lives.js'

export const membershipCheckers: readonly HistoryChecker[] = [
  {
    name: 'views-well-formed',
    promise: 'A view lists the node itself, in its own life, and no name twice; it is sorted.',
    check: malformedViews,
  },
  {
    name: 'listed-have-started',
    promise: 'Nobody lists a life that never began.',
    check: listedUnstarted,
  },
  {
    name: 'listed-lives-rise',
    promise: 'The life that a node shows of a name never goes back.',
    check: listedLivesThatFall,
  },
  {
    name: 'who-left-stays-away',
    promise: 'A life that left, or was removed, never returns to a view that had dropped it.',
    check: returns,
  },
  {
    name: 'leaving-ends-membership',
    promise:
      'Only a leave, of the owner or the user, takes a name out of a view: no crash, no partition, no word of one.',
    check: vanishedWithoutLeave,
  },
  {
    name: 'who-left-is-alone',
    promise: 'A node that left, or was told that it was removed, lists nobody but itself until its next life.',
    check: companyAfterLeaving,
  },
]

function malformedViews(history: readonly HistoryEvent[]): readonly string[] {
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'members') continue
    const { node, life, members } = event
    let before: NodeName | undefined
    for (const { name } of members) {
      if (before !== undefined && name === before) wrong.push(`${moment(event)} lists '${name}' twice`)
      else if (before !== undefined && name < before) {
        wrong.push(`${moment(event)} lists '${name}' after '${before}': its view is not sorted`)
      }
      before = name
    }
    const own = members.find(({ name }) => name === node)
    if (own === undefined) wrong.push(`${moment(event)} does not list itself`)
    else if (own.life !== life) wrong.push(`${moment(event)} lists itself in life ${own.life}`)
  }
  return wrong
}

const neverMet = 0

function listedUnstarted(history: readonly HistoryEvent[]): readonly string[] {
  const lives = new Lives()
  const wrong: string[] = []
  for (const event of history) {
    lives.see(event)
    if (event.type !== 'members') continue
    for (const { name, life } of event.members) {
      // What a node says of itself is for others to judge: it may not run, or be in another life. Whom it was given as
      // a peer, and never met, it lists without a life.
      if (name === event.node || life === neverMet || lives.hasStarted(name, life)) continue
      wrong.push(`${moment(event)} lists life ${life} of '${name}', which never began`)
    }
  }
  return wrong
}

function listedLivesThatFall(history: readonly HistoryEvent[]): readonly string[] {
  const highest = new ByLife(() => new Map<NodeName, Incarnation>())
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'members') continue
    const seen = highest.of(event.node, event.life)
    for (const { name, life } of event.members) {
      const known = seen.get(name)
      if (known === undefined || life > known) seen.set(name, life)
      else if (life < known) {
        wrong.push(`${moment(event)} lists life ${life} of '${name}', of which it had listed life ${known}`)
      }
    }
  }
  return wrong
}

/** A member that a view had, and has no longer. */
interface Dropped {
  readonly life: Incarnation
  /** The least life that left: only later ones may come. */
  readonly left: Incarnation
  readonly at: Millis
}

function returns(history: readonly HistoryEvent[], options: HistoryOptions = {}): readonly string[] {
  if (options.knows !== undefined) return []
  const { tombstoneAge = 24 * 3_600_000 } = options
  const leaves = new Leaves()
  const views = new Views()
  const droppedBy = new ByLife(() => new Map<NodeName, Dropped>())
  const wrong: string[] = []
  for (const event of history) {
    leaves.see(event)
    if (event.type !== 'members') continue
    const dropped = droppedBy.of(event.node, event.life)
    for (const [name, life] of views.replace(event)) {
      const left = leaves.least(name, life)
      if (left !== undefined) dropped.set(name, { life, left, at: event.at })
    }
    if (dropped.size === 0) continue
    for (const { name, life } of event.members) {
      const before = dropped.get(name)
      if (before === undefined) continue
      dropped.delete(name)
      const remembered = event.at - before.at < tombstoneAge
      // Lives that fall are another checker's.
      if (!remembered || life < before.life || life > before.left) continue
      wrong.push(`${moment(event)} lists life ${life} of '${name}' again, which it had dropped because that left`)
    }
  }
  return wrong
}

function vanishedWithoutLeave(history: readonly HistoryEvent[], options: HistoryOptions = {}): readonly string[] {
  if (options.knows !== undefined) return []
  const { generated = () => false, removeDownAfter = 3_600_000 } = options
  const leaves = new Leaves()
  const views = new Views()
  const startedAt = new Map<string, Millis>()
  const wrong: string[] = []
  for (const event of history) {
    leaves.see(event)
    if (event.type === 'started') startedAt.set(keyOf(event.life, event.node), event.at)
    if (event.type !== 'members') continue
    const { node, life: own, at } = event
    // Who leaves, or was removed, sees everybody else go.
    const alone = leaves.least(node, own) !== undefined
    for (const [name, life] of views.replace(event)) {
      if (alone || name === node || leaves.least(name, life) !== undefined) continue
      const started = startedAt.get(keyOf(life, name)) ?? 0
      if (generated(name) && at - started >= removeDownAfter) continue
      wrong.push(`${moment(event)} no longer lists '${name}' (life ${life}), and nobody had called leave for it`)
    }
  }
  return wrong
}

function companyAfterLeaving(history: readonly HistoryEvent[]): readonly string[] {
  const departures = new Departures()
  const wrong: string[] = []
  for (const event of history) {
    departures.see(event)
    if (event.type !== 'members' || event.members.length <= 1) continue
    if (!departures.has(event.node, event.life)) continue
    const others = event.members.map(({ name }) => `'${name}'`).filter(name => name !== `'${event.node}'`)
    wrong.push(`${moment(event)} lists ${others.join(', ')} after it had left`)
  }
  return wrong
}

/** Who is out of the cluster and knows it. */
export class Departures {
  readonly #departed = new Set<string>()

  see(event: HistoryEvent): void {
    if (event.type === 'leave' && event.node === event.leaver) this.#departed.add(keyOf(event.leaverLife, event.node))
    if (event.type === 'removed') this.#departed.add(keyOf(event.life, event.node))
  }

  has(node: NodeName, life: Incarnation): boolean {
    return this.#departed.has(keyOf(life, node))
  }
}

/** For which lives somebody called leave. */
export class Leaves {
  /** Ascending. */
  readonly #called = new Map<NodeName, Incarnation[]>()

  see(event: HistoryEvent): void {
    if (event.type !== 'leave') return
    const lives = this.#called.get(event.leaver) ?? []
    this.#called.set(event.leaver, lives)
    const index = firstIndex(lives.length, at => (lives[at] as Incarnation) >= event.leaverLife)
    if (lives[index] !== event.leaverLife) lives.splice(index, 0, event.leaverLife)
  }

  /** The least life, not below this one, that was told to leave: that ends this one as well. */
  least(name: NodeName, life: Incarnation): Incarnation | undefined {
    const lives = this.#called.get(name)
    return lives?.[firstIndex(lives.length, at => (lives[at] as Incarnation) >= life)]
  }
}

/** What each node lists. */
class Views {
  readonly #views = new ByLife<{ members: ReadonlyMap<NodeName, Incarnation> }>(() => ({ members: new Map() }))

  /** Takes the new view, and gives the members of the last that are no longer in it. */
  replace({ node, life, members }: MembersEvent): readonly (readonly [NodeName, Incarnation])[] {
    const view = this.#views.of(node, life)
    const next = new Map(members.map(member => [member.name, member.life]))
    const gone = [...view.members].filter(([name]) => !next.has(name))
    view.members = next
    return gone
  }
}
