import {
  type CausalField,
  type CausalFloor,
  type CausalQuery,
  causalBytesMax,
  encodeCausalField,
} from '../codec/causal-frames.js'
import { CausalOrderError, NotConnectedError, OverflowError } from '../core/errors.js'
import { Fifo } from '../core/fifo.js'
import { type Incarnation, type Life, lifeOf, type NodeName, type NodeSpec } from '../core/node.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import { Causality, causalAskMillis } from '../delivery/causality.js'
import { EndedLives } from '../delivery/ended-lives.js'
import type { LinkChannel } from '../link/channel.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'
import type { CausalTag, Settler } from '../link/queue.js'
import { CausalQueries } from './causal-queries.js'
import { CausalTurn } from './causal-turn.js'
import type { Counters } from './counters.js'
import type { Acceptor } from './registry.js'
import { lifeOver } from './stopping.js'

export interface CausalLabelsContext {
  readonly hub: LinkHub
  readonly clock: Clock
  readonly counters: Counters
  readonly self: () => NodeSpec
  /** Ends of lives that are remembered. */
  readonly peers: number
  /** Messages were given up. */
  missed(label: string, count: number): void
}

interface Label {
  readonly name: string
  readonly causality: Causality<CausalTurn>
  /** Depend on nothing more, in order. */
  readonly ready: Fifo<CausalTurn>
  /** How many were handed over since there was nothing to, or other work of this process had its turn. */
  inTurn: number
  /** Goes on when other work of this process had its turn. */
  isPaused: boolean
  /** The last that was handed over is not with its handler yet: a schema, or its server's turns, take their time. */
  isBusy: boolean
  missed: number
  forgotten: number
}

/** Labels of one node, in all. */
const causalLabelsMax = 1_024

const tooManyLabels = `needs more than ${causalLabelsMax} causal labels at a node: give many conversations one label`
const tooMuchBefore =
  'depends on more than a message may tell of: spread what does not depend on each other over labels'
const neverMet = 'was never met, so its life is not known: wait for onUp, or send it one without the label first'
/** Where there is no room for one more, it is looked for so often. */
const tidyEvery: Millis = 1_000
/** Messages of one label that are handed over without a break. */
const handOversPerTurn = 1_024

/** The causal labels of a node: what its messages of each depend on, and in which order those of others are taken. */
export class CausalLabels {
  readonly #context: CausalLabelsContext
  #ended: EndedLives
  readonly #queries: CausalQueries
  readonly #labels = new Map<string, Label>()
  readonly #waiting = new Set<CausalTurn>()
  readonly #out: CausalTurn[] = []
  #cancelCare: (() => void) | undefined
  #tidiedAt: Instant | undefined

