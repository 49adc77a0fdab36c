import type { Acknowledgement } from '../codec/acknowledgement-frame.js'
import type { CausalFloor, CausalQuery } from '../codec/causal-frames.js'
import { CloseCode, FrameKind, Release, ReplyStatus } from '../codec/codec.js'
import { type Close, encodeClose } from '../codec/handshake-frames.js'
import { waitFor } from '../core/patience.js'
import type { Instant, Millis } from '../core/time.js'
import type { Connection } from '../transport/transport.js'
import { Backoff } from './backoff.js'
import type { LinkChannel } from './channel.js'
import { Handover } from './handover.js'
import type { Established } from './handshake.js'
import { Inbound, type InboundHandler, type IncomingExtra } from './inbound.js'
import type { Link } from './link.js'
import { Outbound } from './outbound.js'
import { MessageQueue } from './queue.js'
import { handshakePatienceOf } from './ways.js'

/** An attempt of this node to open a lane, from the dial to the end of the handshake. */
export interface LaneAttempt {
  /** The generation that was asked for; undefined until the proof was sent. */
  readonly generation: number | undefined
  cancel(): void
}

/** What a lane's connection is at. `opening`: accepted here, and the dialler has not yet said `ready`. */
export type LanePhase = 'closed' | 'opening' | 'open'

/**
 * One fixed slot of a channel to a peer: at most one connection, and the messages that wait for it. A message never
 * spills to another lane. A connection of a later generation takes the place of an earlier one, whose later bytes are
 * discarded.
 */
export class Lane implements InboundHandler {
  readonly channel: LinkChannel
  readonly index: number
  readonly queue: MessageQueue
  readonly outbound: Outbound
  readonly backoff: Backoff
  generation = 0
  /** Grows with each connection that does not go on from where the one before stood. */
  session = 0
  /** Our numbering of its streams has not been used with this peer yet. */
  fresh = true
  phase: LanePhase = 'closed'
  /** The other end is known to have opened it too. */
  confirmed = false
  /** It belongs to an ended incarnation: nobody wants to hear of it. */
  retired = false
  attempt: LaneAttempt | undefined
  /** Its connection leads, or, where it has none, its last one led, through other nodes. */
  relayed = false
  /** Dials so far: each takes the next of the addresses. */
  dials = 0
  /** Cancels the timer of the next dial. */
  retry: (() => void) | undefined
  /** Smoothed round-trip time of heartbeats, in milliseconds; undefined before the first. */
  roundTrip: Millis | undefined
  heardAt: Instant = 0
  /** When it last opened, and closed. */
  openedAt: Instant = 0
  closedAt: Instant = 0
  #connection: Connection | undefined
  #established: Established | undefined
  #inbound: Inbound | undefined
  #handover: Handover | undefined
  /** A handover from this connection was abandoned: the peer may have gone on nevertheless. */
  #abandoned = false
  #pings = 0
  #pingedAt: Instant | undefined
  #cancelOpening: (() => void) | undefined

  constructor(channel: LinkChannel, index: number) {
    this.channel = channel
    this.index = index
    this.queue = new MessageQueue(channel.budget)
    this.outbound = new Outbound(channel.outboundSettings, this.queue)
    this.outbound.batch.overflowed = () =>
      this.close('overflow', 'the peer does not read: too many control frames wait')
    this.backoff = new Backoff(channel.link.settings.random)
  }

