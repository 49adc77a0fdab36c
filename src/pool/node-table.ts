import type { NodeSpec } from '../core/node.js'
import { nodeTypeOf } from './pool-spec.js'
import type { Candidate } from './supply.js'

/** A node as pools know it. */
export interface PoolPeer {
  readonly name: string
  /** What pools choose their nodes by. A node without one is in no pool. */
  readonly type?: string | undefined
  /** Its life: greater is later. Default 0. */
  readonly incarnation?: number
}

/** A member as pools know it. */
export function peerOf({ name, incarnation, attributes }: NodeSpec): PoolPeer {
  const type: unknown = attributes?.type
  return { name, incarnation, type: typeof type === 'string' ? nodeTypeOf(type) : undefined }
}

interface Entry {
  /** Undefined: it is no member. */
  type: string | undefined
  isMember: boolean
  /** The latest life that anybody told of. */
  latest: number
  /** The life that is up. */
  up: number | undefined
  /** The life that said that it leaves. */
  leaving: number | undefined
}

/**
 * Who is a member, and which of its lives is up. What is told of a life that is over changes nothing: a restarted node
 * is not taken for dead because the end of its predecessor was heard of late.
 */
export class NodeTable {
  readonly #entries = new Map<string, Entry>()
  /** What was told of lives that were over. */
  stale = 0

  /** A member with its type, and whether it is alive; undefined where it is none. */
  member(name: string): Candidate | undefined {
    const entry = this.#entries.get(name)
    return entry?.isMember === true ? { name, type: entry.type, alive: isAlive(entry) } : undefined
  }

  /** Takes a node in, or learns of a later life of it, or of its type. */
  join({ name, type, incarnation }: PoolPeer): void {
    const entry = this.#entry(name)
    if (incarnation !== undefined && this.#isStale(entry, incarnation)) return
    entry.isMember = true
    entry.type = type === undefined ? undefined : nodeTypeOf(type)
  }

  /** It is no member any more. */
  leave(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.isMember = false
    this.#forget(name, entry)
  }

  up(name: string, incarnation?: number): void {
    const entry = this.#entry(name)
    if (incarnation !== undefined && this.#isStale(entry, incarnation)) return
    entry.up = entry.latest
  }

  down(name: string, incarnation?: number): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    // The life that was up may not be the latest: that was told of, and has not come up.
    if (incarnation !== undefined && incarnation !== entry.up && this.#isStale(entry, incarnation)) return
    entry.up = undefined
    this.#forget(name, entry)
  }

  /** That life says that it will leave, or that it will not after all. Of a stranger that is not up nothing is kept. */
  leaving(name: string, incarnation: number, isLeaving: boolean): void {
    const entry = this.#entries.get(name)
    if (entry !== undefined && !this.#isStale(entry, incarnation)) entry.leaving = isLeaving ? incarnation : undefined
  }

  /** The latest life of a node that is known; undefined where the node is not. */
  lifeOf(name: string): number | undefined {
    return this.#entries.get(name)?.latest
  }

  /** Whether it is up and has not said that it leaves, member or not. */
  isAlive(name: string): boolean {
    const entry = this.#entries.get(name)
    return entry !== undefined && isAlive(entry)
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const entry: Entry = { type: undefined, isMember: false, latest: 0, up: undefined, leaving: undefined }
    this.#entries.set(name, entry)
    return entry
  }

  /** Whether a later life is known; learns of this one otherwise. */
  #isStale(entry: Entry, incarnation: number): boolean {
    if (incarnation < entry.latest) {
      this.stale++
      return true
    }
    entry.latest = incarnation
    return false
  }

  /** A stranger is remembered while it is up. */
  #forget(name: string, { isMember, up }: Entry): void {
    if (!isMember && up === undefined) this.#entries.delete(name)
  }
}

function isAlive({ latest, up, leaving }: Entry): boolean {
  return up === latest && leaving !== latest
}
