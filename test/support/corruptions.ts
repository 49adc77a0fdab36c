import type { Incarnation, NodeName } from '../../src/core/node.js'
import { type SeededRandom, sample } from '../../src/core/random.js'
import type {
  DeliveredEvent,
  HistoryEvent,
  MemberLife,
  MembersEvent,
  SentEvent,
} from '../../src/testing/histories/history-event.js'

type History = readonly HistoryEvent[]
type Typed<Type extends HistoryEvent['type']> = HistoryEvent & { readonly type: Type }

/** A way to spoil a good history so that it must be seen. */
export interface Corruption {
  readonly what: string
  /** Who has to find it; others may as well. */
  readonly finder: string
  /** Gives the spoilt history; undefined where nothing of the kind is in it. */
  readonly spoil: (history: History, random: SeededRandom) => History | undefined
}

export const corruptions: readonly Corruption[] = [
  {
    what: 'a start in an earlier life',
    finder: 'new-lives',
    spoil: change(
      'started',
      ({ life }) => life > 1,
      event => ({ ...event, life: lifeBefore(event.life) }),
    ),
  },
  {
    what: 'a delivery after the end of its receiver',
    finder: 'only-the-living',
    spoil: (history, random) => {
      const end = pick(history, random, isEnd)
      if (end === undefined) return undefined
      const { node, life, at } = history[end] as Typed<'crashed'>
      const delivery = pick(history, random, event => isAt(event, 'delivered', node, life))
      if (delivery === undefined) return undefined
      return moved(history, delivery, end, { ...(history[delivery] as DeliveredEvent), at })
    },
  },
  {
    what: 'a delivery in the life before',
    finder: 'only-the-living',
    spoil: change(
      'delivered',
      ({ life }) => life > 1,
      event => ({ ...event, life: lifeBefore(event.life) }),
    ),
  },
  {
    what: 'a message that nobody sent',
    finder: 'sent-first',
    spoil: without('sent', (event, history) =>
      history.some(other => other.type === 'delivered' && answers(other, event)),
    ),
  },
  {
    what: 'a message under another key',
    finder: 'sent-first',
    spoil: change(
      'delivered',
      () => true,
      event => ({ ...event, key: 'another' }),
    ),
  },
  {
    what: 'a message with a number that was never given',
    finder: 'sent-first',
    spoil: change(
      'delivered',
      () => true,
      event => ({ ...event, id: event.id + 1_000_000 }),
    ),
  },
  {
    what: 'a message for somebody else',
    finder: 'sent-first',
    spoil: change(
      'delivered',
      () => true,
      event => ({ ...event, node: 'x' as NodeName }),
    ),
  },
  {
    what: 'a message that comes twice at once',
    finder: 'at-most-once',
    spoil: (history, random) =>
      doubled(
        history,
        pick(history, random, ({ type }) => type === 'delivered'),
      ),
  },
  {
    what: 'a message that comes again later',
    finder: 'at-most-once',
    spoil: (history, random) => {
      const first = pick(history, random, ({ type }) => type === 'delivered')
      if (first === undefined) return undefined
      const later = first + Math.floor(random.next() * (history.length - first))
      const { at } = history[later] as HistoryEvent
      return inserted(history, later, { ...(history[first] as DeliveredEvent), at })
    },
  },
  { what: 'two messages that change places', finder: 'in-order', spoil: exchange(false) },
  { what: 'two values that change places', finder: 'monotonic', spoil: exchange(true) },
  {
    what: 'a late message of an ended life',
    finder: 'lives-unmixed',
    spoil: (history, random) => {
      const isEarlier = (event: HistoryEvent, later: DeliveredEvent): event is DeliveredEvent =>
        isAt(event, 'delivered', later.node, later.life) && event.from === later.from && event.fromLife < later.fromLife
      const later = pick(history, random, event => {
        return event.type === 'delivered' && history.some(other => isEarlier(other, event))
      })
      if (later === undefined) return undefined
      const last = history[later] as DeliveredEvent
      const first = pick(history, random, event => isEarlier(event, last))
      if (first === undefined) return undefined
      return moved(history, first, later, { ...(history[first] as DeliveredEvent), at: last.at })
    },
  },
  {
    what: 'a name that is listed twice',
    finder: 'views-well-formed',
    spoil: change(
      'members',
      () => true,
      event => ({ ...event, members: [...event.members, ...event.members.slice(-1)] }),
    ),
  },
  {
    what: 'a view that is turned round',
    finder: 'views-well-formed',
    spoil: change(
      'members',
      ({ members }) => members.length > 1,
      event => ({
        ...event,
        members: event.members.toReversed(),
      }),
    ),
  },
  {
    what: 'a view that forgets its own node',
    finder: 'views-well-formed',
    spoil: change(
      'members',
      () => true,
      event => ({
        ...event,
        members: event.members.filter(({ name }) => name !== event.node),
      }),
    ),
  },
  {
    what: 'a life that never began',
    finder: 'listed-have-started',
    spoil: change(
      'members',
      ({ members }) => members.length > 1,
      event => ({
        ...event,
        members: event.members.map(member =>
          member.name === event.node ? member : { ...member, life: (member.life + 1_000) as Incarnation },
        ),
      }),
    ),
  },
  {
    what: 'a life that goes back',
    finder: 'listed-lives-rise',
    spoil: (history, random) => {
      const isStale = ({ life, name }: { life: number; name: string }, event: MembersEvent): boolean =>
        life > 1 && name !== event.node
      const index = pick(
        history,
        random,
        event => event.type === 'members' && event.members.some(m => isStale(m, event)),
      )
      if (index === undefined) return undefined
      const event = history[index] as MembersEvent
      const members = event.members.map(m => (isStale(m, event) ? { ...m, life: lifeBefore(m.life) } : m))
      return inserted(history, index, { ...event, members })
    },
  },
  {
    what: 'a node that left and is back',
    finder: 'who-left-stays-away',
    spoil: (history, random) => {
      const index = pick(
        history,
        random,
        (event, at) => event.type === 'members' && goneBy(history, at, event).length > 0,
      )
      if (index === undefined) return undefined
      const event = history[index] as MembersEvent
      const members = viewBefore(history, index, event)?.members ?? []
      return inserted(history, index, { ...event, members })
    },
  },
  {
    what: 'a leave that nobody called',
    finder: 'leaving-ends-membership',
    spoil: (history, random) => {
      const index = pick(
        history,
        random,
        (event, at) => event.type === 'members' && goneBy(history, at, event).length > 0,
      )
      if (index === undefined) return undefined
      const gone = goneBy(history, index, history[index] as MembersEvent)
      return history.filter(event => event.type !== 'leave' || !gone.includes(event.leaver))
    },
  },
  {
    what: 'a name that goes out of a view by itself',
    finder: 'leaving-ends-membership',
    spoil: (history, random) => {
      const stays = ({ name, life }: MemberLife, { node }: MembersEvent): boolean =>
        name !== node && !hasLeft(history, { node: name, life })
      const index = pick(history, random, event => {
        return event.type === 'members' && !hasLeft(history, event) && event.members.some(one => stays(one, event))
      })
      if (index === undefined) return undefined
      const event = history[index] as MembersEvent
      return inserted(history, index, { ...event, members: event.members.filter(one => !stays(one, event)) })
    },
  },
  {
    what: 'company after leaving',
    finder: 'who-left-is-alone',
    spoil: (history, random) => {
      const index = pick(history, random, event => event.type === 'leave' && event.node === event.leaver)
      if (index === undefined) return undefined
      const { node, life } = history[index] as Typed<'leave'>
      const isView = (event: HistoryEvent, at: number): boolean => at > index && isAt(event, 'members', node, life)
      const view = history.findIndex(isView)
      const event = history[view]
      if (event?.type !== 'members') return undefined
      const members = [...event.members, { name: 'x' as NodeName, life: 1 as Incarnation }]
      return history.with(view, { ...event, members })
    },
  },
  {
    what: 'an up that is not told',
    finder: 'up-then-down',
    spoil: without('up', (up, history, at) => next(history, at, 'down', up) !== undefined),
  },
  {
    what: 'a down that is not told before the next up',
    finder: 'up-then-down',
    spoil: without('down', (down, history, at) => next(history, at, 'up', down) !== undefined),
  },
  {
    what: 'a down that is told twice',
    finder: 'up-then-down',
    spoil: (history, random) =>
      doubled(
        history,
        pick(history, random, ({ type }) => type === 'down'),
      ),
  },
  {
    what: 'a peer that is lost in a calm',
    finder: 'no-false-down',
    spoil: (history, random) => {
      const lasting = livesInTheEnd(history)
      const stays = (name: NodeName): boolean => {
        const life = lasting.get(name)
        return life !== undefined && !hasLeft(history, { node: name, life })
      }
      const up = pick(history, random, (event, at) => {
        if (event.type !== 'up' || lasting.get(event.node) !== event.life) return false
        return stays(event.node) && stays(event.peer) && next(history, at, 'down', event) === undefined
      })
      if (up === undefined) return undefined
      const { node, life, peer } = history[up] as Typed<'up'>
      const at = (history.at(-1)?.at ?? 0) + 60_000
      return [...history, { type: 'down', at, node, life, peer, reason: 'lost' }]
    },
  },
  {
    what: 'a cut that was none',
    finder: 'true-reasons',
    spoil: change(
      'down',
      ({ reason }) => reason === 'lost',
      event => ({ ...event, reason: 'cut' }),
    ),
  },
  {
    what: 'an end that is not noticed',
    finder: 'ends-noticed',
    spoil: (history, random) => {
      const lasting = livesInTheEnd(history)
      const index = pick(history, random, (event, at) => {
        if (event.type !== 'down' || event.reason !== 'lost' || lasting.get(event.node) !== event.life) return false
        const up = history.findLastIndex((other, before) => before < at && isPeerEvent(other, 'up', event))
        return history.slice(up, at).some(other => isEnd(other) && other.node === event.peer)
      })
      if (index === undefined) return undefined
      // Nothing else may be heard of that peer, which would be another mistake.
      const { node, life, peer } = history[index] as Typed<'down'>
      return history.filter(
        (event, at) =>
          at < index || !('peer' in event) || event.node !== node || event.life !== life || event.peer !== peer,
      )
    },
  },
  {
    what: 'a message before the first up',
    finder: 'delivered-while-up',
    spoil: (history, random) => {
      const delivery = pick(history, random, ({ type }) => type === 'delivered')
      if (delivery === undefined) return undefined
      const event = history[delivery] as DeliveredEvent
      const start = history.findIndex(other => isAt(other, 'started', event.node, event.life))
      return moved(history, delivery, start, { ...event, at: (history[start] as HistoryEvent).at })
    },
  },
  {
    what: 'a message into a cut',
    finder: 'cuts-silence',
    spoil: (history, random) => {
      const cut = pick(history, random, ({ type }) => type === 'cut')
      if (cut === undefined) return undefined
      const { node, life, peer, at } = history[cut] as Typed<'cut'>
      const delivery = pick(history, random, event => isAt(event, 'delivered', node, life) && event.from === peer)
      if (delivery === undefined) return undefined
      return moved(history, delivery, cut, { ...(history[delivery] as DeliveredEvent), at })
    },
  },
  {
    what: 'a cut that leaves its peer up',
    finder: 'cuts-are-down',
    spoil: without('down', ({ reason }) => reason === 'cut'),
  },
  {
    what: 'a heal that heals all',
    finder: 'cuts-are-down',
    spoil: (history, random) => {
      const cut = pick(history, random, ({ type }) => type === 'cut')
      if (cut === undefined) return undefined
      const { node, life, peer, at } = history[cut] as Typed<'cut'>
      return inserted(history, cut, { type: 'up', at: at + 0.001, node, life, peer })
    },
  },
  {
    what: 'a cut that is told twice',
    finder: 'cuts-counted',
    spoil: (history, random) =>
      doubled(
        history,
        pick(history, random, ({ type }) => type === 'cut'),
      ),
  },
  {
    what: 'a heal of nothing',
    finder: 'cuts-counted',
    spoil: without('cut', (cut, history) =>
      history.some(other => isPeerEvent(other, 'healed', cut) && other.ref === cut.ref),
    ),
  },
  {
    what: 'a cut that does not end',
    finder: 'cuts-end',
    spoil: (history, random) => {
      const lasting = livesInTheEnd(history)
      return without('healed', ({ node, life }) => lasting.get(node) === life)(history, random)
    },
  },
  {
    what: 'a view that lacks somebody in the end',
    finder: 'views-whole',
    spoil: (history, random) => {
      const lasting = livesInTheEnd(history)
      const index = pick(history, random, (event, at) => {
        if (event.type !== 'members' || lasting.get(event.node) !== event.life || event.members.length < 2) return false
        return !history.some((other, later) => later > at && isAt(other, 'members', event.node, event.life))
      })
      const event = index === undefined ? undefined : (history[index] as MembersEvent)
      if (index === undefined || event === undefined || hasLeft(history, event)) return undefined
      const isOther = ({ name, life }: { name: NodeName; life: Incarnation }): boolean =>
        name !== event.node && lasting.get(name) === life && !hasLeft(history, { node: name, life })
      const gone = event.members.find(isOther)
      if (gone === undefined) return undefined
      return history.with(index, { ...event, members: event.members.filter(member => member !== gone) })
    },
  },
  {
    what: 'a peer that does not come up in the end',
    finder: 'all-up',
    spoil: (history, random) => {
      const settled = history.findIndex(({ type }) => type === 'settled')
      return without('up', (up, _, at) => {
        return (
          at < settled && next(history, at, 'down', up) === undefined && livesInTheEnd(history).get(up.node) === up.life
        )
      })(history, random)
    },
  },
]

