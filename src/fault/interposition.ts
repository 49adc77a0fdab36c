import type { ChannelName } from '../core/channel.js'
import { InvalidOptionError } from '../core/errors.js'
import { unreachable } from '../core/invariant.js'
import type { NodeName } from '../core/node.js'
import { isPromiseLike } from '../core/promise-like.js'
import type { Millis } from '../core/time.js'

/**
 * What a passage can be. `manager`: sent by `sendMessage`. `broadcast`: one hop of a broadcast, or what neighbours tell
 * each other about them. `relay`: the same of circuits through other nodes; a drop closes the circuit. `monitor`: what
 * nodes tell each other about monitored servers, always with `ack`. `ack`: tells of messages that were sent with `ack`.
 * `membership`: of the overlay itself. Control frames below these never pass here.
 */
export const passageKinds = [
  'message',
  'request',
  'reply',
  'ack',
  'manager',
  'broadcast',
  'relay',
  'monitor',
  'membership',
  'heartbeat',
] as const

/** See {@link passageKinds}. */
export type PassageKind = (typeof passageKinds)[number]

/** One message on its way through this node's edge. */
export interface Passage {
  readonly direction: 'forward' | 'receive'
  /** The other end. */
  readonly peer: NodeName
  readonly channel: ChannelName
  readonly kind: PassageKind
  /** The server that it is for, or of; undefined where none is named. */
  readonly server: string | undefined
  /** Undefined for heartbeats and acknowledgements. */
  readonly message: unknown
}

/**
 * What becomes of a passage. `delay` and `hold` let it go on later, and do not hold successors back; `hold` waits for
 * `until` to resolve (if that rejects it goes on too, and the manager tells of the error); `duplicate` sends or
 * delivers it twice; `replace` lets another message go on in its place.
 */
export type Verdict =
  | { readonly type: 'pass' | 'drop' | 'duplicate' }
  | { readonly type: 'delay'; readonly by: Millis }
  | { readonly type: 'hold'; readonly until: PromiseLike<unknown> }
  | { readonly type: 'replace'; readonly message: unknown }

/** A fault as a function of a passing message. The same function works in the simulator and on a live cluster. */
export type Interposition = (passage: Passage) => Verdict

/** What all interpositions together make of a passage. */
export interface Outcome {
  readonly message: unknown
  /** 0: it is dropped. */
  readonly copies: number
  /** It waits for all of these, which never reject, and then so long. */
  readonly holds: readonly Promise<unknown>[]
  readonly delay: Millis
}

/** Nobody stands in its way. */
export function passed(message: unknown): Outcome {
  return { message, copies: 1, holds: none, delay: 0 }
}

/** Whether it goes on later, if at all. */
export function isHeld({ holds, delay }: Outcome): boolean {
  return delay > 0 || holds.length > 0
}

/** The interpositions in force, in the order they were added. */
export class Interpositions {
  readonly #all: Interposition[] = []
  readonly #failed: (error: unknown) => void

  /** `failed` is told what a promise rejected with that an interposition gave, whatever became of the passage. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Whether anything has to be asked at all. */
  get active(): boolean {
    return this.#all.length > 0
  }

  add(interposition: Interposition): Disposable {
    // Wrapped, so that the same function added twice is disposed once at a time.
    const entry: Interposition = passage => interposition(passage)
    this.#all.push(entry)
    return {
      [Symbol.dispose]: () => {
        const at = this.#all.indexOf(entry)
        if (at >= 0) this.#all.splice(at, 1)
      },
    }
  }

  /** Asks each in turn: each sees what its predecessors made of the message. The first drop ends it. */
  judge(passage: Passage): Outcome {
    let message = passage.message
    let copies = 1
    let delay = 0
    let holds = none
    for (const interposition of [...this.#all]) {
      const verdict = interposition(message === passage.message ? passage : { ...passage, message })
      if (isPromiseLike(verdict)) {
        void this.#caught(verdict)
        throw new InvalidOptionError('interposition', `a function that answers at once: 'hold' waits for a promise`)
      }
      switch (verdict.type) {
        case 'pass':
          break
        case 'drop':
          return dropped
        case 'duplicate':
          copies *= 2
          break
        case 'delay':
          if (!(verdict.by >= 0 && Number.isFinite(verdict.by))) {
            throw new InvalidOptionError('by', 'milliseconds', verdict.by)
          }
          delay += verdict.by
          break
        case 'hold':
          if (!isPromiseLike(verdict.until)) throw new InvalidOptionError('until', 'a promise', verdict.until)
          holds = [...holds, this.#caught(verdict.until)]
          break
        case 'replace':
          message = verdict.message
          break
        default:
          return unreachable(verdict)
      }
    }
    return { message, copies, holds, delay }
  }

  /** At once, not when it is waited for: others may be waited for first, and what is dropped waits for nothing. */
  #caught(promise: PromiseLike<unknown>): Promise<unknown> {
    return Promise.resolve(promise).catch((error: unknown) => this.#failed(error))
  }
}

const none: readonly Promise<unknown>[] = []
const dropped: Outcome = { message: undefined, copies: 0, holds: none, delay: 0 }
