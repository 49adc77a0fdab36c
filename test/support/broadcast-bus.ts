import type { Incarnation, NodeName } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { Broadcast } from '../../src/delivery/broadcast.js'
import type { BroadcastEffect, BroadcastInput } from '../../src/delivery/broadcast-effects.js'
import type { BroadcastMessage } from '../../src/delivery/broadcast-messages.js'
import type { BroadcastOptions } from '../../src/delivery/broadcast-options.js'

/** What a node of the bus handed to its server. */
export interface Delivered {
  readonly at: number
  readonly node: string
  readonly life: number
  readonly origin: string
  readonly originLife: number
  readonly text: string
}

/** What a node sent to everybody. */
export interface Sent {
  readonly at: number
  readonly origin: string
  readonly originLife: number
  readonly text: string
}

interface Process {
  machine: Broadcast
  readonly life: number
  /** When it had been told of what there is by the first neighbour that it had: from then on all is its due. */
  since: number
  readonly timers: Map<string, number>
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export type BusOptions = Partial<Omit<BroadcastOptions, 'self' | 'random'>> & { readonly seed?: number }

/** Machines of a broadcast, connected as a test says, on virtual time. A link is in order until it breaks. */
export class BroadcastBus {
  now = 0
  readonly delivered: Delivered[] = []
  readonly sent: Sent[] = []
  /** Messages that went over a link, by kind. */
  readonly traffic: Record<BroadcastMessage['type'], number> = {
    ...{ gossip: 0, announce: 0, graft: 0, prune: 0, gone: 0, sync: 0 },
  }
  readonly counts: Record<string, number> = { duplicate: 0, missed: 0, unannounced: 0 }
  readonly random: SeededRandom
  readonly #options: BusOptions
  readonly #processes = new Map<string, Process>()
  /** The generation of each link that is open, and when the last message on it arrives. */
  readonly #links = new Map<string, { generation: number; last: number }>()
  readonly #events: Event[] = []
  #generation = 0
  #order = 0
  #life = 0
  /** Asked of each message; true: it is lost. */
  loses: (from: string, to: string, message: BroadcastMessage) => boolean = () => false

  constructor(options: BusOptions = {}) {
    this.#options = options
    this.random = new SeededRandom(options.seed ?? 1)
  }

