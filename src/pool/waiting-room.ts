import { abortReason, onAbort } from '../core/abort.js'
import { DeadlineError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { ForwardOptions } from '../manager/manager.js'
import { expiryOf } from '../manager/message-options.js'

interface Room {
  /** Those who wait, in order, as what lets them go on. */
  readonly waiting: Set<() => void>
  /** Those who wait, or may go on and have not yet: nobody overtakes these. */
  count: number
}

/**
 * What is to be sent to nodes of which it is not known yet whether they have pools: as long as the first round trip to
 * them takes. It waits as for room in a queue: its callers hold it, with their deadlines and signals, and those that
 * pass on what others sent have their own bound. What waits for one node goes on in order.
 */
export class WaitingRoom {
  readonly #clock: () => Clock
  readonly #isKnown: (node: string) => boolean
  readonly #rooms = new Map<string, Room>()

  constructor(clock: () => Clock, isKnown: (node: string) => boolean) {
    this.#clock = clock
    this.#isKnown = isKnown
  }

  /** Whether what is for the node now has to wait. */
  isClosed(node: string): boolean {
    return this.#rooms.has(node) || !this.#isKnown(node)
  }

  /** Resolves when the node is known and all before it may go on. Whoever is through leaves when it has gone on. */
  async enter(node: string, what: string, options: ForwardOptions): Promise<void> {
    const room = this.#rooms.get(node) ?? { waiting: new Set(), count: 0 }
    this.#rooms.set(node, room)
    room.count++
    do await this.#wait(node, room, what, options)
    while (!this.#isKnown(node))
  }

  leave(node: string): void {
    const room = this.#rooms.get(node)
    if (room === undefined) return
    room.count--
    if (room.count === 0) this.#rooms.delete(node)
  }

  /** It may be known now. */
  open(node: string): void {
    for (const goOn of [...(this.#rooms.get(node)?.waiting ?? [])]) goOn()
  }

  openAll(): void {
    for (const node of [...this.#rooms.keys()]) this.open(node)
  }

  #wait(node: string, { waiting }: Room, what: string, options: ForwardOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      const clock = this.#clock()
      const goOn = (): void => {
        end()
        resolve()
      }
      const expires = expiryOf(options, clock)
      const cancel =
        expires === undefined
          ? undefined
          : clock.schedule(Math.max(0, expires - clock.now()), () => {
              end()
              reject(new DeadlineError(what, 'not-sent'))
            })
      const unlisten =
        signal &&
        onAbort(signal, () => {
          end()
          reject(abortReason(signal))
        })
      const end = (): void => {
        waiting.delete(goOn)
        cancel?.()
        unlisten?.()
      }
      waiting.add(goOn)
      if (signal?.aborted === true) {
        end()
        reject(abortReason(signal))
      } else if (this.#isKnown(node)) goOn()
    })
  }
}
