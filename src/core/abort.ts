import { UnknownOutcomeError } from './errors.js'

/** What an aborted signal rejects with: its reason as it is, by custom an Error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason as Error
}

/** What a message rejects with whose signal aborts: whoever asks must not take what was sent for what was not. */
export function abortError(signal: AbortSignal | undefined, node: string, wasSent: boolean): Error {
  const cause = abortReason(signal)
  return wasSent ? new UnknownOutcomeError(node, 'message', 'its signal aborted', { cause }) : cause
}
