/** Calls what the user gave to be called. What it throws, or what its promise rejects with, goes to `failed`. */
export function callUser(run: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = run()
    if (isPromiseLike(result)) result.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/** Whether `value` can be waited for. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
