import type { CausalField } from '../codec/causal-frames.js'
import { ReplyStatus } from '../codec/codec.js'
import { bytesOf, encodeToBytes } from '../codec/value-bytes.js'
import { UnencodableError } from '../codec/value-encoder.js'
import type { ChannelName } from '../core/channel.js'
import { CausalOrderError, EncodeError, type MaquisError, OverflowError } from '../core/errors.js'
import { type Life, lifeOf } from '../core/node.js'
import { isPromiseLike } from '../core/promise-like.js'
import { isHeld, type Outcome, type Passage, type PassageKind } from '../fault/interposition.js'
import type { IncomingExtra } from '../link/inbound.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'
import type { AckedArrivals } from './acked-arrivals.js'
import { cutReport, reportOf } from './error-reports.js'
import { aged, type IncomingContext } from './incoming.js'
import type { Reporter } from './reporter.js'
import type { Requester } from './requester.js'
import { broadcastServer, internalKindOf, isUnnamed, relayServer } from './server-ref.js'
import type { MessageContext } from './servers.js'

export interface ArrivalsContext extends IncomingContext {
  readonly acked: AckedArrivals
  readonly requester: Requester
  /** A message ended, and no promise tells of it. */
  readonly lost: Reporter['dropped']
  managerMessage(context: MessageContext, message: unknown): void
  /** What a neighbour tells about broadcasts. Resolves when what came with it was handled. */
  broadcast(link: Link, channel: ChannelName, message: unknown): PromiseLike<unknown> | undefined
  /** What a neighbour tells of circuits through other nodes. Resolves when it was passed on. */
  relay(lane: Lane, message: unknown): PromiseLike<unknown> | undefined
}

function kindOf(server: string, extra: IncomingExtra | undefined): PassageKind {
  if (extra?.manager === true) return 'manager'
  if (extra?.request !== undefined) return 'request'
  return internalKindOf(server) ?? 'message'
}

/** Whether a reply is with its connection, or never will be: most are at once. */
class Left {
  #isOver = false
  #resolve: (() => void) | undefined

  readonly sent = (): void => {
    this.#isOver = true
    this.#resolve?.()
  }

  get promise(): Promise<void> | undefined {
    if (this.#isOver) return undefined
    return new Promise(resolve => {
      this.#resolve = resolve
    })
  }
}

function valueStatus(value: unknown): number {
  return value instanceof Uint8Array ? ReplyStatus.bytes : ReplyStatus.value
}

/** The receiving path: cut, interpositions, then the server, the requester or the manager. */
export class Arrivals {
  readonly #context: ArrivalsContext
  /** What handlers are told of a lane's plain messages: the same object for all of them. */
  readonly #contexts = new WeakMap<Lane, MessageContext>()

  constructor(context: ArrivalsContext) {
    this.#context = context
  }

