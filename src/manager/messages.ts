import type { ChannelName } from '../core/channel.js'
import { DeadlineError, InvalidOptionError, MaquisError, NotConnectedError, StoppedError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import type { NodeName } from '../core/node.js'
import { checkKeys } from '../core/option-keys.js'
import { Written } from '../link/outbound-settings.js'
import type { Settler } from '../link/queue.js'
import type { BroadcastOptions } from './broadcaster.js'
import { checkChannel, checkFunction, isDuration } from './checks.js'
import { errorOf, reportOf } from './error-reports.js'
import type { ForwardOptions, Replies, SendMessageOptions } from './manager.js'
import { checkOptions, extraOf } from './message-options.js'
import type { MonitorEnd, MonitorOptions } from './monitoring.js'
import type { Node } from './node.js'
import type { NodeEvent } from './node-monitors.js'
import { Promised } from './promised.js'
import type { Receiver } from './receiver.js'
import type { Acceptor } from './registry.js'
import { Replica, type ReplicatedStore, type ReplicateOptions } from './replicas.js'
import { checkRequestAll, gather } from './request-all.js'
import { resolved } from './sender.js'
import { checkServer, type Destination, destinationOf, otherLife } from './server-ref.js'
import type { Handler, MessageContext, RegisterOptions, RemoteRef, ServerRef } from './servers.js'
import { dropReasonOf } from './unawaited.js'

/** The messaging half of a peer service. */
export abstract class Messages {
  abstract readonly running: boolean
  readonly #node: Node

  constructor(node: Node) {
    this.#node = node
  }

  register(name: string, handler: Handler, options: RegisterOptions = {}): Disposable {
    checkFunction('handler', handler)
    checkKeys('options', options, ['schema', 'concurrency'])
    checkSchema(options.schema)
    const { concurrency } = options
    if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0)) {
      throw new InvalidOptionError('concurrency', 'a whole number from 1', concurrency)
    }
    return this.#node.registry.register(checkServer(name), handler, options)
  }

  receive(name: string, options: Pick<RegisterOptions, 'schema'> = {}): Receiver {
    checkKeys('options', options, ['schema'])
    checkSchema(options.schema)
    return this.#node.registry.receive(checkServer(name), options)
  }

  // A rest parameter would allocate an array for each message, so these four look at their arguments' number
  // themselves.

  forwardMessage(target: unknown, server: unknown, message?: unknown, options?: ForwardOptions): Promise<void> {
    try {
      if (typeof target === 'string' && typeof server === 'string' && arguments.length >= 3) {
        return this.#forward(target, server, message, options)
      }
      const { node, server: name, incarnation } = this.#destination(target as ServerRef)
      return this.#forward(node, name, server, message as ForwardOptions | undefined, incarnation)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  castMessage(target: unknown, server: unknown, message?: unknown, options?: ForwardOptions): void {
    if (typeof target === 'string' && typeof server === 'string' && arguments.length >= 3) {
      return this.#cast(target, server, message, options)
    }
    let destination: Destination
    try {
      destination = this.#destination(target as ServerRef)
    } catch (error) {
      return this.#lost(error, describeRef(target), '', '')
    }
    const { node, server: name, incarnation } = destination
    this.#cast(node, name, server, message as ForwardOptions | undefined, incarnation)
  }

  async request(target: unknown, server: unknown, message?: unknown, options?: ForwardOptions): Promise<unknown> {
    if (typeof target === 'string' && typeof server === 'string' && arguments.length >= 3) {
      return this.#ask(target, server, message, options)
    }
    const { node, server: name, incarnation } = this.#destination(target as ServerRef)
    return this.#ask(node, name, server, message as ForwardOptions | undefined, incarnation)
  }

  async requestAll(
    nodes: readonly string[],
    server: string,
    message: unknown,
    options?: ForwardOptions,
  ): Promise<Replies> {
    this.#needRunning()
    const { settings } = this.#node
    checkServer(server)
    if (options !== undefined) checkOptions(options)
    checkRequestAll(nodes, message, options, settings)
    return gather(nodes, async node => this.#ask(node, server, message, options))
  }

  ref(name: string): RemoteRef {
    this.#needRunning()
    const { name: node, incarnation } = this.#node.spec
    return { node, name: checkServer(name), incarnation }
  }

  monitor(ref: ServerRef, fn: (end: MonitorEnd) => void, options: MonitorOptions = {}): Disposable {
    this.#needRunning()
    checkFunction('fn', fn)
    checkKeys('options', options, ['channel'])
    const { channel = 'default' } = options
    const { settings, monitoring } = this.#node
    checkChannel(channel, settings)
    return monitoring.monitor(destinationOf(ref, settings.name), fn, channel)
  }

  monitorNodes(fn: (event: NodeEvent) => void): Disposable {
    checkFunction('fn', fn)
    return this.#node.nodeMonitors.add(fn)
  }

  async broadcast(name: string, message: unknown, options: BroadcastOptions = {}): Promise<void> {
    this.#needRunning()
    checkKeys('options', options, ['channel', 'deadline', 'timeout', 'signal'])
    if (this.#node.departed) throw new NotConnectedError(this.#node.settings.name, 'left')
    return this.#node.broadcaster.broadcast(checkServer(name), message, options)
  }

  replicate(name: string, store: ReplicatedStore, options: ReplicateOptions = {}): Disposable {
    checkKeys('options', options, ['interval', 'channel'])
    const { interval = 1, channel = 'default' } = options
    if (!isDuration(interval) || interval === 0) throw new InvalidOptionError('interval', 'milliseconds', interval)
    const { settings, broadcaster, reporter, hub } = this.#node
    const { clock, random, valueLimits, peerValueLimits, limits } = settings
    checkChannel(channel, settings)
    return new Replica(checkServer(name), store, options, {
      ...{ clock, random, reporter, valueLimits, peerValueLimits },
      limitsTo: (node, channel) => {
        const known = hub.links.get(node as NodeName)?.channels.get(channel as ChannelName)
        return {
          messageBytes: known?.messageBytes ?? limits.messageBytes,
          values: known?.valueLimits ?? settings.valueLimits,
        }
      },
      neighbours: () => (this.running ? broadcaster.neighbours : []),
      register: (server, handler) => this.register(server, handler),
      request: (node, server, message, channel) => this.request(node, server, message, { channel, timeout: 30_000 }),
    })
  }

  sendMessage(node: string, message: unknown, options?: SendMessageOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#needRunning()
      if (options !== undefined) {
        checkKeys('options', options, ['deadline', 'timeout', 'signal'])
        checkOptions(options)
      }
      const { settings } = this.#node
      const extra = { ...extraOf(options, settings.clock, settings.valueLimits), manager: true }
      if (node === settings.name) {
        options?.signal?.throwIfAborted()
        if (extra.expires !== undefined && extra.expires <= settings.clock.now()) {
          throw new DeadlineError('the message', 'not-sent')
        }
        this.receiveMessage(node, 'default', message)
        return resolve()
      }
      const settler: Settler = { sent: resolve, failed: reject }
      this.#node.sender.submit({
        node,
        server: 'manager',
        message,
        options,
        extra,
        kind: 'manager',
        settler,
      })
    })
  }

  receiveMessage(node: string, channel: string, message: unknown): void {
    const incarnation = this.#node.hub.links.get(node as NodeName)?.spec.incarnation ?? 0
    const context: MessageContext = { from: node, incarnation, channel }
    if (
      isRecord(message) &&
      typeof message.server === 'string' &&
      Object.keys(message).length === 2 &&
      'message' in message
    ) {
      void this.#node.registry.deliver(message.server, message.message, context)
    } else {
      this.#node.reporter.emit('message', { from: node, channel, message })
    }
  }

  isRegistered(server: string): boolean {
    return this.#node.registry.has(server)
  }

  async handOver(
    server: string,
    message: unknown,
    context: MessageContext,
    when?: 'given' | 'handled',
    given: () => void = () => {},
  ): Promise<void> {
    this.#needRunning()
    const { registry, settings } = this.#node
    if (when === undefined) return void (await registry.deliver(checkServer(server), message, context))
    await new Promise<void>((resolve, reject) => {
      let isGiven = false
      const acceptor: Acceptor = {
        given: () => {
          isGiven = true
          given()
        },
        handled: resolve,
        failed: error => {
          const isOver = isGiven && when === 'given'
          if (isOver) resolve()
          else reject(errorOf(settings.name, server, reportOf(error), 'message'))
          return !isOver
        },
      }
      void registry.accept(checkServer(server), message, context, acceptor)
    })
  }

  processForward(ref: ServerRef, message: unknown): void {
    const { name } = this.#node.settings
    const destination = this.#destination(ref)
    if (destination.node !== name) {
      throw new InvalidOptionError('ref', 'a server of this node; use forwardMessage for others', destination.node)
    }
    const { incarnation } = this.#node.spec
    void this.#node.registry.deliver(destination.server, message, { from: name, incarnation, channel: 'default' })
  }

  #forward(
    node: string,
    server: string,
    message: unknown,
    options: ForwardOptions | undefined,
    life?: number,
  ): Promise<void> {
    try {
      this.#needRunning()
      if (options !== undefined) checkOptions(options)
      const { sender, settings, local } = this.#node
      if (node === settings.name) return local.send(checkServer(server), message, options)
      const written = sender.send(node, server, message, options)
      if (written === Written.sent) return resolved
      return this.#submit(node, server, message, options, life, written === Written.wait)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  // Apart from the fast path: what that does not need is not allocated for it.
  #submit(
    node: string,
    server: string,
    message: unknown,
    options: ForwardOptions | undefined,
    life: number | undefined,
    offered: boolean,
  ): Promise<void> {
    const { sender, settings } = this.#node
    const extra = extraOf(options, settings.clock, settings.valueLimits, life)
    const settler = new Promised()
    sender.submit({ node, server, message, options, extra, kind: 'message', offered, settler })
    return settler.promise
  }

  #cast(node: string, server: string, message: unknown, options: ForwardOptions | undefined, life?: number): void {
    try {
      this.#needRunning()
      if (options !== undefined) checkOptions(options)
      const { sender, settings } = this.#node
      if (node === settings.name) return this.#castHere(checkServer(server), message, options)
      const written = sender.send(node, server, message, options)
      if (written === Written.sent) return
      const extra = extraOf(options, settings.clock, settings.valueLimits, life)
      const offered = written === Written.wait
      sender.submit({ node, server, message, options, extra, kind: 'message', offered, settler: undefined })
    } catch (error) {
      this.#lost(error, node, options?.channel ?? 'default', server)
    }
  }

  // Apart: what a function of its own refers to is allocated with each call.
  #castHere(server: string, message: unknown, options: ForwardOptions | undefined): void {
    const { local, settings } = this.#node
    local.send(server, message, options).catch(error => this.#lost(error, settings.name, 'default', server))
  }

  #ask(
    node: string,
    server: string,
    message: unknown,
    options: ForwardOptions | undefined,
    life?: number,
  ): Promise<unknown> {
    this.#needRunning()
    if (options !== undefined) checkOptions(options)
    const { settings, local, requester } = this.#node
    checkServer(server)
    if (node === settings.name) return local.ask(server, message, options)
    return requester.request(node, server, message, options, life)
  }

  /** A cast that went nowhere. Only what no peer had a part in is thrown. */
  #lost(error: unknown, node: string, channel: string, server: string): void {
    if (!(error instanceof MaquisError) || error instanceof InvalidOptionError) throw error
    this.#node.reporter.dropped(dropReasonOf(error), 'forward', node, channel, server)
  }

  #destination(ref: ServerRef): Destination {
    const { settings, hub, spec } = this.#node
    const destination = destinationOf(ref, settings.name)
    const { node, incarnation } = destination
    if (incarnation === undefined) return destination
    const known = node === settings.name ? spec.incarnation : hub.links.get(node as NodeName)?.spec.incarnation
    const other = otherLife(node, incarnation, known ?? 0)
    if (other !== undefined) throw other
    return destination
  }

  #needRunning(): void {
    if (!this.running) throw new StoppedError(this.#node.settings.name, 'messages need a running node')
  }
}

function describeRef(ref: unknown): string {
  return isRecord(ref) && typeof ref.node === 'string' ? ref.node : 'unknown'
}

function checkSchema(schema: RegisterOptions['schema']): void {
  if (schema !== undefined) checkFunction(`schema['~standard'].validate`, schema['~standard']?.validate)
}
