import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Order, Outcome } from './protocol.js'

/** Orders of which so many are under way in one worker do not let it wait for the next. */
const ahead = 2

/**
 * Carries out orders in so many processes and gives what becomes of them, in no particular order. Leaving the loop, or
 * the end of this process, ends them.
 */
export async function* carryOut(orders: Iterable<Order>, jobs: number): AsyncGenerator<Outcome> {
  const left = orders[Symbol.iterator]()
  const done: Outcome[] = []
  const children: ChildProcess[] = []
  let underWay = 0
  let failure: Error | undefined
  let wake = (): void => {}
  const feed = (child: ChildProcess): void => {
    const next = left.next()
    if (next.done === true) return
    underWay++
    child.send(next.value)
  }
  try {
    for (let index = 0; index < jobs; index++) {
      const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), { execArgv: [] })
      children.push(child)
      child.on('message', message => {
        underWay--
        done.push(message as Outcome)
        feed(child)
        wake()
      })
      child.once('exit', (code, signal) => {
        failure ??= new Error(`worker ${child.pid} died: ${signal ?? `exit code ${code}`}`)
        wake()
      })
      for (let count = 0; count < ahead; count++) feed(child)
    }
    while (underWay > 0 || done.length > 0) {
      yield* done.splice(0)
      if (failure !== undefined) throw failure
      if (underWay === 0) continue
      await new Promise<void>(resolve => {
        wake = resolve
        if (done.length > 0 || failure !== undefined) resolve()
      })
    }
  } finally {
    for (const child of children) child.removeAllListeners().kill('SIGKILL')
  }
}
