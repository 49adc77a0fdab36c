import type { ChannelName } from '../core/channel.js'
import {
  type MaquisError,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  UnknownChannelError,
  UnknownOutcomeError,
} from '../core/errors.js'
import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import { callUser } from '../core/promise-like.js'
import type { Clock, Millis } from '../core/time.js'
import { idsMax, type MonitorMessage, parseMonitorMessage } from '../delivery/monitor-messages.js'
import { Monitored, type MonitoredInput, type Notice } from '../delivery/monitored.js'
import { type EndReason, Monitors, type MonitorsEffect, type MonitorsInput } from '../delivery/monitors.js'
import { UnsaidIds } from '../delivery/unsaid-ids.js'
import type { LinkHub } from '../link/hub.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import type { LocalServers } from './local-servers.js'
import type { Registry } from './registry.js'
import type { Reporter } from './reporter.js'
import type { Sender } from './sender.js'
import { type Destination, monitorServer, otherLife } from './server-ref.js'
import type { MessageContext } from './servers.js'

export interface MonitoringContext {
  readonly self: () => NodeSpec
  readonly hub: LinkHub
  readonly sender: Sender
  readonly registry: Registry
  readonly local: LocalServers
  readonly reporter: Reporter
  readonly clock: Clock
  readonly limits: Limits
}

/** How a server is monitored. */
export interface MonitorOptions {
  /**
   * Default `'default'`. The end is told behind all messages that the node of the server had sent to this one on that
   * channel.
   */
  readonly channel?: string
}

/** What became of a monitored server. */
export interface MonitorEnd {
  /** The node of the server. */
  readonly node: NodeName
  /** The name of the server. */
  readonly name: string
  /** The life of the node that was watched; undefined where none was met. */
  readonly incarnation: Incarnation | undefined
  /**
   * `unregistered`: its registration ended. `no-such-server`: there was none. `node-down`: its node, or the life of it
   * that was meant, is down as seen from here, or not connected; `error` says how. `refused`: one of the two nodes has
   * no more room for monitors, or the peer lacks the channel. `stopped`: this node was stopped, or begins a new life.
   */
  readonly reason: 'unregistered' | 'no-such-server' | 'node-down' | 'refused' | 'stopped'
  /** What a request would have rejected with; undefined with `unregistered`. */
  readonly error: Error | undefined
}

interface Watch {
  readonly fn: (end: MonitorEnd) => void
  readonly node: NodeName
  readonly name: string
  readonly channel: string
}

/** What a full queue did not take, all in one. */
interface Late {
  readonly unsaid: UnsaidIds
  /** Resolves with whether the peer has taken it. */
  readonly over: Promise<boolean>
}

/** The shell of both ends of monitors. Their messages go to {@link monitorServer}, with `ack`; see docs/protocol.md. */
export class Monitoring {
  readonly #context: MonitoringContext
  readonly #monitors = new Monitors()
  readonly #monitored: Monitored
  readonly #watches = new Map<number, Watch>()
  /** Ends the messages that wait to be offered again. */
  readonly #retries = new Set<() => void>()
  /** By peer and life, channel and stream, and what it says. */
  readonly #late = new Map<string, Late>()
  #lastId = 0
  #stopping: (() => Error) | undefined

