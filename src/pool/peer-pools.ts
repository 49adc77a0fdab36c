import { membershipChannel } from '../core/channel.js'
import { EncodeError, NoSuchServerError, StoppedError } from '../core/errors.js'
import type { Millis } from '../core/time.js'
import type { PeerServiceManager } from '../manager/manager.js'
import { Differences } from './differences.js'
import { Drains } from './drains.js'
import type { PoolMismatchError } from './errors.js'
import { flush, poolServer } from './pool-messages.js'
import { sharedSpec } from './pool-spec.js'
import type { StateMessage } from './pool-state.js'
import type { PoolTraffic } from './pool-traffic.js'
import { matchesTopic } from './topics.js'
import type { WorkPool } from './work-pool.js'
import type { WorkPools } from './work-pools.js'

interface Peer {
  readonly incarnation: number
  /** The version of this node's state that it has; 0: none. */
  told: number
  /** The version that cannot be told to it, as it is larger than what it takes; 0: none. */
  refused: number
  /** One message at a time is on its way to it: what changes meanwhile is told afterwards, and once. */
  isTelling: boolean
  /** It lacks what it was told. */
  hasLost: boolean
  /** The last attempt to tell it failed: there will be another. */
  hasFailed: boolean
  /** The latest version of its state that it told. */
  heard: number
  /** Whether it has pools; undefined: nobody knows yet. */
  runs: boolean | undefined
  /** Undefined: it has no pools, or has told nothing of them. */
  state: StateMessage | undefined
}

/** Resolves when all have a version of this node's state. */
interface Announcement {
  readonly version: number
  readonly end: () => void
}

export interface PeerPoolsContext {
  readonly manager: PeerServiceManager
  readonly pools: WorkPools<WorkPool>
  readonly traffic: PoolTraffic
  readonly subscriptions: () => readonly string[]
  /** Whether this life is about to end. */
  readonly isLeaving: () => boolean
  /** Whether a node has pools may be known now. */
  readonly known: (node: string) => void
}

/** After so many milliseconds those are told again whom nothing could be told, as by a full queue. */
const tellAgainAfter = 250

/** The last versions that nodes told: pools that are made anew go on from there. Others would ignore them otherwise. */
const versions = new WeakMap<PeerServiceManager, number>()

/**
 * What the nodes that are up tell each other of their pools: their specs, which have to agree, the topics that they
 * want to hear of, and that they leave.
 */
export class PeerPools {
  readonly #context: PeerPoolsContext
  readonly #peers = new Map<string, Peer>()
  readonly #differences = new Differences()
  readonly #announcements = new Set<Announcement>()
  readonly drains: Drains
  #version = 0
  #phase: 'open' | 'ended' | 'silent' = 'open'
  /** Whether all are to be compared with what this node has: that has changed. */
  #isStale = false
  #isCalled = false
  #cancelRetry: (() => void) | undefined
  /** Times that a node was told again because nothing could be told to it before. */
  retold = 0

  constructor(context: PeerPoolsContext) {
    this.#context = context
    this.drains = new Drains(context.manager, context.traffic)
    this.#raise()
  }

  /** Differences with nodes that are up. */
  get mismatches(): readonly PoolMismatchError[] {
    this.#compareAll()
    return this.#differences.mismatches
  }

  /** Whether a node has pools of its own; undefined: it is up, and it is not known yet. */
  runs(node: string): boolean | undefined {
    const { manager, pools } = this.#context
    if (node === manager.name) return true
    const peer = this.#peers.get(node)
    const isMet = peer !== undefined && peer.incarnation >= (pools.lifeOf(node) ?? 0)
    if (isMet && peer.runs !== undefined) return peer.runs
    // Who is down is sent nothing; and when nothing is told any more, nothing is learned.
    return (isMet || pools.isAlive(node)) && this.#phase !== 'silent' ? undefined : false
  }

