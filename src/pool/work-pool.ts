import type { EventEmitter } from 'eventemitter3'
import { abortReason, onAbort } from '../core/abort.js'
import { InvalidOptionError } from '../core/errors.js'
import { fnv1a32 } from '../core/fnv.js'
import { checkKeys, isCount } from '../manager/checks.js'
import type { GuardedEmitter } from '../manager/guarded-emitter.js'
import { checkSignal } from '../manager/message-options.js'
import { identify, type SiteIdentity, type Sites, sitesOf } from './hash.js'
import type { CompletePoolSpec } from './pool-spec.js'
import { RoundRobin } from './round-robin.js'
import { digestOf, type PoolKey } from './zeek-key.js'

/** A node of a pool. */
export interface PoolNode extends SiteIdentity {
  /** Whether it is up, and has not said that it leaves. */
  readonly alive: boolean
  /** The topic that reaches it. */
  readonly topic: string
}

/** What became of a pool. */
export interface PoolChange {
  /** The names of nodes that work is given to from now on. */
  readonly added: readonly string[]
  /** The names of those that it is not given to any more. */
  readonly removed: readonly string[]
  /** The names of all that it was given to before, and is now: what `moved` takes. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Counts the changes of this pool at this node. */
  readonly epoch: number
}

/** What a pool tells. Its listeners find all pools up to date. */
export interface PoolEvents {
  /** Its living nodes are others now. */
  changed: (change: PoolChange) => void
  /** Its last node is gone: what is published to it is not sent. */
  empty: () => void
}

/** A key whose owner is another: undefined where there is none. */
export interface MovedKey<Key extends PoolKey = PoolKey> {
  readonly key: Key
  readonly from: string | undefined
  readonly to: string | undefined
}

/** A pool of nodes among which work is distributed. */
export interface Pool {
  readonly spec: CompletePoolSpec
  /** All its nodes, dead ones too, by name. */
  readonly nodes: ReadonlyMap<string, PoolNode>
  /** The same in the order of the round robin. */
  readonly nodeList: readonly PoolNode[]
  /** Those among which owners of keys are chosen, by site id: its living nodes. */
  readonly sites: ReadonlyMap<number, PoolNode>
  /** Where each round robin goes on. */
  readonly rrKeySeq: ReadonlyMap<string, number>
  /** Its living nodes, this one included. */
  readonly aliveCount: number
  /** Counts the changes of its living nodes. */
  readonly epoch: number
  /** Round robins that were forgotten, because 1,024 others were used since. */
  readonly roundRobinForgotten: number
  readonly events: EventEmitter<PoolEvents>
  /** The owner of a key; undefined where nobody is alive. */
  hrw(key: PoolKey): PoolNode | undefined
  /** The first `count` in the order in which they would own the key: who takes over, and who after that. */
  ranked(key: PoolKey, count: number): PoolNode[]
  /** The next node in turn, of those who are alive. Each key has turns of its own. */
  rr(key?: string): PoolNode | undefined
  /** The topic of the owner of a key; `''` where nobody is alive. */
  hrwTopic(key: PoolKey): string
  /** The topic of the next node in turn; `''` where nobody is alive. */
  rrTopic(key?: string): string
  /** Of these keys, those whose owner differs between two sets of living nodes, given by name. */
  moved<Key extends PoolKey>(keys: Iterable<Key>, before: Iterable<string>, after: Iterable<string>): MovedKey<Key>[]
  /** Resolves once so many are alive; rejects with the reason of the signal. Default: one. */
  ready(options?: { readonly alive?: number; readonly signal?: AbortSignal }): Promise<void>
}

/** Where a pool stands: a node of it and whether that lives. */
export interface Placed {
  readonly name: string
  readonly alive: boolean
}

export interface WorkPoolContext {
  readonly self: string
  readonly nodeTopic: (name: string) => string
  readonly events: GuardedEmitter<PoolEvents>
}

interface Member extends PoolNode {
  alive: boolean
}

/** The bookkeeping of one pool: who is in it, who lives, and whose turn it is. */
export class WorkPool implements Pool {
  readonly #context: WorkPoolContext
  #spec: CompletePoolSpec
  #nodes: ReadonlyMap<string, Member> = new Map()
  #nodeList: readonly Member[] = []
  #sites: ReadonlyMap<number, PoolNode> = new Map()
  #chosen: Sites<PoolNode>
  #aliveCount = 0
  #epoch = 0
  #roundRobin = new RoundRobin()

  constructor(spec: CompletePoolSpec, context: WorkPoolContext) {
    this.#spec = spec
    this.#context = context
    this.#chosen = sitesOf(spec.hash, [])
  }

  get spec(): CompletePoolSpec {
    return this.#spec
  }

  get nodes(): ReadonlyMap<string, PoolNode> {
    return this.#nodes
  }

  get nodeList(): readonly PoolNode[] {
    return this.#nodeList
  }

  get sites(): ReadonlyMap<number, PoolNode> {
    return this.#sites
  }

  get rrKeySeq(): ReadonlyMap<string, number> {
    return this.#roundRobin.counters
  }

  get aliveCount(): number {
    return this.#aliveCount
  }

  get epoch(): number {
    return this.#epoch
  }

  get roundRobinForgotten(): number {
    return this.#roundRobin.forgotten
  }