// How to spoil.

/** Changes one event of the type. */
function change<Type extends HistoryEvent['type']>(
  type: Type,
  applies: (event: Typed<Type>) => boolean,
  to: (event: Typed<Type>) => HistoryEvent,
): Corruption['spoil'] {
  return (history, random) => {
    const index = pick(history, random, event => event.type === type && applies(event as Typed<Type>))
    return index === undefined ? undefined : history.with(index, to(history[index] as Typed<Type>))
  }
}

/** Leaves one event of the type out. */
function without<Type extends HistoryEvent['type']>(
  type: Type,
  applies: (event: Typed<Type>, history: History, at: number) => boolean,
): Corruption['spoil'] {
  return (history, random) => {
    const index = pick(
      history,
      random,
      (event, at) => event.type === type && applies(event as Typed<Type>, history, at),
    )
    return index === undefined ? undefined : history.toSpliced(index, 1)
  }
}

/** Two messages of one stream, in one life of the receiver, come in each other's place. */
function exchange(monotonic: boolean): Corruption['spoil'] {
  return (history, random) => {
    const index = pick(history, random, event => event.type === 'delivered' && (event.monotonic ?? false) === monotonic)
    if (index === undefined) return undefined
    const first = history[index] as DeliveredEvent
    const isSecond = (event: HistoryEvent, at: number): event is DeliveredEvent =>
      at > index && isAt(event, 'delivered', first.node, first.life) && sameStream(event, first)
    const other = history.findIndex(isSecond)
    if (other < 0) return undefined
    const second = history[other] as DeliveredEvent
    return history.with(index, { ...first, id: second.id }).with(other, { ...second, id: first.id })
  }
}

