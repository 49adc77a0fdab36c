import { setMaxListeners } from 'node:events'
import { abortReason, onAbort } from '../core/abort.js'
import { StoppedError } from '../core/errors.js'
import type { SendOutcome } from '../core/send-outcome.js'

/** Ends what is under way: all of it at once, or what was asked for with a signal of the caller's, by that. */
export class Stopping {
  readonly #all = unlimited()
  readonly #shared = new Map<AbortSignal, Shared>()

  /** Aborts when everything ends. */
  get signal(): AbortSignal {
    return this.#all.signal
  }

  abort(why: Error): void {
    this.#all.abort(why)
  }

  /**
   * Does `work` with a signal that aborts when everything ends, or `given` aborts. However many share `given`, it has
   * one listener, and none when the last of them is done. `AbortSignal.any` will not do: Node never lets go of such a
   * signal while anybody listens to it, and what a simulated crash interrupts listens for ever.
   */
  async under<Value>(given: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    if (given === undefined) return work(this.signal)
    const shared = this.#shared.get(given) ?? this.#share(given)
    shared.users++
    try {
      return await work(shared.signal)
    } finally {
      shared.users--
      if (shared.users === 0) shared.release()
    }
  }

  #share(given: AbortSignal): Shared {
    const sources = [given, this.signal]
    const both = unlimited()
    const abort = (): void => both.abort(abortReason(sources.find(({ aborted }) => aborted)))
    if (sources.some(({ aborted }) => aborted)) abort()
    const unlisten = sources.map(source => onAbort(source, abort))
    const release = (): void => {
      this.#shared.delete(given)
      for (const end of unlisten) end()
    }
    const shared = { signal: both.signal, users: 0, release }
    this.#shared.set(given, shared)
    return shared
  }
}

/** What was pending in a life of a running node ends: another has begun. */
export function lifeOver(node: string, outcome?: SendOutcome): StoppedError {
  const text = `a life of node '${node}' ended, and what was pending in it: a new one began, so begin again`
  return new StoppedError(node, undefined, outcome, text)
}

/** What a running node was about to join ends: it has left. */
export function departed(node: string): StoppedError {
  return new StoppedError(node, undefined, 'not-sent', `node '${node}' has left the cluster: call join() to begin anew`)
}

/** What stands for a signal of the caller's while anybody uses it. */
interface Shared {
  readonly signal: AbortSignal
  users: number
  readonly release: () => void
}

/** Ends what any number may wait for: Node takes more than ten listeners for a leak, and says so. */
function unlimited(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
