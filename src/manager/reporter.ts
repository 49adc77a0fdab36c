import type { EventEmitter } from 'eventemitter3'
import type { NodeName } from '../core/node.js'
import { callUser } from '../core/promise-like.js'
import { stackOf, textOf } from '../core/thrown.js'
import type { Millis } from '../core/time.js'
import { type Interpositions, type Outcome, type Passage, passed } from '../fault/interposition.js'
import type { Refusal } from '../link/handshake.js'
import { refusedError } from '../link/refusals.js'
import { Counters } from './counters.js'
import type { DropReason, ManagerEvents } from './events.js'
import { GuardedEmitter } from './guarded-emitter.js'
import type { Logger } from './options.js'

/** Tells the user what happened: events, counters and log lines. What the user's code throws holds nobody up. */
export class Reporter {
  readonly events: EventEmitter<ManagerEvents> = new GuardedEmitter((event, error) =>
    this.#listenerFailed(event, error),
  )
  readonly counters: Counters = new Counters()
  /** Whether nobody need be told of that refusal. */
  isNoise: (peer: string, by: 'us' | 'peer', refusal: Refusal) => boolean = () => false
  /** The user's logger, or nobody: what it throws holds nobody up. */
  readonly logger: Logger = {
    debug: text => this.#log('debug', text),
    info: text => this.#log('info', text),
    warn: text => this.#log('warn', text),
    error: text => this.#log('error', text),
  }
  readonly #logger: Logger | undefined
  /** The same emitter, for any event: the compiler cannot follow a generic one. */
  readonly #emitter: EventEmitter

  constructor(logger: Logger | undefined) {
    this.#logger = logger
    const emitter: object = this.events
    this.#emitter = emitter as EventEmitter
  }

  emit<Name extends keyof ManagerEvents>(event: Name, ...args: Parameters<ManagerEvents[Name]>): void {
    this.#emitter.emit(event, ...args)
  }

  /** Of listeners of failures nobody else is told: one that always fails would be told of itself for ever. */
  #listenerFailed(event: keyof ManagerEvents, error: unknown): void {
    if (event === 'handler-error') this.#log('error', `a listener of 'handler-error' threw: ${textOf(error)}`)
    else this.failed(`a listener of '${event}'`, error)
  }

  /** A handler, watcher, listener or interposition threw. `answered`: who sent a handler its message is told, too. */
  failed(where: string, error: unknown, answered = false): void {
    this.counters.add('handlerErrors')
    this.#log('error', `${where} threw: ${stackOf(error)}`)
    this.emit('handler-error', { where, error, ...(answered && { answered }) })
  }

  /** A peer broke the protocol. */
  violation(node: NodeName, rule: string, detail: string): void {
    this.counters.add('violations')
    this.#log('warn', `closed a connection of '${node}': ${rule}, ${detail}`)
    this.emit('violation', { node, rule, detail })
  }

  /** A message ended, and no promise tells of it. */
  dropped(reason: DropReason, direction: 'forward' | 'receive', node: string, channel: string, server: string): void {
    this.emit('dropped', { reason, direction, node, channel, server })
  }

  /** Broadcasts that will never come here. */
  broadcastsMissed(gap: { readonly node: NodeName; readonly channel: string; readonly count: number }): void {
    this.counters.add('broadcastsMissed', gap.count)
    this.emit('broadcast-gap', gap)
  }

  refused(peer: string, by: 'us' | 'peer', refusal: Refusal): void {
    const error = refusedError(peer, by, refusal)
    if (error === undefined || this.isNoise(peer, by, refusal)) return
    this.counters.add('refused')
    this.#log('warn', error.message)
    this.emit('refused', { peer, by, error })
  }

  retrying(peer: string, error: Error, delay: Millis): void {
    this.counters.add('dialsFailed')
    this.#log('debug', `${textOf(error)}; next in ${Math.round(delay)} ms`)
    this.emit('retry', { peer, error, delay })
  }

  discovered(addresses: readonly string[]): void {
    this.#log('info', `discovered ${addresses.join(', ')}`)
    this.emit('discovered', addresses)
  }

  discoveryFailed(error: Error): void {
    this.counters.add('discoveryFailed')
    this.#log('debug', textOf(error))
    this.emit('discovery-failed', error)
  }

  discoveryRefused(address: string, reason: string): void {
    this.#log('warn', `the discovery found '${address}', which ${reason}`)
    this.emit('discovery-refused', { address, reason })
  }

  debug(text: string): void {
    this.#log('debug', text)
  }

  warn(text: string): void {
    this.#log('warn', text)
  }

  /** Asks the interpositions. One that throws is taken to let the message pass. */
  judge(interpositions: Interpositions, passage: Passage): Outcome {
    try {
      return interpositions.judge(passage)
    } catch (error) {
      this.failed('an interposition', error)
      return passed(passage.message)
    }
  }

  /** A logger that throws has nobody left to tell it to. */
  #log(level: keyof Logger, text: string): void {
    callUser(
      () => this.#logger?.[level](text),
      () => this.counters.add('handlerErrors'),
    )
  }
}
