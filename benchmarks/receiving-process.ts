import { type ChildProcess, fork, type SerializationType } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Answer, type Command, endMillis, isAnswer } from './protocol.js'

/** The receiving process of a stack, as the sending one has it, which starts it. */
export class ReceivingProcess {
  readonly child: ChildProcess
  /** Answers that nobody has waited for yet, and whoever waits for one that has not come. */
  readonly #answers: Answer[] = []
  #waiting: ((answer: Answer) => void) | undefined

  /** `ended` is told when it ends by itself. */
  constructor(stack: string, serialization: SerializationType, ended: (error: string) => void) {
    this.child = fork(fileURLToPath(new URL('server.js', import.meta.url)), [stack], { serialization })
    this.child.on('message', message => {
      if (isAnswer(message)) this.#answered(message)
    })
    this.child.once('exit', (code, signal) => {
      const error = `the receiving process ended with ${signal ?? code}`
      ended(error)
      // For the next run, if there is none now.
      this.#answered({ answer: 'failed', error })
    })
    // What cannot be sent any more shows in the end of the process.
    this.child.on('error', () => {})
  }

  tell(command: Command): void {
    this.child.send(command)
  }

  /** The next answer, which has to be one of those. */
  async next<Kind extends Answer['answer']>(...kinds: Kind[]): Promise<Extract<Answer, { answer: Kind }>> {
    const answer =
      this.#answers.shift() ??
      (await new Promise<Answer>(resolve => {
        this.#waiting = resolve
      }))
    if (kinds.some(kind => kind === answer.answer)) return answer as Extract<Answer, { answer: Kind }>
    throw new Error(answer.answer === 'failed' ? answer.error : `the receiving process answered '${answer.answer}'`)
  }

  /** Resolves when it runs no more. */
  async end(): Promise<void> {
    const { child } = this
    child.removeAllListeners('exit')
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    if (child.connected) child.disconnect()
    setTimeout(() => child.kill('SIGKILL'), endMillis.server)
    await exited
  }

  #answered(answer: Answer): void {
    if (this.#waiting === undefined) this.#answers.push(answer)
    else this.#waiting(answer)
    this.#waiting = undefined
  }
}