  message(
    lane: Lane,
    server: string,
    payload: unknown,
    extra: IncomingExtra | undefined,
  ): PromiseLike<unknown> | undefined {
    if (extra?.ack !== undefined) {
      const context = this.#contextOf(lane, extra)
      return this.#context.acked.message({
        lane,
        server,
        payload,
        extra,
        ack: extra.ack,
        context,
        from: lane.link.spec,
      })
    }
    if (lane.link.state.phase === 'cut') {
      this.#context.counters.add('faulted')
      if (extra?.request !== undefined) this.#sendCut(lane, extra.request)
      return undefined
    }
    if (server === relayServer && extra === undefined) return this.#context.relay(lane, payload)
    if (!this.#context.interpositions.active) return this.#deliver(lane, server, payload, extra)
    const kind = kindOf(server, extra)
    const arrived = this.#context.clock.now()
    // As it is now: another life may be there when a fault lets it go on.
    const from = lane.link.spec
    const { causal } = extra ?? {}
    if (causal !== undefined) this.#context.causal.delayed(lifeOf(from), causal)
    let goesOn = false
    const handled = this.#interposed(lane, kind, isUnnamed(kind) ? undefined : server, payload, message => {
      goesOn = true
      const since = this.#context.clock.now() - arrived
      return this.#deliver(lane, server, message, extra && aged(extra, since), from)
    })
    const isDropped = handled === undefined && !goesOn
    if (causal !== undefined && isDropped) this.#context.causal.undelayed(lifeOf(from), causal)
    return handled
  }

  reply(lane: Lane, id: number, isError: boolean, payload: unknown): void {
    const { requester, interpositions, counters } = this.#context
    if (lane.link.state.phase === 'cut') return counters.add('faulted')
    const server = requester.serverOf(id)
    // What nobody waits for is not held either: a peer may send as many of these as it likes.
    if (!interpositions.active || server === undefined) return requester.answered(lane, id, isError, payload)
    this.#interposed(lane, 'reply', server, payload, message => {
      requester.answered(lane, id, isError, message)
      return undefined
    })
  }

  #interposed(
    lane: Lane,
    kind: Passage['kind'],
    server: string | undefined,
    payload: unknown,
    deliver: (message: unknown) => PromiseLike<unknown> | undefined,
  ): PromiseLike<unknown> | undefined {
    const { name } = lane.link
    const passage: Passage = {
      ...{ direction: 'receive', peer: name, channel: lane.channel.name, kind, server, message: payload },
    }
    const outcome = this.#context.judge(passage)
    const { copies, message } = outcome
    if (copies === 0) return this.#stopped()
    lane.heard()
    if (!isHeld(outcome) && copies === 1) return deliver(message)
    return this.#inTime(outcome, async () => {
      await Promise.all(Array.from({ length: copies }, async () => deliver(message)))
    })
  }

  /** Lets a passage go on when nothing holds it any more. */
  #inTime(outcome: Outcome, goOn: () => Promise<void>): Promise<void> | undefined {
    if (!isHeld(outcome)) return goOn()
    let resolve = (): void => {}
    const gone = new Promise<void>(settle => {
      resolve = settle
    })
    const held = this.#context.delays.hold(outcome, () => void goOn().then(resolve, resolve))
    return held === undefined ? this.#stopped() : gone
  }

  #stopped(): undefined {
    this.#context.counters.add('faulted')
  }

  #deliver(
    lane: Lane,
    server: string,
    message: unknown,
    extra: IncomingExtra | undefined,
    from?: Life,
  ): PromiseLike<unknown> | undefined {
    if (extra?.causal !== undefined) return this.#inTurn(lane, server, message, extra, extra.causal, from)
    if (extra?.budget === 0) {
      this.#context.counters.add('expired')
      return undefined
    }
    const context = this.#contextOf(lane, extra)
    if (extra?.manager === true) {
      this.#context.managerMessage(context, message)
      return undefined
    }
    if (extra?.request === undefined) {
      if (server === broadcastServer) return this.#context.broadcast(lane.link, lane.channel.name, message)
      return this.#context.registry.deliver(server, message, context)
    }
    return this.#answer(lane, extra.request, server, message, context)
  }

  /** A message of a causal label waits for those that it depends on. */
  #inTurn(
    lane: Lane,
    server: string,
    message: unknown,
    extra: IncomingExtra,
    field: CausalField,
    from: Life = lane.link.spec,
  ): PromiseLike<unknown> | undefined {
    const { causal, clock, counters, registry, lost } = this.#context
    const arrived = clock.now()
    const context = this.#contextOf(lane, extra)
    const failed = (error: unknown): boolean => {
      const reason = error instanceof CausalOrderError ? 'causal-order' : 'overflow'
      const isMine = error instanceof CausalOrderError || error instanceof OverflowError
      if (isMine) lost(reason, 'receive', from.name, lane.channel.name, server)
      return false
    }
    return causal.take(lifeOf(from), field, { given: () => {}, handled: () => {}, failed }, acceptor => {
      const isExpired = aged(extra, clock.now() - arrived).budget === 0
      if (!isExpired) return registry.accept(server, message, context, acceptor)
      counters.add('expired')
      return undefined
    })
  }

  /** Credit for the request returns when its answer is with the connection. */
  #answer(
    lane: Lane,
    id: number,
    server: string,
    message: unknown,
    context: MessageContext,
  ): PromiseLike<unknown> | undefined {
    // A reply belongs to the connection that its request came on: nobody waits on another.
    const { session } = lane
    try {
      const answer = this.#context.registry.ask(server, message, context)
      if (!isPromiseLike(answer)) return this.#reply(lane, session, id, server, valueStatus(answer), answer)
      return answer.then(
        value => this.#reply(lane, session, id, server, valueStatus(value), value),
        error => this.#reply(lane, session, id, server, ReplyStatus.error, reportOf(error)),
      )
    } catch (error) {
      return this.#reply(lane, session, id, server, ReplyStatus.error, reportOf(error))
    }
  }

  #reply(
    lane: Lane,
    session: number,
    id: number,
    server: string,
    status: number,
    value: unknown,
  ): PromiseLike<unknown> | undefined {
    const goes = (): boolean => {
      if (lane.session !== session || lane.phase !== 'open') return false
      if (lane.link.state.phase !== 'cut') return true
      this.#stopped()
      this.#sendCut(lane, id)
      return false
    }
    if (!goes()) return undefined
    if (!this.#context.interpositions.active) return this.#send(lane, id, status, value)
    const outcome = this.#context.judge({
      ...{ direction: 'forward', peer: lane.link.name, channel: lane.channel.name, kind: 'reply', server },
      message: value,
    })
    if (outcome.copies === 0) return this.#stopped()
    return this.#inTime(outcome, async () => {
      for (let copy = 0; copy < outcome.copies && goes(); copy++) await this.#send(lane, id, status, outcome.message)
    })
  }

  /** Returns a promise while the reply waits for its turn. */
  #send(lane: Lane, id: number, status: number, value: unknown): Promise<void> | undefined {
    let body: Uint8Array
    try {
      if (status !== ReplyStatus.error && lane.outbound.offerReply(id, value)) return undefined
      // A copy: the reply may wait, and its handler is not told until when it may not use the bytes again.
      if (value instanceof Uint8Array && status === ReplyStatus.bytes) body = new Uint8Array(value)
      else body = bytesOf(lane.outbound.encode(value))
    } catch (error) {
      return this.#sendError(lane, id, error)
    }
    if (body.length > lane.outbound.agreed.messageBytes) {
      const bytes = `${body.length} bytes and limits.messageBytes is ${lane.outbound.agreed.messageBytes}`
      return this.#sendError(lane, id, new EncodeError(`the reply takes ${bytes}, here or at the peer`))
    }
    const left = new Left()
    if (lane.outbound.reply(id, status, body, left.sent)) return left.promise
    this.#context.counters.add('overflowed')
    return this.#sendError(lane, id, tooManyReplies(lane))
  }

  /** The peer may never learn of a cut that is healed soon: it would wait for ever. Where it has, this is dropped. */
  #sendCut(lane: Lane, id: number): void {
    lane.outbound.reply(id, ReplyStatus.error, this.#encode(cutReport), () => {}, true)
  }

  #sendError(lane: Lane, id: number, error: unknown): Promise<void> | undefined {
    const known = error instanceof UnencodableError ? new EncodeError(error.message) : (error as MaquisError)
    const left = new Left()
    lane.outbound.reply(id, ReplyStatus.error, this.#encode(reportOf(known)), left.sent, true)
    return left.promise
  }

  #encode(value: unknown): Uint8Array {
    return encodeToBytes(value, this.#context.valueLimits)
  }

  #contextOf(lane: Lane, extra: IncomingExtra | undefined): MessageContext {
    let plain = this.#contexts.get(lane)
    const { name, spec } = lane.link
    if (plain === undefined || plain.incarnation !== spec.incarnation) {
      plain = { from: name, incarnation: spec.incarnation, channel: lane.channel.name }
      this.#contexts.set(lane, plain)
    }
    if (extra === undefined) return plain
    if (extra.clock === undefined && extra.budget === undefined && extra.causal === undefined) return plain
    return {
      ...plain,
      ...(extra.causal !== undefined && { causalLabel: extra.causal.label }),
      ...(extra.clock !== undefined && { clock: extra.clock }),
      ...(extra.budget !== undefined && { deadline: this.#context.clock.wall().getTime() + extra.budget }),
    }
  }
}

function tooManyReplies({ link: { name }, channel }: Lane): OverflowError {
  const fix = 'ask for less at a time, or raise the limit there'
  const text = `too many bytes of replies wait for node '${name}' (limits.replyBytes): ${fix}`
  return new OverflowError(name, channel.name, 'limits.replyBytes', text)
}
