import { UnknownOutcomeError } from './errors.js'

/** What is to be called when a signal aborts, of those that anybody here listens to. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `aborted` when the signal aborts, unless what is returned is called first. However many share a signal it has
 * one listener, and none when nobody waits any more: of many, Node walks a list for each one that comes or goes, and
 * from the eleventh on it warns of a leak.
 */
export function onAbort(signal: AbortSignal, aborted: () => void): () => void {
  const all = listeners.get(signal) ?? listenTo(signal)
  all.add(aborted)
  return () => {
    if (all.delete(aborted) && all.size === 0) release(signal)
  }
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>()
  listeners.set(signal, all)
  signal.addEventListener('abort', tellAll)
  return all
}

function release(signal: AbortSignal): void {
  listeners.delete(signal)
  signal.removeEventListener('abort', tellAll)
}

/** Who gives up meanwhile is not called: one end leads to another. */
function tellAll(this: AbortSignal): void {
  for (const aborted of listeners.get(this) ?? []) aborted()
  release(this)
}

/** What an aborted signal rejects with: its reason as it is, by custom an Error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason as Error
}

/** What a message rejects with whose signal aborts: whoever asks must not take what was sent for what was not. */
export function abortError(signal: AbortSignal | undefined, node: string, wasSent: boolean): Error {
  const cause = abortReason(signal)
  return wasSent ? new UnknownOutcomeError(node, 'message', 'its signal aborted', { cause }) : cause
}

/** What comes of `work`, unless the signal aborts first: whoever does it need not know of signals. */
export function untilAborted<Value>(signal: AbortSignal, work: PromiseLike<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortReason(signal))
    const release = onAbort(signal, () => {
      release()
      reject(abortReason(signal))
    })
    work.then(
      value => {
        release()
        resolve(value)
      },
      (error: unknown) => {
        release()
        reject(error)
      },
    )
  })
}
