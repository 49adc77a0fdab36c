import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Report } from './protocol.js'
import type { Workload } from './workload.js'

/** A client that has not ended after so long is busy with something that does not end. */
const endMillis = 1_000

/** The two processes of one stack. Neither outlives this one: both end when the channel to their parent closes. */
export class Pair implements Disposable {
  readonly stack: string
  readonly #client: ChildProcess
  #tell: ((report: Report) => void) | undefined
  #ended: string | undefined

  constructor(stack: string) {
    this.stack = stack
    this.#client = fork(fileURLToPath(new URL('client.js', import.meta.url)), [stack], { serialization: 'advanced' })
    this.#client.on('message', message => this.#report(message as Report))
    // What cannot be sent any more shows in the end of the process.
    this.#client.on('error', () => {})
    this.#client.once('exit', (code, signal) => {
      this.#ended = `the sending process ended with ${signal ?? code}`
      this.#report({ type: 'failed', error: this.#ended })
    })
  }

  /** Resolves with what it told: that it is ready, or why it is not. */
  ready(millis: number): Promise<Report> {
    return this.#next(millis)
  }

  run(workload: Workload, count: number, millis: number): Promise<Report> {
    if (this.#ended === undefined) this.#client.send({ workload, count })
    return this.#next(millis)
  }

  [Symbol.dispose](): void {
    this.#client.removeAllListeners('message').removeAllListeners('exit')
    if (this.#client.connected) this.#client.disconnect()
    setTimeout(() => this.#client.kill('SIGKILL'), endMillis).unref()
  }

  #next(millis: number): Promise<Report> {
    if (this.#ended !== undefined) return Promise.resolve({ type: 'failed', error: this.#ended })
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#report({ type: 'failed', error: `nothing came in ${millis} ms` }), millis)
      this.#tell = report => {
        clearTimeout(timer)
        this.#tell = undefined
        resolve(report)
      }
    })
  }

  #report(report: Report): void {
    this.#tell?.(report)
  }
}
