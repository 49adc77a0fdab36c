import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import { isRecord } from '../core/name.js'
import { isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import type { Instant } from '../core/time.js'

/** Names one injected partition, in the whole cluster. */
export type PartitionRef = string & { readonly brand: 'PartitionRef' }

/** What nodes tell each other of partitions. These frames pass through every cut. */
export type FaultFrame =
  /** `origin` shall cut itself off; passed on until it arrives. */
  | { readonly type: 'inject'; readonly ref: PartitionRef; readonly origin: NodeName; readonly ttl: number }
  /** The origin's answer, passed on until it arrives. */
  | { readonly type: 'injected'; readonly ref: PartitionRef; readonly origin: NodeName; readonly done: boolean }
  /** The sender has cut itself off from the receiver. `ttl` >= 0: the receiver does the same, with that many hops. */
  | { readonly type: 'cut'; readonly ref: PartitionRef; readonly ttl: number }
  | { readonly type: 'resolve'; readonly ref: PartitionRef }
  /** At every connection: what was resolved lately, and what cuts the two off from each other. */
  | { readonly type: 'sync'; readonly resolved: readonly PartitionRef[]; readonly cuts: readonly PartitionRef[] }

export type PartitionInput =
  | { readonly type: 'inject'; readonly ref: PartitionRef; readonly origin: NodeName; readonly ttl: number }
  | { readonly type: 'resolve'; readonly ref: PartitionRef }
  | { readonly type: 'frame'; readonly from: NodeSpec; readonly frame: FaultFrame }
  /** A lane to the peer opened while none was. */
  | { readonly type: 'connected'; readonly peer: NodeSpec }
  /** A restart clears cuts. */
  | { readonly type: 'restarted'; readonly node: NodeName }

export type PartitionEffect =
  | { readonly type: 'send'; readonly to: NodeName; readonly frame: FaultFrame }
  | { readonly type: 'cut'; readonly ref: PartitionRef; readonly node: NodeSpec; readonly first: boolean }
  | { readonly type: 'heal'; readonly ref: PartitionRef; readonly node: NodeSpec; readonly last: boolean }
  /** The origin of a partition that was injected here has done it, or takes no faults from others. */
  | { readonly type: 'injected'; readonly ref: PartitionRef; readonly origin: NodeName; readonly done: boolean }

export interface PartitionOptions {
  readonly self: NodeName
  /** Whom a cut cuts off: all members, and all who are connected. */
  readonly peers: () => readonly NodeSpec[]
  /** Whether other nodes may make this one cut itself off. */
  readonly allowRemote: boolean
}

/** References that are remembered, of each sort; the oldest are forgotten. */
export const partitionRefsMax = 1_024

/**
 * Injected partitions. A reference is carried out at most once by each node; both ends of a cut pair record it; once
 * resolved anywhere it is resolved everywhere, at the latest when two nodes next connect.
 */
export class Partitions implements Machine<PartitionInput, PartitionEffect> {
  readonly #options: PartitionOptions
  readonly #cuts = new Map<PartitionRef, Map<NodeName, NodeSpec>>()
  readonly #counts = new Map<NodeName, number>()
  readonly #done = new BoundedSet<PartitionRef>(partitionRefsMax)
  readonly #resolved = new BoundedSet<PartitionRef>(partitionRefsMax)
  readonly #passedOn = new BoundedSet<string>(partitionRefsMax)

  constructor(options: PartitionOptions) {
    this.#options = options
  }

  /** What is cut off from this node. */
  list(): { readonly ref: PartitionRef; readonly node: NodeSpec }[] {
    return [...this.#cuts].flatMap(([ref, nodes]) => [...nodes.values()].map(node => ({ ref, node })))
  }

  isCut(node: NodeName): boolean {
    return this.#counts.has(node)
  }

  step(input: PartitionInput, _now: Instant, out: PartitionEffect[]): void {
    switch (input.type) {
      case 'inject':
        if (input.origin === this.#options.self) {
          this.#perform(input.ref, input.ttl, out)
          out.push({ type: 'injected', ref: input.ref, origin: input.origin, done: true })
          return
        }
        return this.#pass(input, undefined, out)
      case 'resolve':
        return this.#resolve(input.ref, undefined, out)
      case 'frame':
        return this.#frame(input.from, input.frame, out)
      case 'connected': {
        const cuts = [...this.#cuts].filter(([, nodes]) => nodes.has(input.peer.name)).map(([ref]) => ref)
        const resolved = this.#resolved.newest(syncRefsMax)
        if (cuts.length > 0 || resolved.length > 0) {
          const frame: FaultFrame = { type: 'sync', resolved, cuts: cuts.slice(-syncRefsMax) }
          out.push({ type: 'send', to: input.peer.name, frame })
        }
        return
      }
      case 'restarted':
        for (const ref of [...this.#cuts.keys()]) this.#heal(ref, input.node, out)
        return
      default:
        return unreachable(input)
    }
  }

  #frame(from: NodeSpec, frame: FaultFrame, out: PartitionEffect[]): void {
    const { self, allowRemote } = this.#options
    switch (frame.type) {
      case 'inject': {
        if (frame.origin !== self) return this.#pass(frame, from.name, out)
        if (allowRemote) this.#perform(frame.ref, frame.ttl, out)
        const answer: FaultFrame = { type: 'injected', ref: frame.ref, origin: self, done: allowRemote }
        return this.#pass(answer, undefined, out)
      }
      case 'injected':
        out.push({ type: 'injected', ref: frame.ref, origin: frame.origin, done: frame.done })
        return this.#pass(frame, from.name, out)
      case 'cut':
        // That the peer is cut off is a fact. To cut oneself off as well is a favour.
        this.#cut(frame.ref, from, out)
        if (allowRemote && frame.ttl >= 0) this.#perform(frame.ref, frame.ttl, out)
        return
      case 'resolve':
        return this.#resolve(frame.ref, from.name, out)
      case 'sync':
        for (const ref of frame.resolved) this.#resolve(ref, from.name, out)
        for (const ref of frame.cuts) this.#cut(ref, from, out)
        return
      default:
        return unreachable(frame)
    }
  }

  /** Cuts this node off from all its peers, once per reference. */
  #perform(ref: PartitionRef, ttl: number, out: PartitionEffect[]): void {
    if (this.#resolved.has(ref) || !this.#done.add(ref)) return
    for (const peer of this.#options.peers()) {
      if (peer.name === this.#options.self) continue
      this.#cut(ref, peer, out)
      out.push({ type: 'send', to: peer.name, frame: { type: 'cut', ref, ttl: ttl - 1 } })
    }
  }

  #cut(ref: PartitionRef, peer: NodeSpec, out: PartitionEffect[]): void {
    if (this.#resolved.has(ref)) return
    let nodes = this.#cuts.get(ref)
    if (nodes === undefined) {
      if (this.#cuts.size >= partitionRefsMax) return
      nodes = new Map()
      this.#cuts.set(ref, nodes)
    }
    if (nodes.has(peer.name)) return
    nodes.set(peer.name, peer)
    const count = (this.#counts.get(peer.name) ?? 0) + 1
    this.#counts.set(peer.name, count)
    out.push({ type: 'cut', ref, node: peer, first: count === 1 })
  }

  #resolve(ref: PartitionRef, from: NodeName | undefined, out: PartitionEffect[]): void {
    if (!this.#resolved.add(ref)) return
    // Said first: what this node then sends should find the others healed.
    this.#send({ type: 'resolve', ref }, from, out)
    const nodes = this.#cuts.get(ref)
    for (const node of [...(nodes?.keys() ?? [])]) this.#heal(ref, node, out)
  }

  #heal(ref: PartitionRef, name: NodeName, out: PartitionEffect[]): void {
    const nodes = this.#cuts.get(ref)
    const node = nodes?.get(name)
    if (nodes === undefined || node === undefined) return
    nodes.delete(name)
    if (nodes.size === 0) this.#cuts.delete(ref)
    const count = (this.#counts.get(name) ?? 1) - 1
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
    out.push({ type: 'heal', ref, node, last: count === 0 })
  }

  /** Straight to the origin where it is connected; else by way of everybody, each passing it on once. */
  #pass(frame: FaultFrame & { type: 'inject' | 'injected' }, from: NodeName | undefined, out: PartitionEffect[]): void {
    if (!this.#passedOn.add(`${frame.type} ${frame.ref}`)) return
    const { type, ref, origin } = frame
    const bare: FaultFrame =
      type === 'inject' ? { type, ref, origin, ttl: frame.ttl } : { type, ref, origin, done: frame.done }
    this.#send(bare, from, out)
  }

  #send(frame: FaultFrame, except: NodeName | undefined, out: PartitionEffect[]): void {
    for (const { name } of this.#options.peers()) {
      if (name !== except && name !== this.#options.self) out.push({ type: 'send', to: name, frame })
    }
  }
}

/** Makes a frame of what a peer sent; undefined when it is none. */
export function parseFaultFrame(value: unknown): FaultFrame | undefined {
  if (!isRecord(value)) return undefined
  const { type, ref, origin, ttl, done } = value
  if (type === 'sync') {
    const resolved = refs(value.resolved)
    const cuts = refs(value.cuts)
    return resolved && cuts && { type, resolved, cuts }
  }
  if (!isRef(ref)) return undefined
  if (type === 'resolve') return { type, ref }
  if (type === 'cut' && isHops(ttl, -1)) return { type, ref, ttl }
  if (!isNodeName(origin)) return undefined
  if (type === 'inject' && isHops(ttl, 0)) return { type, ref, origin, ttl }
  if (type === 'injected' && typeof done === 'boolean') return { type, ref, origin, done }
  return undefined
}

/** Remembers the newest, in order. */
class BoundedSet<Item> {
  readonly #items = new Set<Item>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  has(item: Item): boolean {
    return this.#items.has(item)
  }

  /** Whether it was new. */
  add(item: Item): boolean {
    if (this.#items.has(item)) return false
    this.#items.add(item)
    if (this.#items.size > this.#most) for (const oldest of this.#items) return this.#items.delete(oldest)
    return true
  }

  newest(count: number): Item[] {
    return [...this.#items].slice(-count)
  }
}

/** References in one sync frame. */
const syncRefsMax = 256
const hopsMax = 1_000
const refLengthMax = 512

/** Whether `value` can name a partition. */
export function isRef(value: unknown): value is PartitionRef {
  return typeof value === 'string' && value.length > 0 && value.length <= refLengthMax
}

function isHops(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= hopsMax
}

function refs(value: unknown): readonly PartitionRef[] | undefined {
  return Array.isArray(value) && value.length <= syncRefsMax && value.every(isRef) ? value : undefined
}
