import { turn } from '../stack.js'

/** Moves frames; each arrives whole. */
export interface Pipe {
  /** Writes a frame, and at once with it another that belongs to it. */
  write(frame: Uint8Array, another?: Uint8Array): void
  /** Bytes that wait here to be written. */
  readonly waiting: number
}

/** Above this, writing waits. */
const waitingMax = 1_048_576

/** Tells when there is room in a pipe, which calls `written` when frames have left. */
export class Room {
  #wake: (() => void) | undefined

  /** Resolves in another turn of the event loop, when little waits; `waiting` tells how many bytes do. */
  async in(waiting: () => number): Promise<void> {
    await turn()
    while (waiting() > waitingMax) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  readonly written = (): void => {
    this.#wake?.()
    this.#wake = undefined
  }
}
