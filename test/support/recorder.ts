import type { Connection, ConnectionHandler } from '../../src/transport/transport.js'
import { within } from './deadline.js'

/** A handler that writes down what it is told, and on which a test can wait. */
export class Recorder implements ConnectionHandler {
  readonly chunks: Uint8Array[] = []
  readonly errors: (Error | undefined)[] = []
  drains = 0
  /** The connection that was accepted, once there is one. */
  connection: Connection | undefined
  readonly #admit: boolean
  readonly #waiters = new Set<() => void>()

  constructor({ admit = true }: { admit?: boolean } = {}) {
    this.#admit = admit
  }

  readonly accept = (connection: Connection): ConnectionHandler => {
    this.connection = connection
    if (this.#admit) connection.admit()
    this.#wake()
    return this
  }

  received(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.#wake()
  }

  drained(): void {
    this.drains++
    this.#wake()
  }

  closed(error?: Error): void {
    this.errors.push(error)
    this.#wake()
  }

  get bytes(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0)
  }

  get ended(): Promise<void> {
    return this.until(() => this.errors.length > 0)
  }

  async accepted(): Promise<Connection> {
    await this.until(() => this.connection !== undefined)
    if (this.connection === undefined) throw new Error('nothing was accepted')
    return this.connection
  }

  /** Resolves when `condition` holds, which is asked whenever something happens here. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return within(
      new Promise(resolve => {
        const wake = (): void => {
          if (!condition()) return
          this.#waiters.delete(wake)
          resolve()
        }
        this.#waiters.add(wake)
      }),
    )
  }

  #wake(): void {
    for (const wake of this.#waiters) wake()
  }
}
