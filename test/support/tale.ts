import type { Incarnation, NodeName } from '../../src/core/node.js'
import type { Millis } from '../../src/core/time.js'
import type { HistoryEvent } from '../../src/testing/histories/history-event.js'

/** What is unusual about a message. */
export interface MessageTraits {
  readonly channel?: string
  readonly key?: string
  readonly monotonic?: true
  readonly label?: string
  /** The life of the receiver, or of the sender where it sends. */
  readonly life?: number
  readonly fromLife?: number
}

/** Writes histories by hand, shortly: 10 ms pass before each event, and lives count from 1. */
export class Tale {
  readonly events: HistoryEvent[] = []
  readonly #lives = new Map<string, number>()
  #now: Millis = 0

  /** The next event happens at that time. */
  at(time: Millis): this {
    this.#now = time - step
    return this
  }

  /** The next event happens so much later than the last. */
  after(millis: Millis): this {
    return this.at(this.#now + millis)
  }

  /** The next event happens when the last did. */
  same(): this {
    return this.after(0)
  }

  start(node: string, life: number = (this.#lives.get(node) ?? 0) + 1): this {
    this.#lives.set(node, life)
    return this.#add({ type: 'started', ...this.#head(node) })
  }

  stop(node: string): this {
    return this.#add({ type: 'stopped', ...this.#head(node) })
  }

  crash(node: string): this {
    return this.#add({ type: 'crashed', ...this.#head(node) })
  }

  removed(node: string): this {
    return this.#add({ type: 'removed', ...this.#head(node) })
  }

  superseded(node: string): this {
    return this.#add({ type: 'superseded', ...this.#head(node) })
  }

  /** `members`: names with spaces between, `b/2` for a life that is not the present one. */
  view(node: string, members: string, life?: number): this {
    const listed = members.split(' ').map(member => {
      const [name = '', told] = member.split('/')
      return { name: name as NodeName, life: this.#life(name, told === undefined ? undefined : Number(told)) }
    })
    return this.#add({ type: 'members', ...this.#head(node, life), members: listed })
  }

  up(node: string, peer: string, peerLife?: number): this {
    return this.#add({ type: 'up', ...this.#head(node), peer: peer as NodeName, ...known(peerLife) })
  }

  down(node: string, peer: string, reason?: 'lost' | 'cut' | 'left' | 'restarted', peerLife?: number): this {
    const told = reason === undefined ? {} : { reason }
    return this.#add({ type: 'down', ...this.#head(node), peer: peer as NodeName, ...known(peerLife), ...told })
  }

  sent(node: string, to: string, id: number, { life, ...traits }: MessageTraits = {}): this {
    return this.#add({ type: 'sent', ...this.#head(node, life), to: to as NodeName, ...message(id, traits) })
  }

  got(node: string, from: string, id: number, { life, fromLife, ...traits }: MessageTraits = {}): this {
    const sender = { from: from as NodeName, fromLife: this.#life(from, fromLife) }
    return this.#add({ type: 'delivered', ...this.#head(node, life), ...sender, ...message(id, traits) })
  }

  told(
    node: string,
    to: string,
    id: number,
    outcome: 'taken' | 'unknown' | 'not-taken',
    traits: MessageTraits = {},
  ): this {
    const { life, ...rest } = traits
    return this.#add({
      type: 'acknowledged',
      ...this.#head(node, life),
      to: to as NodeName,
      ...message(id, rest),
      outcome,
    })
  }

  leave(node: string, leaver: string = node, leaverLife?: number): this {
    const whom = { leaver: leaver as NodeName, leaverLife: this.#life(leaver, leaverLife) }
    return this.#add({ type: 'leave', ...this.#head(node), ...whom })
  }

  cut(node: string, peer: string, ref = 'p'): this {
    return this.#add({ type: 'cut', ...this.#head(node), peer: peer as NodeName, ref })
  }

  healed(node: string, peer: string, ref = 'p'): this {
    return this.#add({ type: 'healed', ...this.#head(node), peer: peer as NodeName, ref })
  }

  /** `nodes`: names with spaces between. */
  fault(what: string, nodes: string, lasts?: Millis): this {
    const head = { at: this.#now + step, nodes: nodes.split(' ') as NodeName[], what }
    return this.#add({ type: 'fault', ...head, ...(lasts !== undefined && { until: head.at + lasts }) })
  }

  settled(live: string): this {
    return this.#add({ type: 'settled', at: this.#now + step, live: live.split(' ') as NodeName[] })
  }

  /** So many nodes, `a`, `b` and so on, which list each other and are up with each other. */
  cluster(count: number): this {
    const names = 'abcdefgh'.slice(0, count).split('')
    for (const name of names) this.start(name).view(name, name)
    for (const name of names) this.view(name, names.join(' '))
    for (const name of names) for (const peer of names) if (peer !== name) this.up(name, peer)
    return this.after(1_000)
  }

  #add(event: HistoryEvent): this {
    this.#now = event.at
    this.events.push(event)
    return this
  }

  #head(node: string, life?: number): { at: Millis; node: NodeName; life: Incarnation } {
    return { at: this.#now + step, node: node as NodeName, life: this.#life(node, life) }
  }

  #life(node: string, life: number = this.#lives.get(node) ?? 1): Incarnation {
    return life as Incarnation
  }
}

const step: Millis = 10

function known(peerLife: number | undefined): { peerLife?: Incarnation } {
  return peerLife === undefined ? {} : { peerLife: peerLife as Incarnation }
}

function message(
  id: number,
  { channel = 'default', key = 'k', monotonic, label }: MessageTraits,
): { channel: string; key: string; id: number; monotonic?: true; label?: string } {
  return { channel, key, id, ...(monotonic && { monotonic }), ...(label !== undefined && { label }) }
}
