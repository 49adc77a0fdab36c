import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { WorkerSettings } from './protocol.js'

/**
 * The worker processes. None outlives this one: they are killed when it exits, and end by themselves when the channel
 * to it closes, which it does even after a `kill -9`.
 */
export class Children implements Disposable {
  readonly #children = new Map<string, ChildProcess>()
  readonly #died: (error: Error) => void
  /** Rejects when a worker dies, and never resolves. */
  readonly death: Promise<never>

  constructor() {
    let died: (error: Error) => void = () => {}
    this.death = new Promise((_, reject) => {
      died = reject
    })
    this.death.catch(() => {})
    this.#died = died
    process.on('exit', () => this[Symbol.dispose]())
  }

  start(settings: WorkerSettings): void {
    const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      // Not an argument: anybody can read those.
      env: { ...process.env, DEMO_WORKER: JSON.stringify(settings) },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#children.set(settings.name, child)
    child.once('error', error => this.#ended(settings.name, error.message))
    child.once('exit', (code, signal) => this.#ended(settings.name, signal ?? `exit code ${code}`))
  }

  [Symbol.dispose](): void {
    for (const child of this.#children.values()) {
      child.removeAllListeners()
      child.on('error', () => {})
      child.kill('SIGKILL')
    }
    this.#children.clear()
  }

  #ended(name: string, how: string): void {
    const pid = this.#children.get(name)?.pid
    this.#died(new Error(`worker ${name} (process ${pid}) died: ${how}. What it had counted is gone with it.`))
  }
}