function doubled(history: History, index: number | undefined): History | undefined {
  return index === undefined ? undefined : inserted(history, index, history[index] as HistoryEvent)
}

/** With `event` right after that index. */
function inserted(history: History, index: number, event: HistoryEvent): History {
  return history.toSpliced(index + 1, 0, event)
}

/** With what was at `from`, as `event`, right after `to`. */
function moved(history: History, from: number, to: number, event: HistoryEvent): History {
  const left = history.toSpliced(from, 1)
  return left.toSpliced(from < to ? to : to + 1, 0, event)
}

// What to spoil.

function pick(
  history: History,
  random: SeededRandom,
  applies: (event: HistoryEvent, index: number) => boolean,
): number | undefined {
  const indices = history.flatMap((event, index) => (applies(event, index) ? [index] : []))
  return sample(random, indices, 1)[0]
}

function isEnd(event: HistoryEvent): event is Typed<'crashed' | 'stopped'> {
  return event.type === 'crashed' || event.type === 'stopped'
}

function isAt<Type extends Exclude<HistoryEvent['type'], 'fault' | 'settled' | 'note'>>(
  event: HistoryEvent,
  type: Type,
  node: NodeName,
  life: Incarnation,
): event is Typed<Type> {
  return event.type === type && 'life' in event && event.node === node && event.life === life
}