  constructor(context: MonitoringContext) {
    const { registry, limits } = context
    this.#context = context
    this.#monitored = new Monitored({ has: server => registry.has(server), limit: monitorsMax(limits) })
    registry.register(monitorServer, (message, from) => this.#receive(message, from), {})
  }

  /** Calls `fn` once, and never before this returns. */
  monitor({ node: to, server: name, incarnation: only }: Destination, fn: Watch['fn'], channel: string): Disposable {
    const id = ++this.#lastId
    const node = to as NodeName
    this.#watches.set(id, { fn, node, name, channel })
    const obstacle = this.#obstacle(node, only, channel)
    if (obstacle !== undefined) this.#endLater(id, undefined, obstacle)
    else this.#step({ type: 'monitor', id, node, channel, server: name, only, life: this.#lifeOf(node) })
    return {
      [Symbol.dispose]: () => {
        if (this.#watches.delete(id)) this.#step({ type: 'demonitor', id })
      },
    }
  }

  /** A registration of this node ended. */
  unregistered(server: string): void {
    this.#watchedStep({ type: 'unregistered', server })
  }

  /** The peer is up: after a cut, or over a connection that may be the first after a loss of all. */
  connected({ name: node, spec, state }: Link): void {
    if (state.phase !== 'up') return
    void this.#watchedStep({ type: 'connected', node })
    this.#step({ type: 'connected', node, life: spec.incarnation })
  }

  /** The peer's life, or its reachability, ended. */
  peerEnded({ name: node, spec, state }: Link, why: 'down' | 'cut' | 'left'): void {
    this.#watchedStep({ type: why === 'cut' ? 'cut' : 'ended', node })
    const forgotten = state.phase === 'unknown' || state.phase === 'left'
    this.#step({ type: 'ended', node, life: spec.incarnation, why, forgotten })
  }

  restarted({ name: node, spec }: Link): void {
    this.#step({ type: 'restarted', node, life: spec.incarnation })
  }

  /** A life of this node ends. */
  stop(error: () => Error): void {
    const all = [...this.#watches.keys()]
    this.#watchedStep({ type: 'stop' })
    for (const end of [...this.#retries]) end()
    this.#stopping = error
    this.#step({ type: 'stop' })
    // Some have an end already, and were about to be told of it.
    for (const id of all) this.#end(id, undefined, 'stopped')
    this.#stopping = undefined
  }

  #lifeOf(node: NodeName): number | undefined {
    const { self, hub } = this.#context
    const { name, incarnation } = self()
    if (node === name) return incarnation
    const link = hub.links.get(node)
    return link?.state.phase === 'up' ? link.spec.incarnation : undefined
  }

  /** Why a server of that node cannot be watched. */
  #obstacle(node: NodeName, only: number | undefined, channel: string): MaquisError | undefined {
    const { self, hub, limits, reporter } = this.#context
    const { name, incarnation } = self()
    const link = hub.links.get(node)
    if (node !== name && link === undefined) return notConnected(node, 'stranger')
    const other = otherLife(node, only, link?.spec.incarnation ?? incarnation)
    if (other !== undefined) return other
    const verdict = link?.state.verdict ?? 'send'
    if (verdict === 'cut') return new PartitionedError(node)
    if (verdict !== 'send') return notConnected(node, verdict)
    if (this.#monitors.count(node) < monitorsMax(limits)) return undefined
    reporter.counters.add('monitorsRefused')
    return tooMany(node, channel, 'here')
  }

  #step(input: MonitorsInput): void {
    const effects: MonitorsEffect[] = []
    this.#monitors.step(input, this.#context.clock.now(), effects)
    for (const effect of effects) {
      if (effect.type === 'ended') this.#end(effect.id, effect.life, effect.why)
      else this.#send(effect.to, effect.channel, effect.message)
    }
  }

  #watchedStep(input: MonitoredInput): PromiseLike<unknown> | undefined {
    const notices: Notice[] = []
    this.#monitored.step(input, this.#context.clock.now(), notices)
    const told = notices.map(notice => this.#notify(notice))
    return told.length === 0 ? undefined : Promise.all(told)
  }

  /** What a peer tells of monitors. Resolves when the answer has arrived: until then the peer lacks the credit. */
  #receive(value: unknown, { from, incarnation, channel }: MessageContext): PromiseLike<unknown> | undefined {
    const message = parseMonitorMessage(value)
    if (message === undefined) {
      this.#context.reporter.violation(from as NodeName, 'malformed', 'a message about monitors that cannot be read')
      return undefined
    }
    const link = this.#context.hub.links.get(from as NodeName)
    // A fault may have held it for longer than the connection lasted.
    if (link?.state.phase !== 'up' || link.spec.incarnation !== incarnation) return undefined
    return this.#take(link.name, channel, message)
  }

  #take(node: NodeName, channel: string, message: MonitorMessage): PromiseLike<unknown> | undefined {
    if (message.type !== 'down') return this.#watchedStep({ ...message, node, channel })
    this.#step({ ...message, type: 'notice', node })
    return undefined
  }

  #send(node: NodeName, channel: string, message: MonitorMessage): void {
    if (node === this.#context.self().name) return void this.#take(node, channel, message)
    if (message.type !== 'monitor') return void this.#persist(node, channel, message)
    this.#post(node, channel, message).catch((error: Error) => {
      for (const [id] of message.monitors) {
        const life = this.#lifeOf(node)
        this.#step({ type: 'demonitor', id })
        this.#end(id, life, asMonitor(error, node, channel))
      }
    })
  }

  /** On every stream of the channel, so that it comes after whatever was sent before. */
  async #notify({ to, channel, ids, reason }: Notice): Promise<void> {
    const { self, hub, local, reporter } = this.#context
    if (reason === 'refused') reporter.counters.add('monitorsRefused', ids.length)
    if (to === self().name) {
      return local.behind(() => {
        this.#step({ type: 'notice', node: to, ids, reason, stream: 0, streams: 1 })
        this.#watchedStep({ type: 'told', node: to, ids })
      })
    }
    const streams = hub.links.get(to)?.channels.get(channel as ChannelName)?.streams ?? 0
    const told = await Promise.all(
      Array.from({ length: streams }, (_, stream) =>
        this.#persist(to, channel, { type: 'down', ids, reason, stream, streams }, stream),
      ),
    )
    if (told.every(taken => taken)) this.#watchedStep({ type: 'told', node: to, ids })
  }

  /** Sends until it is taken, or the peer lost. Resolves with which of the two it was. */
  async #persist(node: NodeName, channel: string, message: Persistent, stream?: number): Promise<boolean> {
    const life = this.#lifeOf(node)
    const key = `${node}\n${life}\n${channel}\n${stream}\n${messageOf(message)}`
    const post = (ids: readonly number[]): Promise<void> => this.#post(node, channel, { ...message, ids }, stream)
    if (!this.#late.has(key)) {
      try {
        await post(message.ids)
        return true
      } catch (error) {
        if (!(error instanceof OverflowError) || life === undefined) return false
      }
    }
    // A comparison tells all that there is: also what came to be until there is room for it.
    const isComparison = message.type === 'sync'
    const late = this.#late.get(key)
    if (late === undefined) {
      const unsaid = new UnsaidIds(isComparison ? [] : message.ids)
      const part = (): readonly number[] => (isComparison ? this.#monitors.ids(node, channel) : unsaid.part)
      const offered = this.#offer(unsaid, part, post, () => this.#lifeOf(node) === life)
      const over = offered.finally(() => this.#late.delete(key))
      this.#late.set(key, { unsaid, over })
      return over
    }
    if (isComparison || late.unsaid.add(message.ids)) return late.over
    this.#context.reporter.counters.add('monitorsRefused', message.ids.length)
    return false
  }

  /** Offers what was not taken until it is. */
  async #offer(
    unsaid: UnsaidIds,
    part: () => readonly number[],
    post: (ids: readonly number[]) => Promise<void>,
    isCurrent: () => boolean,
  ): Promise<boolean> {
    for (;;) {
      await this.#pause(unsaid.pause)
      if (!isCurrent()) return false
      const ids = part()
      try {
        await post(ids)
        if (unsaid.taken(ids)) return true
      } catch (error) {
        if (!(error instanceof OverflowError)) return false
        unsaid.refused()
      }
    }
  }

  #pause(after: Millis): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        cancel()
        this.#retries.delete(end)
        resolve()
      }
      const cancel = this.#context.clock.schedule(after, end)
      this.#retries.add(end)
    })
  }

  /** Resolves when the peer has taken it. */
  #post(node: NodeName, channel: string, message: MonitorMessage, stream?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#context.sender.submit({
        ...{ node, server: monitorServer, message, kind: 'monitor' },
        // It belongs to the connection: when that is lost both ends begin anew.
        ...{ options: { channel, ack: { onDown: 'reject' } }, extra: { ack: 'given' } },
        ...(stream !== undefined && { stream }),
        settler: { sent: resolve, failed: reject },
      })
    })
  }

  /** Not before its owner holds what disposes it. */
  #endLater(id: number, life: number | undefined, error: Error): void {
    this.#context.clock.defer(() => this.#end(id, life, error))
  }

  #end(id: number, life: number | undefined, why: EndReason | Error): void {
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    this.#watches.delete(id)
    const { fn, node, name, channel } = watch
    const incarnation = life as Incarnation | undefined
    const end = typeof why === 'string' ? this.#endOf(watch, why) : { reason: reasonOf(why), error: why }
    callUser(
      () => fn({ node, name, incarnation, ...end }),
      error => this.#context.reporter.failed(`a monitor of server '${name}' on channel '${channel}'`, error),
    )
  }

  #endOf({ node, name, channel }: Watch, why: EndReason): Pick<MonitorEnd, 'reason' | 'error'> {
    switch (why) {
      case 'unregistered':
        return { reason: why, error: undefined }
      case 'no-such-server':
        return { reason: why, error: new NoSuchServerError(node, name) }
      case 'refused':
        return { reason: why, error: tooMany(node, channel, 'there') }
      case 'stopped':
        return { reason: why, error: this.#stopping?.() }
      case 'cut':
        return { reason: 'node-down', error: new PartitionedError(node) }
      case 'lost':
        return { reason: 'node-down', error: notConnected(node, 'down') }
      default:
        return { reason: 'node-down', error: notConnected(node, why) }
    }
  }
}

