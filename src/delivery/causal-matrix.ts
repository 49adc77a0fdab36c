import type { Life } from '../core/node.js'

/** The messages of a label from one life to another, up to this number. */
export interface Dependency {
  readonly from: Life
  readonly to: Life
  readonly number: number
}

/** Tells lives apart. Names hold no control characters. */
export function keyOfLife({ name, incarnation }: Life): string {
  return `${incarnation}\n${name}`
}

/** Of each destination, by sender. */
interface Column {
  readonly to: Life
  readonly numbers: Map<string, { readonly from: Life; readonly number: number }>
}

/**
 * What is known to have been sent of one label, from whom to whom and up to which number: the matrix of Raynal, Schiper
 * and Toueg (1991), without its zeros.
 */
export class CausalMatrix {
  readonly #columns = new Map<string, Column>()

  /** How many pairs it holds a number of. */
  get size(): number {
    let size = 0
    for (const { numbers } of this.#columns.values()) size += numbers.size
    return size
  }

  raise({ from, to, number }: Dependency): void {
    const key = keyOfLife(to)
    let column = this.#columns.get(key)
    if (column === undefined) {
      column = { to, numbers: new Map() }
      this.#columns.set(key, column)
    }
    const sender = keyOfLife(from)
    const known = column.numbers.get(sender)
    if (known === undefined || known.number < number) column.numbers.set(sender, { from, number })
  }

  /** The destination has what was sent up to that number: nobody need be told any more. */
  settle({ from, to, number }: Dependency): void {
    const key = keyOfLife(to)
    const column = this.#columns.get(key)
    const known = column?.numbers.get(keyOfLife(from))
    if (column === undefined || known === undefined || known.number > number) return
    column.numbers.delete(keyOfLife(from))
    if (column.numbers.size === 0) this.#columns.delete(key)
  }

  /** Drops the pairs that are picked. */
  drop(picks: (entry: Dependency) => boolean): void {
    for (const [key, { to, numbers }] of [...this.#columns]) {
      for (const [sender, { from, number }] of [...numbers]) if (picks({ from, to, number })) numbers.delete(sender)
      if (numbers.size === 0) this.#columns.delete(key)
    }
  }

  *entries(): Iterable<Dependency> {
    for (const { to, numbers } of this.#columns.values()) {
      for (const { from, number } of numbers.values()) yield { from, to, number }
    }
  }
}