  /** Who subscribed to the topic and has not said that it leaves, this node left out. */
  subscribers(topic: string): string[] {
    const found: string[] = []
    if (this.#phase !== 'open') return found
    for (const [node, { state }] of this.#peers) {
      if (state === undefined || state.leaving) continue
      if (state.subscriptions.some(prefix => matchesTopic(prefix, topic))) found.push(node)
    }
    return found
  }

  up(node: string, incarnation: number): void {
    const known = this.#peers.get(node)
    const peer = known?.incarnation === incarnation ? known : newPeer(incarnation)
    peer.told = 0
    peer.refused = 0
    peer.hasFailed = false
    this.#peers.set(node, peer)
    this.#context.known(node)
    // It may have told of itself before it was known to be up.
    if (peer.state !== undefined) this.#context.pools.nodeLeaving(node, incarnation, peer.state.leaving)
    this.#callSoon()
  }

  down(node: string, incarnation: number): void {
    const peer = this.#peers.get(node)
    if (peer === undefined || peer.incarnation > incarnation) return
    this.#peers.delete(node)
    this.#context.known(node)
    this.#compare(node, undefined)
    this.#endAnnouncements()
  }

  /** Another node tells of its pools. */
  heard(node: string, incarnation: number, state: StateMessage): void {
    const { manager } = this.#context
    const known = this.#peers.get(node)
    // What comes late from one that is down is told again when it is up.
    if (known === undefined ? !manager.isConnected(node) : known.incarnation > incarnation) return
    const peer = known?.incarnation === incarnation ? known : newPeer(incarnation)
    this.#peers.set(node, peer)
    // It had no pools yet, they were made anew, or it has seen this node down.
    if (state.heard < peer.told || (state.heard === 0 && peer.heard > 0)) {
      if (peer.isTelling) peer.hasLost = true
      else peer.told = 0
    }
    this.#callSoon()
    if (state.version <= peer.heard) return
    peer.heard = state.version
    this.#learn(node, peer, state.ended ? undefined : state)
  }

  /** Undefined: it has no pools, or none any more, as if it had never had any. */
  #learn(node: string, peer: Peer, state: StateMessage | undefined): void {
    peer.state = state
    peer.runs = state !== undefined
    this.#context.known(node)
    this.#context.pools.nodeLeaving(node, peer.incarnation, state?.leaving === true)
    this.#compare(node, state)
  }