type PeerType = 'up' | 'down' | 'cut' | 'healed'

function isPeerEvent<Type extends PeerType>(
  event: HistoryEvent,
  type: Type,
  like: Typed<PeerType>,
): event is Typed<Type> {
  return isAt(event, type, like.node, like.life) && (event as Typed<PeerType>).peer === like.peer
}

/** The next event of that type for the same life and peer. */
function next(history: History, at: number, type: PeerType, like: Typed<PeerType>): HistoryEvent | undefined {
  return history.find((event, index) => index > at && isPeerEvent(event, type, like))
}

function answers(delivered: DeliveredEvent, sent: SentEvent): boolean {
  const { from, fromLife, node, channel, key, id } = delivered
  const same = channel === sent.channel && key === sent.key && id === sent.id
  return same && from === sent.node && fromLife === sent.life && node === sent.to
}

function sameStream(one: DeliveredEvent, other: DeliveredEvent): boolean {
  const { from, fromLife, channel, key } = other
  return one.from === from && one.fromLife === fromLife && one.channel === channel && one.key === key
}

function viewBefore(history: History, index: number, { node, life }: MembersEvent): MembersEvent | undefined {
  return history.slice(0, index).findLast((event): event is MembersEvent => isAt(event, 'members', node, life))
}

/** Who is no longer in a view of a node that did not leave itself. */
function goneBy(history: History, index: number, event: MembersEvent): readonly NodeName[] {
  if (hasLeft(history, event)) return []
  const names = event.members.map(({ name }) => name)
  const before = viewBefore(history, index, event)?.members ?? []
  return before.map(({ name }) => name).filter(name => !names.includes(name))
}

/** Whether anybody ever called leave for it. */
function hasLeft(history: History, { node, life }: { readonly node: NodeName; readonly life: Incarnation }): boolean {
  return history.some(event => event.type === 'leave' && event.leaver === node && event.leaverLife >= life)
}

/** The lives that last until everything is settled. */
function livesInTheEnd(history: History): ReadonlyMap<NodeName, Incarnation> {
  const lives = new Map<NodeName, Incarnation>()
  for (const event of history) {
    if (event.type === 'started') lives.set(event.node, event.life)
    if (isEnd(event) && lives.get(event.node) === event.life) lives.delete(event.node)
  }
  return lives
}

function lifeBefore(life: Incarnation): Incarnation {
  return (life - 1) as Incarnation
}