  get names(): string[] {
    return [...this.#processes.keys()]
  }

  machine(name: string): Broadcast {
    return this.#process(name).machine
  }

  lifeOf(name: string): { readonly life: number; readonly since: number } {
    return this.#process(name)
  }

  /** A process of that name begins, with no links. */
  start(name: string, options: Partial<BroadcastOptions> = {}): void {
    const { seed: _seed, ...defaults } = this.#options
    const life = ++this.#life
    const self = { name: name as NodeName, incarnation: life as Incarnation }
    const machine = new Broadcast({ established: false, ...defaults, ...options, self, random: this.random.fork() })
    const since = options.established === true ? this.now : Number.POSITIVE_INFINITY
    this.#processes.set(name, { machine, life, since, timers: new Map() })
  }

  crash(name: string): void {
    for (const other of this.neighbours(name)) this.disconnect(name, other)
    this.#processes.delete(name)
  }

  isLive(name: string): boolean {
    return this.#processes.has(name)
  }

  neighbours(name: string): string[] {
    return this.names.filter(other => this.#links.has(keyOf(name, other)))
  }

  connect(one: string, other: string): void {
    if (one === other || this.#links.has(keyOf(one, other))) return
    const generation = ++this.#generation
    for (const key of [`${one} ${other}`, `${other} ${one}`]) this.#links.set(key, { generation, last: this.now })
    for (const name of [one, other]) {
      const process = this.#process(name)
      // There and back again, and something for the first link to break meanwhile.
      process.since = Math.min(process.since, this.now + 500)
    }
    this.#input(one, { type: 'up', peer: other as NodeName })
    this.#input(other, { type: 'up', peer: one as NodeName })
  }

  /** What is under way is lost, both ways. */
  disconnect(one: string, other: string): void {
    if (!this.#links.delete(`${one} ${other}`)) return
    this.#links.delete(`${other} ${one}`)
    // One end after the other: the second may yet send, into nothing.
    this.#input(one, { type: 'down', peer: other as NodeName })
    this.#input(other, { type: 'down', peer: one as NodeName })
  }

  /** One of several connections was lost with what was under way, and is there again. */
  renew(one: string, other: string): void {
    const generation = ++this.#generation
    for (const key of [`${one} ${other}`, `${other} ${one}`]) this.#links.set(key, { generation, last: this.now })
    this.#input(one, { type: 'renewed', peer: other as NodeName })
    this.#input(other, { type: 'renewed', peer: one as NodeName })
  }

  mesh(names: readonly string[] = this.names): void {
    for (const one of names) for (const other of names) if (one < other) this.connect(one, other)
  }

  broadcast(origin: string, text: string): void {
    const { life } = this.#process(origin)
    this.sent.push({ at: this.now, origin, originLife: life, text })
    this.#input(origin, { type: 'broadcast', server: 'server', body: new TextEncoder().encode(text) })
  }

  refuse(node: string, peer: string, origin: string): void {
    this.#input(node, { type: 'refused', peer: peer as NodeName, origin: origin as NodeName })
  }

  at(after: number, run: () => void): void {
    this.#events.push({ at: this.now + after, order: ++this.#order, run })
  }

  /** Lets so much time pass. */
  pass(millis: number): void {
    const end = this.now + millis
    for (;;) {
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order)
      const next = this.#events[0]
      if (next === undefined || next.at > end) break
      this.#events.shift()
      this.now = next.at
      next.run()
    }
    this.now = end
  }

  /** What a node was handed in its present life, in order. */
  heard(name: string): string[] {
    const { life } = this.#process(name)
    return this.delivered.filter(each => each.node === name && each.life === life).map(({ text }) => text)
  }

  #process(name: string): Process {
    const process = this.#processes.get(name)
    if (process === undefined) throw new Error(`${name} does not run`)
    return process
  }

  #input(name: string, input: BroadcastInput): void {
    const process = this.#processes.get(name)
    if (process === undefined) return
    const effects: BroadcastEffect[] = []
    process.machine.step(input, this.now, effects)
    for (const effect of effects) this.#carryOut(name, process, effect)
  }

  #carryOut(name: string, process: Process, effect: BroadcastEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(name, effect.to, effect.message)
      case 'deliver': {
        const { origin, incarnation: originLife, body } = effect.gossip
        const text = new TextDecoder().decode(body)
        this.delivered.push({ at: this.now, node: name, life: process.life, origin, originLife, text })
        return
      }
      case 'arm': {
        const token = ++this.#order
        process.timers.set(effect.timer, token)
        return this.at(effect.after, () => {
          if (this.#processes.get(name) !== process || process.timers.get(effect.timer) !== token) return
          this.#input(name, { type: 'timer', timer: effect.timer })
        })
      }
      case 'missed':
        this.counts.missed = (this.counts.missed ?? 0) + effect.count
        return
      case 'count':
        this.counts[effect.what] = (this.counts[effect.what] ?? 0) + effect.count
    }
  }

  #send(from: string, to: string, message: BroadcastMessage): void {
    const link = this.#links.get(keyOf(from, to))
    if (link === undefined) throw new Error(`${from} sends ${JSON.stringify(message)} to ${to}, which is no neighbour`)
    this.traffic[message.type]++
    if (this.loses(from, to, message)) return
    const { generation } = link
    link.last = Math.max(link.last, this.now + 1 + this.random.next() * 20)
    this.at(link.last - this.now, () => {
      if (this.#links.get(keyOf(from, to))?.generation !== generation) return
      this.#input(to, { type: 'message', from: from as NodeName, message })
    })
  }
}

function keyOf(from: string, to: string): string {
  return `${from} ${to}`
}
