/** Rejects when `promise` does not settle within `millis`: an event that never comes fails its test by name. */
export function within<Value>(promise: Promise<Value>, millis = 10_000, what = 'what was waited for'): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not happen within ${millis} ms`)), millis)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Resolves when `condition` holds, which is asked once in each turn of the event loop. */
export async function becomesTrue(condition: () => boolean, millis = 10_000): Promise<void> {
  const deadline = performance.now() + millis
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error(`this did not become true within ${millis} ms: ${String(condition)}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}