/** What is offered again where a queue is full. */
type Persistent = Exclude<MonitorMessage, { readonly type: 'monitor' }>

function messageOf(message: Persistent): string {
  return message.type === 'down' ? `down ${message.streams} ${message.reason}` : message.type
}

function monitorsMax({ monitors }: Limits): number {
  return Math.min(monitors, idsMax)
}

/** What an ending is called that is an error: of a node that is not there, or that takes no more. */
function reasonOf(error: Error): MonitorEnd['reason'] {
  return error instanceof OverflowError || error instanceof UnknownChannelError ? 'refused' : 'node-down'
}

/** Monitors know neither of the options of messages nor of ways through others. */
function notConnected(node: string, reason: NotConnectedError['reason']): NotConnectedError {
  if (reason === 'down') {
    return new NotConnectedError(node, reason, 'is down, or was: monitor it again when onUp tells that it is up')
  }
  if (reason !== 'stranger') return new NotConnectedError(node, reason)
  return new NotConnectedError(node, reason, 'is not connected with this node directly: join it, or connect to it')
}

function tooMany(node: string, channel: string, where: 'here' | 'there'): OverflowError {
  const all = where === 'here' ? `all that watch node '${node}'` : `all of this node at node '${node}'`
  const text = `too many monitors, ${all}: dispose of some, or raise limits.monitors ${where}`
  return new OverflowError(node, channel, 'limits.monitors', text)
}

/** What became of the question that a monitor asks of its node, as the monitor is told. */
function asMonitor(error: Error, node: string, channel: string): Error {
  if (error instanceof UnknownOutcomeError) return notConnected(node, 'down')
  if (error instanceof NotConnectedError && error.reason === 'down') return notConnected(node, 'down')
  if (!(error instanceof OverflowError)) return error
  const fix = 'monitor again when less waits, on another channel, or raise the limit'
  const text = `too much waits for node '${node}' on channel '${channel}' (limits.queueBytes): ${fix}`
  return new OverflowError(node, channel, 'limits.queueBytes', text)
}
