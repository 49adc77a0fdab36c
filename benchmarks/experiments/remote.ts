import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a process does when it is asked to. All of them take plain data, and answer with plain data. */
export type Tasks = Readonly<Record<string, (argument: never) => unknown>>

interface Question {
  readonly id: number
  readonly task: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** No task takes longer. */
const patienceMillis = 300_000

/** A process of its own that carries out tasks. It ends when it is disposed, or with this process. */
export class Remote<Of extends Tasks> implements Disposable {
  readonly #path: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #ended: Error | undefined

  /** `module` calls {@link carryOut}. */
  constructor(module: URL, execArgv: readonly string[] = []) {
    this.#path = fileURLToPath(module)
    this.#child = fork(this.#path, [], { serialization: 'advanced', execArgv: [...process.execArgv, ...execArgv] })
    this.#child.on('message', message => this.#answered(message as Answer))
    this.#child.once('exit', (code, signal) => this.#end(new Error(`${this.#path} ended with ${signal ?? code}`)))
  }

  ask<Name extends keyof Of & string>(
    task: Name,
    argument: Parameters<Of[Name]>[0],
  ): Promise<Awaited<ReturnType<Of[Name]>>>
  ask(task: string, argument: unknown): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#asked++
    const question: Question = { id, task, argument }
    return new Promise((resolve, reject) => {
      const late = (): void => this.#end(new Error(`${this.#path}: '${task}' takes more than ${patienceMillis} ms`))
      const timer = setTimeout(late, patienceMillis)
      const settled = (settle: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        settle()
      }
      this.#waiting.set(id, {
        resolve: value => settled(() => resolve(value)),
        reject: error => settled(() => reject(error)),
      })
      this.#child.send(question, error => {
        if (error !== null) this.#waiting.get(id)?.reject(error)
      })
    })
  }

  [Symbol.dispose](): void {
    this.#child.removeAllListeners()
    this.#child.kill('SIGKILL')
  }

  #answered({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #end(error: Error): void {
    this.#ended = error
    for (const waiting of [...this.#waiting.values()]) waiting.reject(error)
  }
}

/** Carries out what the parent of this process asks for, until that ends. */
export function carryOut(tasks: Tasks): void {
  process.on('disconnect', () => process.exit())
  process.on('message', message => void answer(tasks, message as Question))
}

async function answer(tasks: Tasks, { id, task, argument }: Question): Promise<void> {
  const send = (what: Answer): void => {
    process.send?.(what)
  }
  try {
    // Both ends are compiled against the same list of tasks.
    const carry = tasks[task] as (argument: unknown) => unknown
    send({ id, value: await carry(argument) })
  } catch (error) {
    send({ id, error: (error as Error).stack ?? String(error) })
  }
}
