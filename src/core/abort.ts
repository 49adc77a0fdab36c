/** What an aborted signal rejects with: its reason as it is, by custom an Error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason as Error
}
