/** Resolves once every promise reaction and next-tick callback that is ready, or becomes ready meanwhile, has run. */
export function drainMicrotasks(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