  get events(): GuardedEmitter<PoolEvents> {
    return this.#context.events
  }

  hrw(key: PoolKey): PoolNode | undefined {
    return this.#chosen.owner(digestOf(key))
  }

  /** The owner of a key of which only the digest is known. */
  ownerOf(digest: number): PoolNode | undefined {
    return this.#chosen.owner(digest)
  }

  ranked(key: PoolKey, count: number): PoolNode[] {
    return this.#chosen.ranked(digestOf(key), count)
  }

  rr(key = ''): PoolNode | undefined {
    const list = this.#nodeList
    const { self } = this.#context
    const isZeek = this.#spec.hash === 'zeek-7.1'
    // Processes that begin at the same node would give it all their first messages.
    const first = (): number => (isZeek ? 0 : fnv1a32(`${self}\0${key}`))
    const skipsSelf = !this.#spec.includeSelf && !isZeek
    const index = this.#roundRobin.next(key, list.length, first, at => {
      const { alive, name } = list[at] as Member
      return alive && !(skipsSelf && name === self)
    })
    return index === undefined ? undefined : list[index]
  }

  hrwTopic(key: PoolKey): string {
    return this.hrw(key)?.topic ?? ''
  }

  rrTopic(key?: string): string {
    return this.rr(key)?.topic ?? ''
  }

  moved<Key extends PoolKey>(keys: Iterable<Key>, before: Iterable<string>, after: Iterable<string>): MovedKey<Key>[] {
    const [old, now] = [this.#sitesNamed([...before]), this.#sitesNamed([...after])]
    const moved: MovedKey<Key>[] = []
    for (const key of keys) {
      const digest = digestOf(key)
      const [from, to] = [old.owner(digest)?.name, now.owner(digest)?.name]
      if (from !== to) moved.push({ key, from, to })
    }
    return moved
  }

  ready(options: { readonly alive?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    checkKeys('options', options, ['alive', 'signal'])
    const { alive = 1, signal } = options
    if (!isCount(alive)) throw new InvalidOptionError('alive', 'a whole number from 0', alive)
    if (signal !== undefined) checkSignal(signal)
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortReason(signal))
      if (this.#aliveCount >= alive) return resolve()
      const changed = (): void => {
        if (this.#aliveCount < alive) return
        release()
        resolve()
      }
      const unlisten =
        signal &&
        onAbort(signal, () => {
          release()
          reject(abortReason(signal))
        })
      const release = (): void => {
        this.events.off('changed', changed)
        unlisten?.()
      }
      this.events.on('changed', changed)
    })
  }

  /** Replaces the spec of a pool that nobody has chosen. */
  respecify(spec: CompletePoolSpec): void {
    this.#spec = spec
    this.#nodes = new Map()
    this.#nodeList = []
    this.#roundRobin = new RoundRobin()
  }

  /** Takes its nodes in their order. Returns what changed of those that live, to be told when all pools are in order. */
  place(placed: readonly Placed[]): PoolChange | undefined {
    const { hash, includeSelf } = this.#spec
    const { self } = this.#context
    const before = this.#siteNames()
    const list = this.#nodeList
    const isSame = placed.length === list.length && placed.every(({ name }, index) => list[index]?.name === name)
    if (isSame) for (const { name, alive } of placed) (this.#nodes.get(name) as Member).alive = alive
    else this.#nodes = new Map(this.#members(placed).map(member => [member.name, member]))
    this.#nodeList = placed.map(({ name }) => this.#nodes.get(name) as Member)
    const living = this.#nodeList.filter(({ alive }) => alive)
    const sites = includeSelf ? living : living.filter(({ name }) => name !== self)
    this.#aliveCount = living.length
    this.#sites = new Map(sites.map(node => [node.siteId, node]))
    this.#chosen = sitesOf(hash, sites)
    return this.#change(before)
  }

  #change(before: readonly string[]): PoolChange | undefined {
    const after = this.#siteNames()
    const [old, now] = [new Set(before), new Set(after)]
    const added = after.filter(name => !old.has(name))
    const removed = before.filter(name => !now.has(name))
    if (added.length === 0 && removed.length === 0) return undefined
    this.#epoch++
    return { added, removed, before, after, epoch: this.#epoch }
  }

  /** Zeek's aliases depend on the order in which colliding names come: it is that of the names. */
  #members(placed: readonly Placed[]): Member[] {
    const { hash } = this.#spec
    const alive = new Map(placed.map(each => [each.name, each.alive]))
    return identify(
      hash,
      placed.map(({ name }) => name),
    ).map(identity => ({
      ...identity,
      alive: alive.get(identity.name) ?? false,
      topic: this.#context.nodeTopic(identity.name),
    }))
  }

  #siteNames(): string[] {
    return [...this.#sites.values()].map(({ name }) => name)
  }

  /** Nodes of this pool as they are known here, dead or alive, so that their aliases are those that they have. */
  #sitesNamed(names: readonly string[]): Sites<SiteIdentity> {
    const { hash } = this.#spec
    const strangers = identify(
      hash,
      names.filter(name => !this.#nodes.has(name)),
    )
    return sitesOf(hash, [...names.flatMap(name => this.#nodes.get(name) ?? []), ...strangers])
  }
}
