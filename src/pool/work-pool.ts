import type { EventEmitter } from 'eventemitter3'
import { abortReason, onAbort } from '../core/abort.js'
import { InvalidOptionError } from '../core/errors.js'
import { fnv1a32 } from '../core/fnv.js'
import { checkKeys } from '../core/option-keys.js'
import { finishHash } from '../core/stream.js'
import { isCount } from '../manager/checks.js'
import type { GuardedEmitter } from '../manager/guarded-emitter.js'
import { checkSignal } from '../manager/message-options.js'
import { PoolClosedError } from './errors.js'
import { identify, type SiteIdentity, type Sites, sitesOf } from './hash.js'
import { PoolMembers, type PoolMembersContext, type PoolNode } from './pool-members.js'
import type { CompletePoolSpec } from './pool-spec.js'
import { RoundRobin } from './round-robin.js'
import type { Placement } from './supply.js'
import { digestOf, type PoolKey } from './zeek-key.js'

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
  /**
   * Nobody in it is alive: its last node is gone, or something was published to it that therefore was not sent. Once
   * until somebody is alive.
   */
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
  /** All its nodes, dead ones too, by name. What it was before a change stays as it was. */
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
  /** How many turns each node has had here, in all round robins together, since it is in the pool. 0 is left out. */
  readonly roundRobinTurns: ReadonlyMap<string, number>
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
  /**
   * Resolves once so many are alive, by default one. Rejects with the reason of the signal. 1,024 may wait at a time.
   * @throws {@link PoolClosedError} it was unregistered meanwhile.
   */
  ready(options?: ReadyOptions): Promise<void>
}

/** What a pool is waited for. */
export interface ReadyOptions {
  /** As many nodes as have to be alive, this one included: `maxNodes` at the most. Default 1. */
  readonly alive?: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
}

export interface WorkPoolContext extends PoolMembersContext {
  readonly events: GuardedEmitter<PoolEvents>
}

interface Waiter {
  readonly alive: number
  readonly ready: () => void
  readonly end: (error: Error) => void
}

/** As many as wait for one pool. */
const waitersMax = 1_024

/** The bookkeeping of one pool: who is in it, who lives, and whose turn it is. */
export class WorkPool implements Pool {
  readonly #context: WorkPoolContext
  readonly #members: PoolMembers
  #epoch = 0
  #roundRobin = new RoundRobin()
  readonly #turns = new Map<string, number>()
  #isClosed = false
  #isKnownEmpty = false
  /** Those who wait until it is ready. */
  readonly #waiting = new Set<Waiter>()

  constructor(spec: CompletePoolSpec, context: WorkPoolContext) {
    this.#context = context
    this.#members = new PoolMembers(spec, context)
  }

  get spec(): CompletePoolSpec {
    return this.#members.spec
  }

  get nodes(): ReadonlyMap<string, PoolNode> {
    return this.#members.view.nodes
  }

  get nodeList(): readonly PoolNode[] {
    return this.#members.view.nodeList
  }

  get sites(): ReadonlyMap<number, PoolNode> {
    return this.#members.view.sites
  }

  get rrKeySeq(): ReadonlyMap<string, number> {
    return this.#roundRobin.counters
  }

  get aliveCount(): number {
    return this.#members.aliveCount
  }

  get epoch(): number {
    return this.#epoch
  }

  get roundRobinForgotten(): number {
    return this.#roundRobin.forgotten
  }

  get roundRobinTurns(): ReadonlyMap<string, number> {
    return this.#turns
  }

  get events(): GuardedEmitter<PoolEvents> {
    return this.#context.events
  }

  hrw(key: PoolKey): PoolNode | undefined {
    return this.#members.view.chosen.owner(digestOf(key))
  }

  /** In the order in which they would own a key of that digest, as nodes see it that include this one. */
  commonRank(digest: number): PoolNode[] {
    return this.#members.view.common.ranked(digest, this.#members.aliveCount)
  }

  /** The owner of a key of that digest, as nodes see it that include this one. */
  commonOwner(digest: number): PoolNode | undefined {
    return this.#members.view.common.owner(digest)
  }

  ranked(key: PoolKey, count: number): PoolNode[] {
    if (!isCount(count)) throw new InvalidOptionError('count', 'a whole number from 0', count)
    return this.#members.view.chosen.ranked(digestOf(key), count)
  }

