import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { endMillis, type Report, type Run } from './protocol.js'
import type { Workload } from './workload.js'

/** The two processes of one stack. Neither outlives this one: both end when the channel to their parent closes. */
export class Pair {
  readonly #client: ChildProcess
  #tell: ((report: Report) => void) | undefined
  #ended: string | undefined

  constructor(stack: string) {
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

  /** Sends so many messages. Resolves with what came of it, at the latest after so long. */
  run(workload: Workload, count: number, millis: number): Promise<Report> {
    const run: Run = { workload, count, patienceMillis: millis / 2 }
    if (this.#ended === undefined) this.#client.send(run)
    return this.#next(millis)
  }

  /** Ends both. Resolves when neither runs any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client
    client.removeAllListeners('message').removeAllListeners('exit')
    if (client.pid === undefined || client.exitCode !== null || client.signalCode !== null) return
    const exited = once(client, 'exit')
    if (client.connected) client.disconnect()
    const timer = setTimeout(() => client.kill('SIGKILL'), endMillis.client)
    await exited
    clearTimeout(timer)
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