  /** The pools or subscriptions of this node are others: all are told, once, when all has been changed. */
  changed(): void {
    if (this.#phase !== 'open') return
    this.#isStale = true
    this.#raise()
    this.#callSoon()
  }

  /** Tells all, and resolves when they have taken note, and what they had sent has arrived, or that long after. */
  async announce(timeout: Millis): Promise<void> {
    if (this.#phase !== 'open') return
    const until = this.#context.manager.clock.now() + timeout
    await this.#announce(timeout)
    await this.drains.ask(this.#peers.keys(), until)
  }

  /** These pools are no more: others forget what they told. Tries to say so for that long. */
  async end(timeout: Millis): Promise<void> {
    this.#phase = 'ended'
    await this.#announce(timeout)
    this.#phase = 'silent'
    this.#cancelRetry?.()
  }

  #announce(timeout: Millis): Promise<void> {
    this.#raise()
    return new Promise(resolve => {
      const announcement: Announcement = {
        version: this.#version,
        end: () => {
          this.#announcements.delete(announcement)
          cancel()
          resolve()
        },
      }
      const cancel = this.#context.manager.clock.schedule(timeout, announcement.end)
      this.#announcements.add(announcement)
      this.#tellAll()
      this.#endAnnouncements()
    })
  }

  #tellAll(): void {
    if (this.#phase === 'silent') return
    for (const [node, peer] of this.#peers) if (this.#isDue(peer)) void this.#tell(node, peer)
  }

  #isDue({ told, refused }: Peer): boolean {
    return Math.max(told, refused) < this.#version
  }

  /** Does not reject. */
  async #tell(node: string, peer: Peer): Promise<void> {
    if (peer.isTelling) return
    const state = this.#state(peer)
    peer.isTelling = true
    if (peer.hasFailed) this.retold++
    try {
      const ack = { when: 'handled', onDown: 'reject' } as const
      // Behind no message of a user, or what keeps those waiting would keep others from hearing of it.
      await this.#context.manager.forwardMessage(node, poolServer, state, { channel: membershipChannel, ack })
      peer.told = state.version
      peer.hasFailed = false
      this.#answered(node, peer)
    } catch (error) {
      // It is down, or this node is, where it is not a peer any more: then it is told when it is up again.
      if (this.#peers.get(node) === peer) this.#untold(node, peer, error, state)
    }
    peer.isTelling = false
    if (peer.hasLost) peer.told = 0
    peer.hasLost = false
    this.#endAnnouncements()
    const isDue = this.#peers.get(node) === peer && this.#isDue(peer)
    if (isDue && !peer.hasFailed && this.#phase !== 'silent') void this.#tell(node, peer)
  }

  /** Its pools are there, unless they said meanwhile that they end. */
  #answered(node: string, peer: Peer): void {
    peer.runs ??= true
    if (this.#peers.get(node) === peer) this.#context.known(node)
  }

  /** What this node would tell is too large for it: whether it has pools is asked in few words. */
  async #meet(node: string, peer: Peer): Promise<void> {
    const ack = { when: 'handled', onDown: 'reject' } as const
    try {
      await this.#context.manager.forwardMessage(node, poolServer, flush, { channel: membershipChannel, ack })
      this.#answered(node, peer)
    } catch (error) {
      if (peer.runs !== undefined || this.#peers.get(node) !== peer) return
      if (error instanceof NoSuchServerError) this.#learn(node, peer, undefined)
      else {
        peer.refused = 0
        this.#failed(peer)
      }
    }
  }

  #untold(node: string, peer: Peer, error: unknown, state: StateMessage): void {
    const { pools } = this.#context
    const isFirst = !peer.hasFailed
    peer.hasFailed = false
    if (error instanceof NoSuchServerError) {
      // Unless it told of some meanwhile, it has no pools, or none any more.
      peer.told = peer.heard === state.heard ? state.version : 0
      if (peer.told === 0) return
      this.#learn(node, peer, undefined)
    } else if (error instanceof EncodeError) {
      // It would be so again, until something changes.
      peer.refused = state.version
      pools.failed(`the pools of '${node}'`, error)
      if (peer.runs === undefined) void this.#meet(node, peer)
    } else {
      // When this node is started again it meets all of them anew.
      if (error instanceof StoppedError) peer.hasFailed = true
      else this.#failed(peer)
      if (isFirst && !(error instanceof StoppedError)) pools.failed(`the pools of '${node}'`, error)
    }
  }

  /** It is told again. */
  #failed(peer: Peer): void {
    peer.hasFailed = true
    this.#cancelRetry ??= this.#context.manager.clock.schedule(tellAgainAfter, () => {
      this.#cancelRetry = undefined
      this.#tellAll()
    })
  }

  #state({ heard }: Peer): StateMessage {
    const { pools, subscriptions, isLeaving } = this.#context
    const ended = this.#phase !== 'open'
    const leaving = !ended && isLeaving()
    return {
      ...{ type: 'state', version: this.#version, heard, leaving, ended },
      managerIsLogger: pools.managerIsLogger,
      specs: ended ? [] : [...pools.registered.values()].map(({ spec }) => sharedSpec(spec)),
      // Who leaves hears of no topics: so much less may be too large for somebody.
      subscriptions: ended || leaving ? [] : subscriptions(),
    }
  }

  #raise(): void {
    const { manager } = this.#context
    this.#version = (versions.get(manager) ?? 0) + 1
    versions.set(manager, this.#version)
  }

  #endAnnouncements(): void {
    for (const { version, end } of [...this.#announcements]) {
      if ([...this.#peers.values()].every(({ told }) => told >= version)) end()
    }
  }

  /** When what happens now has ended: of all that others tell meanwhile, too. */
  #callSoon(): void {
    if (this.#isCalled) return
    this.#isCalled = true
    this.#context.manager.clock.soon(() => {
      this.#isCalled = false
      this.#compareAll()
      for (const mismatch of this.#differences.takeNews()) this.#context.pools.differs(mismatch)
      this.#tellAll()
    })
  }

  #compareAll(): void {
    if (!this.#isStale) return
    this.#isStale = false
    for (const [node, { state }] of this.#peers) this.#compare(node, state)
  }

  /** Takes what only others have into account. */
  #compare(node: string, state: StateMessage | undefined): void {
    const { pools } = this.#context
    const specs = [...pools.registered.values()].map(({ spec }) => spec)
    const own = { specs, managerIsLogger: pools.managerIsLogger }
    if (this.#differences.compare(node, own, state)) pools.foreignAre(this.#differences.claims)
  }
}

function newPeer(incarnation: number): Peer {
  return {
    ...{ incarnation, told: 0, refused: 0, isTelling: false, hasLost: false, hasFailed: false },
    ...{ heard: 0, runs: undefined, state: undefined },
  }
}
