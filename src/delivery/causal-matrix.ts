import type { Life } from '../core/node.js'
import type { Instant } from '../core/time.js'

/** The messages of a label from one life to another, up to this number. */
export interface Dependency {
  readonly from: Life
  readonly to: Life
  readonly number: number
  /** For how long this has been so, in whole seconds, as far as anybody knows. */
  readonly age: number
}

/** A number of the matrix. */
export interface MatrixEntry extends Omit<Dependency, 'age'> {
  readonly sentAt: Instant
  /** The life that alone told of the pair; undefined: several did, or it is known without. */
  readonly teller: string | undefined
}

/** The greater number, and the later time: ages are rounded up, so that hearing of it again makes nothing younger. */
function merged(known: MatrixEntry, { number, sentAt, teller }: MatrixEntry): MatrixEntry {
  if (known.number >= number && known.sentAt >= sentAt && known.teller === teller) return known
  return {
    ...known,
    number: Math.max(known.number, number),
    sentAt: Math.max(known.sentAt, sentAt),
    teller: known.teller === teller ? teller : undefined,
  }
}

/** Tells lives apart. Names hold no control characters. */
export function keyOfLife({ name, incarnation }: Life): string {
  return `${incarnation}\n${name}`
}

export function isSameLife(one: Life, other: Life): boolean {
  return one.incarnation === other.incarnation && one.name === other.name
}

/** Of each destination, by sender. */
interface Column {
  readonly to: Life
  readonly numbers: Map<string, MatrixEntry>
}

/**
 * What is known to have been sent of one label, from whom to whom and up to which number: the matrix of Raynal, Schiper
 * and Toueg (1991), without its zeros.
 */
export class CausalMatrix {
  readonly #columns = new Map<string, Column>()

  #size = 0

  /** How many pairs it holds a number of. */
  get size(): number {
    return this.#size
  }

  raise(entry: MatrixEntry): void {
    const { from, to } = entry
    const key = keyOfLife(to)
    let column = this.#columns.get(key)
    if (column === undefined) {
      column = { to, numbers: new Map() }
      this.#columns.set(key, column)
    }
    const sender = keyOfLife(from)
    const known = column.numbers.get(sender)
    if (known === undefined) this.#size++
    column.numbers.set(sender, known === undefined ? entry : merged(known, entry))
  }

  /** The destination has what was sent up to that number: nobody need be told any more. */
  settle({ from, to, number }: Omit<Dependency, 'age'>): void {
    const key = keyOfLife(to)
    const column = this.#columns.get(key)
    const known = column?.numbers.get(keyOfLife(from))
    if (column === undefined || known === undefined || known.number > number) return
    column.numbers.delete(keyOfLife(from))
    this.#size--
    if (column.numbers.size === 0) this.#columns.delete(key)
  }

  /** Drops the pairs that are picked. */
  drop(picks: (entry: MatrixEntry) => boolean): void {
    for (const [key, { numbers }] of [...this.#columns]) {
      this.#size -= numbers.size
      for (const [sender, entry] of [...numbers]) if (picks(entry)) numbers.delete(sender)
      this.#size += numbers.size
      if (numbers.size === 0) this.#columns.delete(key)
    }
  }

  *entries(): Iterable<MatrixEntry> {
    for (const { numbers } of this.#columns.values()) yield* numbers.values()
  }
}
