/** Anything may be thrown, even what throws again when it is looked at. */
const unreadable = 'something that cannot be read'

/** What a thrown value says. */
export function textOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return unreadable
  }
}

/** What a thrown value says, and where it comes from if it tells. */
export function stackOf(thrown: unknown): string {
  try {
    const stack: unknown = thrown instanceof Error ? thrown.stack : undefined
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
