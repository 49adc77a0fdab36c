/** A small bug, of the kind that people write: one piece of one file of `src` replaced by another. */
export interface Mutant {
  /** What is broken, as a sentence. */
  readonly name: string
  /** From the root of the repository. */
  readonly file: string
  /** A text that stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Tests that are likely to find it, where they are others than those of its file: see `likelyTests`. */
  readonly tests?: readonly string[]
  /** Why nobody can see it, for one that no test finds. */
  readonly survives?: string
}

/** The text of the mutant's file with the bug in it. Throws when the mutant does not fit the text. */
export function plant({ name, find, replace }: Mutant, text: string): string {
  const at = text.indexOf(find)
  if (at < 0) throw new Error(`'${name}' is found nowhere: ${JSON.stringify(find)}`)
  if (text.includes(find, at + 1)) throw new Error(`'${name}' is found more than once: ${JSON.stringify(find)}`)
  return text.slice(0, at) + replace + text.slice(at + find.length)
}
