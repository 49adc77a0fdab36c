import { membershipChannel } from '../core/channel.js'
import { OverflowError } from '../core/errors.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { compareBytewise } from './bytewise.js'
import { PoolMismatchError } from './errors.js'
import { knownHash, poolServer, type StateMessage } from './pool-messages.js'
import { type CompletePoolSpec, differingField, poolsMax, type SharedSpec, sharedSpec } from './pool-spec.js'
import { matchesTopic } from './topics.js'
import type { WorkPool } from './work-pool.js'
import type { WorkPools } from './work-pools.js'

interface Peer {
  readonly incarnation: number
  /** The version of this node's state that it was last sent. */
  told: number
  state: StateMessage | undefined
}

export interface PeerPoolsContext {
  readonly manager: PeerServiceManager
  readonly pools: WorkPools<WorkPool>
  readonly subscriptions: () => readonly string[]
  /** Whether this life is about to end. */
  readonly isLeaving: () => boolean
}

/**
 * What the nodes that are up tell each other of their pools: their specs, which have to agree, the topics that they
 * want to hear of, and that they leave.
 */
export class PeerPools {
  readonly #context: PeerPoolsContext
  readonly #peers = new Map<string, Peer>()
  readonly #mismatches = new Map<string, PoolMismatchError>()
  #version: number
  #isTelling = false
  #foreign = ''

  constructor(context: PeerPoolsContext) {
    this.#context = context
    // Greater than that of pools that the node had before, in the same life.
    this.#version = context.manager.clock.wall().getTime()
  }

  /** Differences with nodes that are up. */
  get mismatches(): readonly PoolMismatchError[] {
    return [...this.#mismatches.values()]
  }

  /** Whether it is known that a node has pools of its own. */
  runs(node: string): boolean {
    return node === this.#context.manager.name || this.#peers.get(node)?.state !== undefined
  }

  /** Who subscribed to the topic, this node left out. */
  subscribers(topic: string): string[] {
    const found: string[] = []
    for (const [node, { state }] of this.#peers) {
      if (state?.subscriptions.some(prefix => matchesTopic(prefix, topic)) === true) found.push(node)
    }
    return found
  }

  up(node: string, incarnation: number): void {
    const state = this.#peers.get(node)?.incarnation === incarnation ? this.#peers.get(node)?.state : undefined
    this.#peers.set(node, { incarnation, told: 0, state })
    void this.#tell(node)
  }

  down(node: string, incarnation: number): void {
    const peer = this.#peers.get(node)
    if (peer === undefined || peer.incarnation > incarnation) return
    this.#peers.delete(node)
    this.#compare()
  }

  /** Another node tells of its pools. */
  heard(node: string, incarnation: number, state: StateMessage): void {
    const known = this.#peers.get(node)
    if (known !== undefined && known.incarnation > incarnation) return
    const peer = known?.incarnation === incarnation ? known : { incarnation, told: 0, state: undefined }
    if (peer.state !== undefined && peer.state.version >= state.version) return
    peer.state = state
    this.#peers.set(node, peer)
    this.#context.pools.nodeLeaving(node, incarnation, state.leaving)
    this.#compare()
    // It had no pools when it was told.
    if (peer.told < this.#version) void this.#tell(node)
  }

  /** The pools or subscriptions of this node are others: all are told, once, when all has been changed. */
  changed(): void {
    this.#compare()
    this.#version++
    if (this.#isTelling) return
    this.#isTelling = true
    void Promise.resolve().then(() => {
      this.#isTelling = false
      for (const node of this.#peers.keys()) void this.#tell(node)
    })
  }

  /** Tells all, and resolves when they have taken note, or that long after. */
  async announce(timeout: number): Promise<void> {
    this.#version++
    await Promise.all([...this.#peers.keys()].map(node => this.#tell(node, { timeout })))
  }

  /** Does not reject: whoever cannot be told is told when it is up again, or tells of itself. */
  async #tell(node: string, options: ForwardOptions = {}): Promise<void> {
    const peer = this.#peers.get(node)
    if (peer === undefined) return
    const version = this.#version
    peer.told = version
    const { manager } = this.#context
    const ack = { when: 'handled', onDown: 'reject' } as const
    try {
      // Behind no message of a user, or what keeps those waiting would keep others from hearing of it.
      const sent = { ...options, channel: membershipChannel, ack }
      await manager.forwardMessage(node, poolServer, this.#state(version), sent)
    } catch (error) {
      peer.told = 0
      // A full queue says nothing of the peer: the next change, or its own, is another chance.
      if (error instanceof OverflowError) this.#context.pools.failed(`the pools of '${node}'`, error)
    }
  }

  #state(version: number): StateMessage {
    const { pools, subscriptions, isLeaving } = this.#context
    const specs = [...pools.registered.values()].map(({ spec }) => sharedSpec(spec))
    return { type: 'state', version, leaving: isLeaving(), specs, subscriptions: subscriptions() }
  }

  /** Tells of differences that are new, and takes the pools of others into account. */
  #compare(): void {
    const { pools } = this.#context
    const found = new Map<string, PoolMismatchError>()
    const foreign = new Map<string, CompletePoolSpec>()
    const peers = [...this.#peers].sort(([one], [other]) => compareBytewise(one, other))
    for (const [node, { state }] of peers) {
      for (const theirs of state?.specs ?? []) {
        const ours = pools.registered.get(theirs.topic)?.spec
        if (ours !== undefined) note(found, node, ours, theirs)
        else if (!foreign.has(theirs.topic)) keep(foreign, theirs)
      }
    }
    const unheard = [...found].filter(([key]) => !this.#mismatches.has(key))
    for (const key of this.#mismatches.keys()) if (!found.has(key)) this.#mismatches.delete(key)
    for (const [key, mismatch] of unheard) this.#mismatches.set(key, mismatch)
    const claims = [...foreign.values()].slice(0, poolsMax)
    const digest = JSON.stringify(claims)
    if (digest !== this.#foreign) {
      this.#foreign = digest
      pools.foreignAre(claims)
    }
    for (const [, mismatch] of unheard) pools.events.emit('error', mismatch)
  }
}

function note(found: Map<string, PoolMismatchError>, node: string, ours: SharedSpec, theirs: SharedSpec): void {
  const field = differingField(ours, theirs)
  if (field === undefined) return
  const mismatch = new PoolMismatchError(node, ours.topic, field, ours[field], theirs[field])
  found.set(mismatch.message, mismatch)
}

/** A spec of a version to come says nothing that this one could reckon with. */
function keep(foreign: Map<string, CompletePoolSpec>, theirs: SharedSpec): void {
  const known = knownHash(theirs)
  if (known !== undefined) foreign.set(theirs.topic, { ...theirs, ...known, includeSelf: true })
}
