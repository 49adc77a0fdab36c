import { EventEmitter } from 'eventemitter3'
import { callUser } from '../core/promise-like.js'
import type { ManagerEvents } from './events.js'

type Name<Events extends EventEmitter.ValidEventTypes> = EventEmitter.EventNames<Events>
type Listener<Events extends EventEmitter.ValidEventTypes, Event extends Name<Events>> = EventEmitter.EventListener<
  Events,
  Event
>

/**
 * Emits events of this library, by default a manager's. What a listener throws, or what the promise rejects with that
 * an `async` one returns, goes to `failed`: neither the emitter's owner nor the other listeners are held up by it.
 */
export class GuardedEmitter<Events extends EventEmitter.ValidEventTypes = ManagerEvents> extends EventEmitter<Events> {
  readonly #failed: (event: Name<Events>, error: unknown) => void
  /** What stands in the place of each listener, by event. */
  readonly #guards = new Map<Name<Events>, WeakMap<object, object>>()

  constructor(failed: (event: Name<Events>, error: unknown) => void) {
    super()
    this.#failed = failed
  }

  override on<Event extends Name<Events>>(event: Event, fn: Listener<Events, Event>, context?: unknown): this {
    return super.on(event, this.#guarded(event, fn), context)
  }

  override addListener<Event extends Name<Events>>(event: Event, fn: Listener<Events, Event>, context?: unknown): this {
    return this.on(event, fn, context)
  }

  override once<Event extends Name<Events>>(event: Event, fn: Listener<Events, Event>, context?: unknown): this {
    return super.once(event, this.#guarded(event, fn), context)
  }

  /** The emitter itself names what it was given by {@link once}, whose guard is its own. */
  override removeListener<Event extends Name<Events>>(
    event: Event,
    fn?: Listener<Events, Event>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(event, fn && this.#guarded(event, fn), context, once)
  }

  override off<Event extends Name<Events>>(
    event: Event,
    fn?: Listener<Events, Event>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, fn, context, once)
  }

  #guarded<Event extends Name<Events>>(event: Event, fn: Listener<Events, Event>): Listener<Events, Event> {
    const guards = this.#guards.get(event) ?? new WeakMap<object, object>()
    this.#guards.set(event, guards)
    const known = guards.get(fn)
    if (known !== undefined) return known as Listener<Events, Event>
    const failed = (error: unknown): void => this.#failed(event, error)
    const guard: object = function (this: unknown, ...args: unknown[]): void {
      callUser((): unknown => Reflect.apply(fn, this, args), failed)
    }
    guards.set(fn, guard)
    // Asked for the guard of itself, a guard is that.
    guards.set(guard, guard)
    return guard as Listener<Events, Event>
  }
}
