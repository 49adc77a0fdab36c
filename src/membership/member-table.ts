import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { hashPartitionKey } from '../core/stream.js'
import type { Instant, Millis } from '../core/time.js'
import type { EntryMark, MemberEntry } from './full-messages.js'
import type { Admission } from './strategy.js'

interface TableEntry extends MemberEntry {
  /** When it was learnt that the node left. */
  readonly leftAt: Instant
}

/** Two views with the same members have the same. */
export interface Digest {
  readonly hash: number
  readonly check: number
}

/** What is known of every name: a join semilattice, so views merge in any order, any number of times. */
export class MemberTable {
  readonly #entries = new Map<NodeName, TableEntry>()
  readonly #most: number
  #members: readonly NodeSpec[] | undefined
  #digest: Digest | undefined

  /** At most `most` names are kept: a further one is not taken. */
  constructor(most: number) {
    this.#most = most
  }

  get(name: NodeName): MemberEntry | undefined {
    return this.#entries.get(name)
  }

  isMember(name: NodeName): boolean {
    return this.#entries.get(name)?.left === false
  }

  /** Whether a peer may connect, as far as its incarnation goes: undefined when it may. */
  admit(peer: NodeSpec): Admission | undefined {
    const known = this.#entries.get(peer.name)
    if (known === undefined) return undefined
    if (peer.incarnation < known.spec.incarnation) return { type: 'stale', known: known.spec.incarnation }
    return known.left && peer.incarnation === known.spec.incarnation ? { type: 'removed' } : undefined
  }

  /** Those that have not left, ordered by name. */
  members(): readonly NodeSpec[] {
    this.#members ??= [...this.#entries.values()]
      .filter(entry => !entry.left)
      .map(entry => entry.spec)
      .sort(byName)
    return this.#members
  }

  /** All that is known, also of those that have left. */
  entries(): readonly MemberEntry[] {
    return [...this.#entries.values()]
  }

  /** Takes what is newer. Returns whether it was. */
  merge(entry: MemberEntry, now: Instant): boolean {
    const { name } = entry.spec
    const known = this.#entries.get(name)
    if (known === undefined ? this.#entries.size >= this.#most : !supersedes(entry, known)) return false
    this.#entries.set(name, { ...entry, leftAt: now })
    this.#changed()
    return true
  }

  forget(name: NodeName): void {
    if (this.#entries.delete(name)) this.#changed()
  }

  /** Forgets that a name left, if that is longer than `age` ago. */
  forgetLeft(name: NodeName, now: Instant, age: Millis): void {
    const entry = this.#entries.get(name)
    if (entry?.left === true && now - entry.leftAt >= age) this.#entries.delete(name)
  }

  clear(): void {
    this.#entries.clear()
    this.#changed()
  }

  /** Forgets who left longer than `age` ago. */
  sweep(now: Instant, age: Millis): void {
    for (const [name, entry] of this.#entries) {
      if (entry.left && now - entry.leftAt >= age) this.#entries.delete(name)
    }
  }

  /** Two hashes over the live entries, in any order. Who left does not count: that is forgotten at different times. */
  digest(): Digest {
    this.#digest ??= digestOf(this.members())
    return this.#digest
  }

  /** The live entries in short. */
  marks(): EntryMark[] {
    return this.members().map(({ name, incarnation, version }) => [name, incarnation, version])
  }

  #changed(): void {
    this.#members = undefined
    this.#digest = undefined
  }
}

/** By incarnation, then leaving, then version; what is equal in all by its text, so that all choose the same. */
export function supersedes(entry: MemberEntry, known: MemberEntry): boolean {
  const { spec } = entry
  if (spec.incarnation !== known.spec.incarnation) return spec.incarnation > known.spec.incarnation
  if (entry.left !== known.left) return entry.left
  if (spec.version !== known.spec.version) return spec.version > known.spec.version
  return spec !== known.spec && canonicalText(spec) > canonicalText(known.spec)
}

/** Two hashes over these members, in any order. */
export function digestOf(members: readonly NodeSpec[]): Digest {
  let hash = members.length
  let check = 0
  for (const { name, incarnation, version } of members) {
    const mark = `${name}/${incarnation}/${version}`
    hash = (hash + hashPartitionKey(mark)) >>> 0
    check = (check + Math.imul(hashPartitionKey(`${version}\\${incarnation}\\${name}`), 0x9e3779b1)) >>> 0
  }
  return { hash, check }
}

/** JSON with sorted keys, in which different values of whatever type that can travel have different texts. */
function canonicalText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Map) return `Map${canonicalText([...value])}`
  if (value instanceof Set) return `Set${canonicalText([...value])}`
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    return `${value.constructor.name}(${new Uint8Array(buffer, byteOffset, byteLength).join()})`
  }
  const record = value as Record<string, unknown>
  const fields = Object.keys(record).sort()
  return `{${fields.map(key => `${JSON.stringify(key)}:${canonicalText(record[key])}`).join()}}`
}
