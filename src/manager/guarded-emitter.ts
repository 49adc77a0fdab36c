import { EventEmitter } from 'eventemitter3'
import { callUser } from '../core/promise-like.js'
import type { ManagerEvents } from './events.js'

type Name = keyof ManagerEvents
type Listener<Event extends Name> = EventEmitter.EventListener<ManagerEvents, Event>

/**
 * Emits a manager's events. What a listener throws, or what the promise rejects with that an `async` one returns, goes
 * to `failed`: neither the manager nor the other listeners are held up by it.
 */
export class GuardedEmitter extends EventEmitter<ManagerEvents> {
  readonly #failed: (event: Name, error: unknown) => void
  /** What stands in the place of each listener, by event. */
  readonly #guards = new Map<Name, WeakMap<object, object>>()

  constructor(failed: (event: Name, error: unknown) => void) {
    super()
    this.#failed = failed
  }

  override on<Event extends Name>(event: Event, fn: Listener<Event>, context?: unknown): this {
    return super.on(event, this.#guarded(event, fn), context)
  }

  override addListener<Event extends Name>(event: Event, fn: Listener<Event>, context?: unknown): this {
    return this.on(event, fn, context)
  }

  override once<Event extends Name>(event: Event, fn: Listener<Event>, context?: unknown): this {
    return super.once(event, this.#guarded(event, fn), context)
  }

  /** The emitter itself names what it was given by {@link once}, whose guard is its own. */
  override removeListener<Event extends Name>(
    event: Event,
    fn?: Listener<Event>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(event, fn && this.#guarded(event, fn), context, once)
  }

  override off<Event extends Name>(event: Event, fn?: Listener<Event>, context?: unknown, once?: boolean): this {
    return this.removeListener(event, fn, context, once)
  }

  #guarded<Event extends Name>(event: Event, fn: Listener<Event>): Listener<Event> {
    const guards = this.#guards.get(event) ?? new WeakMap<object, object>()
    this.#guards.set(event, guards)
    const known = guards.get(fn)
    if (known !== undefined) return known as Listener<Event>
    const failed = (error: unknown): void => this.#failed(event, error)
    const guard = function (this: unknown, ...args: Parameters<Listener<Event>>): void {
      callUser(() => fn.apply(this, args), failed)
    }
    guards.set(fn, guard)
    // Asked for the guard of itself, a guard is that.
    guards.set(guard, guard)
    return guard
  }
}