  get link(): Link {
    return this.channel.link
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Gives the lane, which has none, its connection. */
  attach(connection: Connection, established: Established, role: 'dialler' | 'acceptor'): void {
    this.attempt?.cancel()
    this.attempt = undefined
    this.cancelRetry()
    this.generation = established.slot.generation
    this.session++
    this.#connection = connection
    this.relayed = connection.relayed === true
    this.#established = established
    if (established.fresh) {
      this.channel.forgetSeen(this.index)
      this.link.handler.renumbered(this)
    }
    this.#inbound = new Inbound(this.channel.inboundSettings, this, this.index, role === 'dialler')
    this.heardAt = this.link.settings.clock.now()
    if (role === 'dialler') {
      this.#open()
      return
    }
    this.phase = 'opening'
    this.#cancelOpening = waitFor(this.link.settings.clock, handshakePatienceOf(connection), () => {
      this.close('timeout', 'the dialler never said that it is ready')
    })
  }

  /** Messages of the peer are being handled. */
  get handling(): boolean {
    return this.#inbound?.handling === true
  }

  /** A direct connection is taking the place of its relayed one. */
  get moving(): boolean {
    return this.#handover !== undefined
  }

  /**
   * Takes a direct connection in the place of the relayed one that it has, without a gap: see {@link Handover}. False,
   * and nothing happens, where there is nothing to go on from.
   */
  succeed(connection: Connection, established: Established, role: 'dialler' | 'acceptor'): boolean {
    const isDirect = connection.relayed !== true && this.relayed
    if (!isDirect || this.phase !== 'open' || established.fresh) return false
    // A peer that dials again has given up what was under way, unless it has said its last on the relayed one.
    if (this.#handover?.abandon() === false) return false
    this.attempt?.cancel()
    this.attempt = undefined
    this.cancelRetry()
    this.generation = established.slot.generation
    const handover = new Handover(connection, role, this.link.settings.clock, {
      goOn: () => this.outbound.move(connection),
      over: () => this.#moved(handover),
      failed: why => this.close('replaced', why),
      abandoned: () => {
        this.#handover = undefined
        this.#abandoned = true
      },
    })
    this.#handover = handover
    handover.begin()
    return true
  }

  /** A batch arrived on `connection`; one that was replaced is not listened to. */
  received(connection: Connection, batch: Uint8Array): void {
    if (connection !== this.#connection) {
      if (connection === this.#handover?.connection) this.#handover.received(batch)
      return
    }
    if (this.link.listens()) this.heard()
    this.#inbound?.received(batch)
  }

  /** Something of the peer arrived on it that counts as a sign of life. */
  heard(): void {
    this.heardAt = this.link.settings.clock.now()
    this.link.heard()
  }

  drained(connection: Connection): void {
    if (connection === this.#spoken) this.outbound.drained()
  }

  /** The connection ended by itself. */
  lost(connection: Connection, reason: string): void {
    if (connection === this.#connection) this.#drop(reason)
    else if (connection === this.#handover?.connection && !this.#handover.abandon()) this.#drop(reason)
  }

  /** Ends the connection, if any, and says why. */
  close(code: keyof typeof CloseCode, text: string): void {
    const connection = this.#spoken
    if (connection === undefined) return
    if (this.outbound.later(() => this.close(code, text))) return
    this.outbound.batch.flush()
    connection.send(encodeClose(CloseCode[code], text))
    if (code === 'silence' || code === 'overflow') connection.destroy()
    else connection.close(text)
    this.#drop(text)
  }

  /** Asks for a sign of life, and measures the way there and back. */
  ping(): void {
    if (this.phase !== 'open' || this.#pingedAt !== undefined) return
    if (!this.link.heartbeatPasses('forward')) return
    this.#pingedAt = this.link.settings.clock.now()
    this.outbound.controlNumbers(FrameKind.ping, ++this.#pings)
  }

  /** Regular care: credit that is too little to tell of at once, and a ping that never came back. */
  tick(now: Instant, patience: Millis): void {
    this.#inbound?.announce()
    if (this.#pingedAt !== undefined && now - this.#pingedAt > patience) this.#pingedAt = undefined
  }

  cancelRetry(): void {
    this.retry?.()
    this.retry = undefined
  }

  // What its inbound half tells it.

  message(server: string, payload: unknown, extra: IncomingExtra | undefined): PromiseLike<unknown> | undefined {
    return this.link.handler.message(this, server, payload, extra)
  }

  reply(id: number, status: number, payload: unknown): void {
    this.link.handler.reply(this, id, status === ReplyStatus.error, payload)
  }

  acknowledged(acknowledgement: Acknowledgement): void {
    this.link.handler.acknowledged(this, acknowledgement)
  }

  causalQuery(query: CausalQuery): void {
    this.link.handler.causalQuery(this, query)
  }

  causalFloor(floor: CausalFloor): void {
    this.link.handler.causalFloor(this, floor)
  }

  strategy(value: unknown): void {
    // An overlay is of neighbours: what comes through other nodes is no word of one.
    if (!this.relayed) this.link.handler.strategy(this.link, value)
  }

  fault(value: unknown): void {
    this.link.handler.fault(this.link, value)
  }

  released(release: number): void {
    if (release !== Release.ask && release !== Release.refuse) return this.violated('malformed', 'a release')
    if (this.phase === 'open') this.link.handler.released(this.link, release)
  }

  peerReady(goesOn: boolean): void {
    if (this.phase !== 'opening') return this.violated('malformed', 'ready, out of turn')
    if (goesOn) return this.close('replaced', 'the connection that it goes on from is gone')
    this.#open()
    this.#confirm()
  }

  peerMoved(): void {
    if (this.#handover !== undefined) return this.#handover.peerMoved()
    if (!this.#abandoned) return this.violated('malformed', 'moved, and no other connection')
    this.close('replaced', 'the connection that the peer goes on on is gone')
  }

  credited(total: number, chunked: number): void {
    this.outbound.grant(total, chunked)
  }

  pinged(id: number): void {
    if (!this.#heartbeatArrives() || !this.link.heartbeatPasses('forward')) return
    this.outbound.controlNumbers(FrameKind.pong, id)
  }

  ponged(id: number): void {
    if (!this.#heartbeatArrives()) return
    this.#confirm()
    if (id !== this.#pings || this.#pingedAt === undefined) return
    const measured = this.link.settings.clock.now() - this.#pingedAt
    this.#pingedAt = undefined
    this.roundTrip = this.roundTrip === undefined ? measured : this.roundTrip * 0.875 + measured * 0.125
    if (this === this.link.control) this.link.handler.measured(this.link, this.roundTrip)
  }

  peerClosed(close: Close): void {
    const connection = this.#connection
    this.link.handler.closedByPeer(this, close)
    connection?.close()
    if (connection === this.#connection) this.#drop(close.text)
  }

  duplicate(): void {
    this.link.handler.duplicate(this)
  }

  violated(rule: 'malformed' | 'credit', detail: string): void {
    this.link.handler.violated(this, rule, detail)
    this.close(rule, detail)
  }

  emptied(): void {
    this.link.handler.emptied(this)
    this.close('disconnected', 'a handler took away what came with its message')
  }

  announce(total: number, chunked: number): void {
    this.outbound.controlNumbers(FrameKind.credit, total, chunked)
  }

  /** The connection that is written to. */
  get #spoken(): Connection | undefined {
    return this.#handover?.speaks === true ? this.#handover.connection : this.#connection
  }

  #moved({ connection, held }: Handover): void {
    const former = this.#connection
    this.#handover = undefined
    this.#connection = connection
    this.#abandoned = false
    this.relayed = false
    former?.close('it goes on on another connection')
    this.roundTrip = undefined
    this.#pingedAt = undefined
    this.ping()
    this.link.laneMoved(this)
    for (const batch of held) this.received(connection, batch)
    connection.resume()
  }

  #open(): void {
    const { limits } = this.#established as Established
    this.#cancelOpening?.()
    this.#cancelOpening = undefined
    const opened = this.phase === 'closed'
    this.phase = 'open'
    this.fresh = false
    this.openedAt = this.link.settings.clock.now()
    this.outbound.open(this.#connection as Connection, limits)
    if (opened) this.outbound.control(FrameKind.ready)
    this.ping()
    this.link.laneOpened(this)
    this.outbound.drain()
  }

  /** The other end uses the lane: it is open there too. */
  #confirm(): void {
    if (this.confirmed) return
    this.confirmed = true
    this.link.handler.confirmed(this)
  }

  /** Heartbeats may be interposed, and count as a sign of life only afterwards. */
  #heartbeatArrives(): boolean {
    if (this.phase !== 'open' || !this.link.heartbeatPasses('receive')) return false
    this.heard()
    return true
  }

  #drop(reason: string): void {
    const wasOpen = this.phase === 'open'
    this.#cancelOpening?.()
    this.#cancelOpening = undefined
    const handover = this.#handover
    this.#handover = undefined
    handover?.end()
    if (handover !== undefined) this.#connection?.close(reason)
    this.#inbound?.close()
    this.#inbound = undefined
    this.#connection = undefined
    this.#established = undefined
    this.#abandoned = false
    this.#pingedAt = undefined
    this.confirmed = false
    this.phase = 'closed'
    this.closedAt = this.link.settings.clock.now()
    this.outbound.close()
    if (!this.retired) this.link.laneClosed(this, wasOpen, reason)
  }
}
