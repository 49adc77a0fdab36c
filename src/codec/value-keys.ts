/** Longer keys, and keys further down in an object, are not remembered. */
const keyBytesMax = 64
const keysMax = 128

const slots = 1024

/**
 * Object keys that were seen before, as a tree: a path from the root is the first keys of some object, in their
 * order, all different. So a message whose shape is known costs one comparison of bytes for each key, and no check
 * for duplicates.
 *
 * What peers send cannot make it grow: nodes live in a table of fixed size, where a new one evicts what it collides
 * with, and an evicted one holds on to nothing.
 */
export class KeyNode {
  /** What came after this key the last time. */
  next: KeyNode | undefined = undefined
  readonly key: string
  /** Whether `Object.prototype` has such a property: plain assignment might not make one of the object's own. */
  readonly inherited: boolean
  /** The key as encoded, with its head. */
  readonly bytes: Uint8Array
  readonly #parent: number
  readonly #level: number
  readonly #identity: number
  // biome-ignore lint/style/useReadonlyClassProperties: `remember` evicts
  #evicted = false

  constructor(parent: number, level: number, key: string, bytes: Uint8Array) {
    this.key = key
    this.inherited = key in Object.prototype
    this.bytes = bytes
    this.#parent = parent
    this.#level = level
    this.#identity = identities++
  }

  /** Whether this key is what is encoded at `position`. */
  matches(source: Uint8Array, position: number, limit: number): boolean {
    const bytes = this.bytes
    const length = bytes.length
    if (length > limit - position || this.#evicted) return false
    for (let index = 0; index < length; index++) {
      if (bytes[index] !== source[position + index]) return false
    }
    return true
  }

  /** The key at `position` when it is known to come after this one. */
  child(source: Uint8Array, position: number, limit: number): KeyNode | undefined {
    const found = table[this.#slotOf(source, position)]
    if (found === undefined || found.#parent !== this.#identity) return undefined
    if (!found.matches(source, position, limit)) return undefined
    if (!this.#evicted) this.next = found
    return found
  }

  /** Remembers that `key`, encoded at `start..end`, came after this one. Undefined when it is not worth it. */
  remember(key: string, source: Uint8Array, start: number, end: number): KeyNode | undefined {
    if (end - start > keyBytesMax || this.#level >= keysMax || this.#evicted) return undefined
    const slot = this.#slotOf(source, start)
    const evicted = table[slot]
    if (evicted !== undefined) {
      evicted.#evicted = true
      evicted.next = undefined
    }
    const node = new KeyNode(this.#identity, this.#level + 1, key, new Uint8Array(source.subarray(start, end)))
    table[slot] = node
    // By its own child, this one may just have been evicted.
    if (!this.#evicted) this.next = node
    return node
  }

  /** A cheap hash of where we are, of the key's head, which holds its length, and of its first and last byte. */
  #slotOf(source: Uint8Array, position: number): number {
    const head = source[position] as number
    const first = source[position + 1] ?? 0
    const last = source[position + (head & 0x1f)] ?? 0
    const mixed = Math.imul((this.#identity * 0x85eb) ^ (head << 16) ^ (first << 8) ^ last, 0x9e3779b1)
    return (mixed ^ (mixed >>> 15)) & (slots - 1)
  }
}

let identities = 0
const table: (KeyNode | undefined)[] = Array.from({ length: slots }, () => undefined)

/** Where every object starts. */
export const rootKey: KeyNode = new KeyNode(-1, 0, '', new Uint8Array(1))
