import { abortReason, onAbort } from '../core/abort.js'
import type { Random } from '../core/random.js'

/** Lets so many go on at a time, and those who wait one after another in random order. */
export class Turns {
  readonly #random: Random
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(most: number, random: Random) {
    this.#free = most
    this.#random = random
  }

  /** Resolves with what ends the turn, to be called once. Rejects when the signal aborts before it came. */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      if (this.#free > 0) {
        this.#free--
        return resolve(() => this.#end())
      }
      const begin = (): void => {
        unlisten()
        resolve(() => this.#end())
      }
      const unlisten = onAbort(signal, () => {
        unlisten()
        this.#waiting.splice(this.#waiting.indexOf(begin), 1)
        reject(abortReason(signal))
      })
      this.#waiting.push(begin)
    })
  }

  #end(): void {
    const { length } = this.#waiting
    const [next] = this.#waiting.splice(length > 1 ? Math.floor(this.#random.next() * length) : 0, 1)
    if (next === undefined) this.#free++
    else next()
  }
}
