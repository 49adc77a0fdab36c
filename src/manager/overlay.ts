import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Clock } from '../core/time.js'
import type { MembershipEffect, MembershipEvent, MembershipInput, MembershipStrategy } from '../membership/strategy.js'

/** What the overlay's effects do to the world. */
export interface OverlayHandler {
  send(to: NodeName, message: unknown): void
  connect(peer: NodeSpec): void
  disconnect(node: NodeName, reason: 'left' | 'unwanted', incarnation?: Incarnation): void
  notify(event: MembershipEvent): void
}

/** The shell of a membership strategy: gives it inputs, one after another, and carries out its effects. */
export class Overlay {
  readonly strategy: MembershipStrategy
  readonly #clock: Clock
  readonly #handler: OverlayHandler
  readonly #timers = new Map<string, () => void>()
  readonly #inputs: MembershipInput<unknown>[] = []
  readonly #effects: MembershipEffect<unknown>[] = []
  #stepping = false

  constructor(strategy: MembershipStrategy, clock: Clock, handler: OverlayHandler) {
    this.strategy = strategy
    this.#clock = clock
    this.#handler = handler
  }

  /** Effects may cause further inputs: these are taken after all effects of the first. */
  step(input: MembershipInput<unknown>): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.strategy.step(next, this.#clock.now(), this.#effects)
        for (const effect of this.#effects.splice(0)) this.#carryOut(effect)
      }
    } finally {
      this.#stepping = false
    }
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#inputs.length = 0
  }

  #carryOut(effect: MembershipEffect<unknown>): void {
    switch (effect.type) {
      case 'send':
        return this.#handler.send(effect.to, effect.message)
      case 'connect':
        return this.#handler.connect(effect.peer)
      case 'disconnect':
        return this.#handler.disconnect(effect.node, effect.reason, effect.incarnation)
      case 'arm':
        return this.#arm(effect.timer, effect.after)
      case 'notify':
        return this.#handler.notify(effect.event)
    }
  }

  #arm(timer: string, after: number): void {
    this.#timers.get(timer)?.()
    const cancel = this.#clock.schedule(after, () => {
      this.#timers.delete(timer)
      this.step({ type: 'timer', timer })
    })
    this.#timers.set(timer, cancel)
  }
}
