/** Anything may be thrown, even what throws again when it is looked at. */
const unreadable = 'something that cannot be read'

/** Whether it tells what went wrong as errors do. One of another realm is no instance of this one's `Error`. */
export function isErrorLike(thrown: unknown): thrown is Error {
  if (thrown instanceof Error) return true
  return typeof thrown === 'object' && thrown !== null && typeof (thrown as Partial<Error>).message === 'string'
}

/** What a thrown value says. */
export function textOf(thrown: unknown): string {
  try {
    return String(isErrorLike(thrown) ? thrown.message : thrown)
  } catch {
    return unreadable
  }
}

/** What a thrown value says, and where it comes from if it tells. */
export function stackOf(thrown: unknown): string {
  try {
    const stack: unknown = isErrorLike(thrown) ? thrown.stack : undefined
    return typeof stack === 'string' ? stack : textOf(thrown)
  } catch {
    return textOf(thrown)
  }
}

/** The thrown value, as something whose class can be asked for. */
export function classable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error)
    return thrown
  } catch {
    return new Error(unreadable)
  }
}
