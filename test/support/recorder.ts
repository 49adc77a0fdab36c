import type { Connection, ConnectionHandler } from '../../src/transport/transport.js'
import { Waiters } from './waiters.js'

/** A handler that writes down what it is told, and on which a test can wait. */
export class Recorder implements ConnectionHandler {
  readonly chunks: Uint8Array[] = []
  readonly errors: (Error | undefined)[] = []
  drains = 0
  /** The connection that was accepted, once there is one. */
  connection: Connection | undefined
  readonly #admit: boolean
  readonly #waiters = new Waiters()

  constructor({ admit = true }: { admit?: boolean } = {}) {
    this.#admit = admit
  }

  readonly accept = (connection: Connection): ConnectionHandler => {
    this.connection = connection
    if (this.#admit) connection.admit()
    this.#waiters.wake()
    return this
  }

  received(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.#waiters.wake()
  }

  drained(): void {
    this.drains++
    this.#waiters.wake()
  }

  closed(error?: Error): void {
    this.errors.push(error)
    this.#waiters.wake()
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
    return this.#waiters.until(condition)
  }
}