  rr(key = ''): PoolNode | undefined {
    if (typeof key !== 'string') throw new InvalidOptionError('key', 'a text', key)
    const list = this.#members.view.nodeList
    const { self } = this.#context
    const isZeek = this.spec.hash === 'zeek-7.1'
    // Processes that begin at the same node would give it all their first messages.
    const first = (): number => (isZeek ? 0 : finishHash(fnv1a32(`${self}\0${key}`)))
    const skipsSelf = !this.spec.includeSelf && !isZeek
    const index = this.#roundRobin.next(key, list.length, first, at => {
      const { alive, name } = list[at] as PoolNode
      return alive && !(skipsSelf && name === self)
    })
    if (index === undefined) return undefined
    const node = list[index] as PoolNode
    this.#turns.set(node.name, (this.#turns.get(node.name) ?? 0) + 1)
    return node
  }

  hrwTopic(key: PoolKey): string {
    return this.hrw(key)?.topic ?? ''
  }

  rrTopic(key?: string): string {
    return this.rr(key)?.topic ?? ''
  }

  moved<Key extends PoolKey>(keys: Iterable<Key>, before: Iterable<string>, after: Iterable<string>): MovedKey<Key>[] {
    checkList('keys', keys)
    const old = this.#sitesNamed(namesIn('before', before))
    const now = this.#sitesNamed(namesIn('after', after))
    const moved: MovedKey<Key>[] = []
    for (const key of keys) {
      const digest = digestOf(key)
      const [from, to] = [old.owner(digest)?.name, now.owner(digest)?.name]
      if (from !== to) moved.push({ key, from, to })
    }
    return moved
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      checkKeys('options', options, ['alive', 'signal'])
      const { alive = 1, signal } = options
      const { maxNodes, topic } = this.spec
      if (!isCount(alive)) throw new InvalidOptionError('alive', 'a whole number from 0', alive)
      if (maxNodes !== undefined && alive > maxNodes) {
        throw new InvalidOptionError('alive', `${maxNodes} at the most, the maxNodes of pool '${topic}'`, alive)
      }
      if (signal !== undefined) checkSignal(signal)
      if (signal?.aborted === true) return reject(abortReason(signal))
      if (this.#members.aliveCount >= alive) return resolve()
      if (this.#isClosed) return reject(new PoolClosedError(topic))
      if (this.#waiting.size >= waitersMax) {
        return reject(new InvalidOptionError('ready', `awaited by ${waitersMax} at a time at the most`))
      }
      const waiter: Waiter = {
        alive,
        ready: () => {
          release()
          resolve()
        },
        end: error => {
          release()
          reject(error)
        },
      }
      const unlisten = signal && onAbort(signal, () => waiter.end(abortReason(signal)))
      const release = (): void => {
        this.#waiting.delete(waiter)
        unlisten?.()
      }
      this.#waiting.add(waiter)
    })
  }

  /** It is no pool any more: who waits for it is told. */
  close(): void {
    this.#isClosed = true
    for (const { end } of [...this.#waiting]) end(new PoolClosedError(this.spec.topic))
  }

  /** Replaces the spec of a pool that nobody has chosen. Its nodes are to be placed anew then. */
  respecify(spec: CompletePoolSpec): void {
    this.#members.respecify(spec)
    this.#roundRobin = new RoundRobin()
    this.#turns.clear()
  }

  /** Takes its nodes. Returns what is to be told when all pools have theirs. */
  place(placement: Placement): (() => void) | undefined {
    const before = this.events.listenerCount('changed') > 0 ? this.#members.siteNames() : undefined
    const { added, removed } = this.#members.place(placement)
    const { nodes, touched } = placement
    if (touched === undefined) this.#keepTurnsOf(nodes)
    else if (touched.now === undefined) this.#turns.delete(touched.name)
    for (const { alive, ready } of [...this.#waiting]) if (this.#members.aliveCount >= alive) ready()
    if (added.length === 0 && removed.length === 0) return undefined
    this.#epoch++
    const isEmpty = this.#members.siteCount === 0
    if (!isEmpty) this.#isKnownEmpty = false
    const change = before && { added, removed, before, after: this.#members.siteNames(), epoch: this.#epoch }
    if (change === undefined && !isEmpty) return undefined
    return () => {
      if (change !== undefined) this.events.emit('changed', change)
      if (isEmpty) this.tellEmpty()
    }
  }

  #keepTurnsOf(nodes: readonly { readonly name: string }[]): void {
    const names = new Set(nodes.map(({ name }) => name))
    for (const name of this.#turns.keys()) if (!names.has(name)) this.#turns.delete(name)
  }

  /** Tells that nobody is alive, unless that was told already. */
  tellEmpty(): void {
    if (this.#isKnownEmpty || this.#members.siteCount > 0) return
    this.#isKnownEmpty = true
    this.events.emit('empty')
  }

  /** Nodes of this pool as they are known here, dead or alive, so that their aliases are those that they have. */
  #sitesNamed(names: readonly string[]): Sites<SiteIdentity> {
    const { hash } = this.spec
    const { nodes } = this.#members.view
    const strangers = identify(
      hash,
      names.filter(name => !nodes.has(name)),
    )
    return sitesOf(hash, [...names.flatMap(name => nodes.get(name) ?? []), ...strangers])
  }
}

/** A text is iterable, too, by its letters, and is no list. */
function checkList(option: string, given: unknown): void {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) return
  throw new InvalidOptionError(option, 'iterable, and no text', given)
}

function namesIn(option: string, given: Iterable<string>): string[] {
  checkList(option, given)
  const names = [...given]
  for (const name of names) if (typeof name !== 'string') throw new InvalidOptionError(option, 'names of nodes', name)
  return names
}

// What console.log looks for in Node.js. Not in the class: a computed name has no place in its declaration.
Object.defineProperty(WorkPool.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: WorkPool) {
    const nodes = this.nodeList.map(({ name, alive }) => (alive ? name : `${name} (dead)`))
    return { topic: this.spec.topic, alive: this.aliveCount, nodes }
  },
})
