import { FaultsDeniedError, InvalidOptionError, UnreachableError } from '../core/errors.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Clock, Millis } from '../core/time.js'
import {
  type FaultFrame,
  isRef,
  type PartitionEffect,
  type PartitionInput,
  type PartitionRef,
  Partitions,
  parseFaultFrame,
} from '../fault/partition.js'

export interface FaultsContext {
  readonly clock: Clock
  readonly self: () => NodeSpec
  readonly peers: () => readonly NodeSpec[]
  readonly allowRemote: boolean
  send(to: NodeName, frame: FaultFrame): void
  cut(node: NodeSpec, ref: PartitionRef, first: boolean): void
  heal(node: NodeSpec, ref: PartitionRef, last: boolean): void
}

/** The origin of a partition answers within this time. */
const injectTimeout: Millis = 5_000

/** The shell of the partition machine. */
export class Faults {
  readonly #context: FaultsContext
  readonly #waiting = new Map<PartitionRef, (answer: boolean | Error) => void>()
  #partitions: Partitions
  #refs = 0

  constructor(context: FaultsContext) {
    this.#context = context
    this.#partitions = this.#fresh()
  }

  /** A new life begins, by a restart or a rejoin: it has no cuts, and its peers forget theirs of the last. */
  start(): void {
    this.#partitions = this.#fresh()
  }

  list(): readonly { readonly ref: PartitionRef; readonly node: NodeSpec }[] {
    return this.#partitions.list()
  }

  /** Whether a peer to which there was no link is cut off. What cut off an earlier life of it ends. */
  cutsOff({ name, incarnation }: NodeSpec): boolean {
    const earlier = (node: NodeSpec): boolean =>
      node.name === name && node.incarnation > 0 && node.incarnation < incarnation
    if (this.list().some(({ node }) => earlier(node))) this.step({ type: 'restarted', node: name })
    return this.#partitions.isCut(name)
  }

  async inject(origin: NodeName, ttl: number): Promise<PartitionRef> {
    if (!Number.isInteger(ttl) || ttl < 0 || ttl > 1_000) throw new InvalidOptionError('ttl', 'a number of hops', ttl)
    const { name, incarnation } = this.#context.self()
    const ref = `${name}/${incarnation}/${++this.#refs}` as PartitionRef
    const known = origin === name || this.#context.peers().some(peer => peer.name === origin)
    if (!known) throw new UnreachableError(origin, 'it is neither a member nor connected')
    const done = await new Promise<boolean | Error | undefined>(resolve => {
      const cancel = this.#context.clock.schedule(injectTimeout, () => resolve(undefined))
      this.#waiting.set(ref, answer => {
        cancel()
        resolve(answer)
      })
      this.step({ type: 'inject', ref, origin, ttl })
    })
    this.#waiting.delete(ref)
    if (done instanceof Error) throw done
    if (done === undefined) throw new UnreachableError(origin, `no answer within ${injectTimeout} ms`)
    if (!done) throw new FaultsDeniedError(origin)
    return ref
  }

  /** Heals a partition, from here. */
  resolve(ref: PartitionRef): void {
    if (!isRef(ref)) throw new InvalidOptionError('ref', 'what injectPartition() resolved with', ref)
    this.step({ type: 'resolve', ref })
  }

  /** The node stops: nobody waits for an origin any more. */
  stop(error: () => Error): void {
    for (const answer of [...this.#waiting.values()]) answer(error())
  }

  /** Takes what a peer sent. False when it is no fault frame. */
  receive(from: NodeSpec, value: unknown): boolean {
    const frame = parseFaultFrame(value)
    if (frame !== undefined) this.step({ type: 'frame', from, frame })
    return frame !== undefined
  }

  step(input: PartitionInput): void {
    const effects: PartitionEffect[] = []
    this.#partitions.step(input, this.#context.clock.now(), effects)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: PartitionEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#context.send(effect.to, effect.frame)
      case 'cut':
        return this.#context.cut(effect.node, effect.ref, effect.first)
      case 'heal':
        return this.#context.heal(effect.node, effect.ref, effect.last)
      case 'injected':
        return this.#waiting.get(effect.ref)?.(effect.done)
    }
  }

  #fresh(): Partitions {
    const { peers, allowRemote, self } = this.#context
    return new Partitions({ self: self().name, peers, allowRemote })
  }
}