  constructor(context: CausalLabelsContext) {
    this.#context = context
    this.#ended = new EndedLives(context.peers)
    this.#queries = new CausalQueries({
      ...{ hub: context.hub, clock: context.clock },
      // Of a label that is unknown nothing was sent.
      sentTo: (label, to) => this.#labels.get(label)?.causality.sentTo(to) ?? { floor: 1, last: 0 },
      concluded: conclusion => {
        const state = this.#labels.get(conclusion.label)
        if (state === undefined) return
        state.causality.concluded(conclusion, context.clock.now(), this.#out)
        this.#after(state)
      },
    })
  }

  /**
   * Numbers a message to a peer. Returns what travels with it, and a settler that has to be told when it has left or
   * never will: until then others may have to wait for it.
   */
  send(
    name: string,
    { link, name: channel }: LinkChannel,
    settler: Settler,
    awaited: boolean,
  ): { readonly causal: CausalTag; readonly settler: Leaving } {
    const to = lifeOf(link.spec)
    // Of one that was never met the life is not known, for which alone a number holds.
    if (to.incarnation === 0) throw new NotConnectedError(link.name, 'down', neverMet)
    const state = this.#open(name, link.name, channel)
    const { causality } = state
    if (causality.isFull) throw this.#overflow(link.name, channel, tooMuchBefore)
    const now = this.#context.clock.now()
    const encode = (): Uint8Array =>
      encodeCausalField({ label: name, number: causality.next(to), dependencies: causality.dependencies(to, now) })
    let bytes = encode()
    // More goes than has to, so that this is not done at each message.
    while (bytes.length > causalBytesMax && causality.forgetBytes(bytes.length - causalBytesMax * 0.75))
      bytes = encode()
    if (bytes.length > causalBytesMax) throw this.#overflow(link.name, channel, tooMuchBefore)
    const number = causality.send(to, now)
    this.#countForgotten(state)
    const tag = { bytes, from: this.#context.self().incarnation, to: to.incarnation }
    return { causal: tag, settler: new Leaving(settler, awaited, () => causality.left(to, number)) }
  }

  /** Numbers a message of this node to itself. */
  sendToSelf(name: string, channel: string): CausalField {
    const self = lifeOf(this.#context.self())
    const { causality } = this.#open(name, self.name, channel)
    const now = this.#context.clock.now()
    const dependencies = causality.dependencies(self, now)
    return { label: name, number: causality.send(self, now), dependencies }
  }

  /** Throws when the lives for which a message was numbered are over. */
  check({ from, to }: CausalTag, { name, spec }: Link): void {
    const self = this.#context.self()
    if (self.incarnation !== from) throw lifeOver(self.name)
    if (spec.incarnation !== to) throw new NotConnectedError(name, 'restarted')
  }

  /** A message arrived, and a fault holds it back. */
  delayed(from: Life, { label, number }: CausalField): void {
    if (!this.#labels.has(label) && !this.#hasRoom()) return
    this.#open(label, from.name, 'any').causality.delayed(from, number, this.#context.clock.now())
  }

  /** A message that a fault held back will not go on. */
  undelayed(from: Life, { label, number }: CausalField): void {
    const state = this.#labels.get(label)
    if (state === undefined) return
    state.causality.undelayed(from, number, this.#context.clock.now(), this.#out)
    this.#after(state)
  }

  /**
   * A message arrived: `hand` is called in its turn, with who has to be told what becomes of it. Returns a promise
   * while it waits or is being handled. `acceptor` is told by `CausalOrderError` when it comes too late.
   */
  take(
    from: Life,
    { label, number, dependencies }: CausalField,
    acceptor: Acceptor,
    hand: (acceptor: Acceptor) => PromiseLike<unknown> | undefined,
  ): PromiseLike<unknown> | undefined {
    const { self, clock, counters } = this.#context
    let state: Label
    try {
      state = this.#open(label, from.name, 'any')
    } catch (error) {
      acceptor.failed(error)
      return undefined
    }
    const turn = new CausalTurn(hand, acceptor)
    this.#waiting.add(turn)
    const verdict = state.causality.arrived(from, number, dependencies, turn, clock.now(), this.#out)
    if (verdict === 'late') {
      counters.add('causalLate')
      turn.end(new CausalOrderError(self().name, label))
      // Others may have told what is not so.
      this.#queries.ask(label, from)
    } else if (verdict === 'duplicate') {
      counters.add('duplicates')
      turn.skip()
    }
    if (verdict !== 'taken') this.#waiting.delete(turn)
    this.#after(state)
    return turn.isOver ? undefined : turn.over
  }

  asked(lane: Lane, query: CausalQuery): void {
    this.#queries.asked(lane, query)
  }

  answered(lane: Lane, floor: CausalFloor): void {
    this.#queries.answered(lane, floor)
  }

  laneClosed(lane: Lane): void {
    this.#queries.laneClosed(lane)
  }

  /** That life of a node is over, and all before it. */
  ended(name: NodeName, incarnation: number): void {
    const now = this.#context.clock.now()
    if (incarnation <= 0 || !this.#ended.add({ name, incarnation: incarnation as Incarnation }, now)) return
    for (const state of this.#labels.values()) {
      state.causality.livesEnded(now, this.#out)
      this.#after(state)
    }
  }

  /** A life of this node ends: what waits is not handed over. */
  clear(error: () => Error): void {
    this.#cancelCare?.()
    this.#cancelCare = undefined
    this.#queries.clear()
    this.#labels.clear()
    // Who has left a life of this node has not left the next.
    this.#ended = new EndedLives(this.#context.peers)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const turn of waiting) turn.end(error())
  }

  #open(name: string, node: string, channel: string): Label {
    const known = this.#labels.get(name)
    if (known !== undefined) return known
    if (!this.#hasRoom()) throw this.#overflow(node, channel, tooManyLabels)
    const { self, hub } = this.#context
    const own = lifeOf(self())
    const causality = new Causality<CausalTurn>(own, {
      endedSince: life => this.#ended.since(life),
      isNear: ({ name, incarnation }) => {
        if (name === own.name) return incarnation === own.incarnation
        return hub.links.get(name)?.spec.incarnation === incarnation
      },
    })
    const label: Label = {
      name,
      causality,
      ready: new Fifo(),
      inTurn: 0,
      isPaused: false,
      isBusy: false,
      missed: 0,
      forgotten: 0,
    }
    this.#labels.set(name, label)
    return label
  }

  /** Whether there may be one more label. Those whose lives are all over make room. */
  #hasRoom(): boolean {
    if (this.#labels.size < causalLabelsMax) return true
    const now = this.#context.clock.now()
    if (this.#tidiedAt !== undefined && now - this.#tidiedAt < tidyEvery) return false
    this.#tidiedAt = now
    for (const { name, causality, ready, isBusy, isPaused } of [...this.#labels.values()]) {
      if (ready.size === 0 && !isBusy && !isPaused && causality.isForgettable(now)) this.#labels.delete(name)
    }
    return this.#labels.size < causalLabelsMax
  }

  #overflow(node: string, channel: string, why: string): OverflowError {
    this.#context.counters.add('overflowed')
    return new OverflowError(node, channel, 'causalLabel', `the message to node '${node}' ${why}`)
  }

  /** Something happened to a label: hands over what may be, and tells of what was given up. */
  #after(state: Label): void {
    for (const turn of this.#out.splice(0)) state.ready.add(turn)
    const { missed } = state.causality
    this.#countForgotten(state)
    if (missed > state.missed) {
      this.#context.counters.add('causalGaps', missed - state.missed)
      this.#context.missed(state.name, missed - state.missed)
      state.missed = missed
    }
    this.#handOver(state)
    this.#care(state)
  }

  #countForgotten(state: Label): void {
    const { forgotten } = state.causality
    if (forgotten > state.forgotten) this.#context.counters.add('causalForgotten', forgotten - state.forgotten)
    state.forgotten = forgotten
  }

  /** One after the other, so that handlers start in order, whatever each takes to be checked or to have its turn. */
  #handOver(state: Label): void {
    while (!state.isBusy && !state.isPaused) {
      const turn = state.ready.first
      if (turn === undefined) {
        state.inTurn = 0
        return
      }
      if (state.inTurn >= handOversPerTurn) return this.#pause(state)
      state.inTurn++
      state.ready.removeFirst()
      state.isBusy = true
      let isGiven = false
      let isLater = false
      const goOn = (): void => {
        state.isBusy = false
        if (isLater && this.#labels.get(state.name) === state) this.#handOver(state)
      }
      this.#waiting.delete(turn)
      turn.begin(() => {
        if (isGiven) return
        isGiven = true
        // It is told before its handler is called.
        if (isLater) void Promise.resolve().then(goOn)
        else goOn()
      })
      isLater = true
    }
  }

  /** A single message may release very many: timers and connections have their turn between them. */
  #pause(state: Label): void {
    state.isPaused = true
    this.#context.clock.defer(() => {
      state.isPaused = false
      state.inTurn = 0
      if (this.#labels.get(state.name) === state) this.#handOver(state)
    })
  }

  /** While anything waits, its senders are asked from time to time. */
  #care({ causality }: Label): void {
    if (this.#cancelCare !== undefined || !causality.isWaiting) return
    this.#cancelCare = this.#context.clock.schedule(causalAskMillis, () => {
      this.#cancelCare = undefined
      for (const state of [...this.#labels.values()]) this.#careFor(state)
      for (const state of this.#labels.values()) this.#care(state)
    })
  }

  #careFor(state: Label): void {
    const asked = state.causality.care(this.#context.clock.now(), this.#out)
    for (const from of asked) this.#queries.ask(state.name, from)
    this.#after(state)
  }
}

/** Tells when a message has left, or never will, beside what its sender is told. */
class Leaving implements Settler {
  readonly awaited: boolean
  readonly left: () => void
  readonly #settler: Settler

  constructor(settler: Settler, awaited: boolean, left: () => void) {
    this.#settler = settler
    this.awaited = awaited
    this.left = left
  }

  sent(): void {
    this.left()
    this.#settler.sent()
  }

  failed(error: Error): void {
    this.left()
    this.#settler.failed(error)
  }

  wanted(): boolean {
    return this.#settler.wanted?.() !== false
  }
}
