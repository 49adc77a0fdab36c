import { CloseCode } from '../codec/codec.js'
import { nonceBytes } from '../codec/handshake-frames.js'
import { abortReason, onAbort } from '../core/abort.js'
import { membershipChannel } from '../core/channel.js'
import { UnreachableError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Entropy } from '../core/random.js'
import type { Millis } from '../core/time.js'
import type { Address, Connection, ListenAddress, Listener, Transport } from '../transport/transport.js'
import { type AdmissionContext, admitPeer, chooseControl, staleIncarnation, wrongCertificate } from './admission.js'
import { type Attempt, Attempts } from './attempt.js'
import {
  AcceptHandshake,
  type Established,
  type Freshness,
  type HandshakeIdentity,
  type HandshakePolicy,
  type Refusal,
  type Slot,
} from './handshake.js'
import { Handshaking } from './handshaking.js'
import type { HubHandler } from './hub-handler.js'
import type { Lane, LaneAttempt } from './lane.js'
import type { LaneDialler } from './lane-dialler.js'
import { dialsMax } from './limits.js'
import { Link, type LinkSettings } from './link.js'
import { refusedError } from './refusals.js'
import { isCircuit, isLeft, wayTo } from './ways.js'

export interface HubOptions {
  readonly identity: () => HandshakeIdentity
  readonly settings: LinkSettings
  readonly transport: Transport
  readonly entropy: Entropy
  readonly handler: HubHandler
  /** Both ends show certificates: each must bear the name of the node that shows it. */
  readonly mutualTls: boolean
}

/** How long the node with the greater name leaves dialling to the other. */
const dialGrace: Millis = 250

/** A connection that lasted so long was a good one. */
const steadyMillis: Millis = 1_000

/** All the links of a node: listens, dials what is wanted, and judges handshakes. */
export class LinkHub implements LaneDialler {
  readonly #options: HubOptions
  readonly #links = new Map<NodeName, Link>()
  /** Handshakes under way, of either side. */
  readonly #accepted = new Set<Handshaking>()
  readonly #attempts: Attempts
  #listener: Listener | undefined
  #stopped = true

  constructor(options: HubOptions) {
    this.#options = options
    this.#attempts = new Attempts({ ...options, clock: options.settings.clock })
  }

  get links(): ReadonlyMap<NodeName, Link> {
    return this.#links
  }

  /** Begins; dials and accepts from now. Resolves with the address that was bound, if any. */
  async start(listen: ListenAddress | undefined): Promise<string | undefined> {
    this.#stopped = false
    if (listen === undefined) return undefined
    this.#listener = await this.#options.transport.listen(listen, connection => this.accept(connection))
    return this.#listener.url
  }

  /** Closes everything at once. */
  async stop(text: string): Promise<void> {
    this.#stopped = true
    this.#abandon()
    const links = [...this.#links.values()]
    for (const link of links) link.close('stopping', text)
    this.#links.clear()
    await this.#listener?.close()
    this.#listener = undefined
  }

  /** Closes every link and forgets it; goes on listening. */
  clear(text: string): void {
    this.#abandon()
    const links = [...this.#links.values()]
    this.#links.clear()
    for (const link of links) {
      link.tell({ type: 'left' })
      link.close('disconnected', text)
    }
  }

  /** This node goes by a later incarnation: handshakes begin anew with it. */
  renew(): void {
    this.#abandon()
    for (const link of this.#links.values()) for (const lane of link.lanes()) this.wantLane(lane)
  }

  /** Links with something open. What was never connected takes nobody's place. */
  get connected(): number {
    return [...this.#links.values()].filter(link => link.openLanes > 0).length
  }

  /** The link to that node; made where there is none. */
  ensure(spec: NodeSpec): Link {
    const found = this.#links.get(spec.name)
    found?.learn(spec)
    if (found !== undefined) return found
    const link = new Link(spec, this.#options.settings, this.#options.handler, this)
    this.#links.set(spec.name, link)
    this.#options.handler.created(link)
    return link
  }

  /** Opens what is missing to a peer, at once. */
  connect(link: Link): void {
    for (const lane of link.lanes()) {
      lane.cancelRetry()
      this.#want(lane, 0)
    }
  }

  /** Somebody sends it messages that may go through other nodes: a way is looked for at once. */
  seek({ control }: Link): void {
    // A dial that nobody has answered would be in the way.
    if (control.attempt?.generation === undefined) control.attempt?.cancel()
    control.cancelRetry()
    control.backoff.reset()
    // Where both are wanted, circuits and addresses take turns.
    control.dials += control.dials % 2
    this.#want(control, 0)
  }

  /**
   * Greets whoever answers at one of `urls` and opens the control lane to it. Resolves with the link, which may have
   * been there already; rejects with a `RefusedError`, or an `UnreachableError` when nobody answers.
   */
  async greet(urls: readonly string[], expected: NodeName | undefined, signal: AbortSignal): Promise<Link> {
    let failure: Error = new UnreachableError(expected ?? 'no address')
    for (const url of urls) {
      try {
        return await this.#greetOne(url, expected, signal)
      } catch (error) {
        failure = error instanceof Error ? error : new UnreachableError(url, error)
        if (signal.aborted) break
      }
    }
    throw failure
  }

  /** Regular care of all links; forgets strangers that are gone. */
  tick(): void {
    for (const link of [...this.#links.values()]) {
      link.tick()
      if (isLeft(link, this.#options.settings.clock.now())) link.close('disconnected', 'neither end keeps it')
      const { phase } = link.state
      const idle = link.openLanes === 0 && ![...link.lanes()].some(lane => lane.connection ?? lane.attempt)
      if (idle && !link.pinned && (phase === 'unknown' || phase === 'left')) this.#links.delete(link.name)
    }
  }

  /** The network works: whoever is waited for is tried soon. */
  encourage(): void {
    for (const link of this.#links.values()) {
      if (link.openLanes > 0) continue
      const lane = link.control
      lane.backoff.reset()
      if (lane.retry === undefined) continue
      lane.cancelRetry()
      this.#want(lane, lane.backoff.failed(this.#options.settings.clock.now()))
    }
  }

  /** Dials the lane if a connection is wanted and nothing is under way. */
  wantLane(lane: Lane): void {
    const { link } = lane
    const self = this.#options.identity().spec
    // Both ends want the lane: the smaller name dials, the other only where that does not help.
    const leave = self.name > link.name && self.addresses.length > 0
    this.#want(lane, leave ? dialGrace : 0)
  }

  /** The lane's connection ended: dials again, soon after one that lasted, ever later after ones that did not. */
  laneClosed(lane: Lane): void {
    const { clock } = this.#options.settings
    if (clock.now() - lane.openedAt >= steadyMillis) lane.backoff.reset()
    this.#want(lane, lane.backoff.failed(clock.now()))
  }

  #abandon(): void {
    for (const handshake of this.#accepted) handshake.abandon()
    this.#accepted.clear()
    this.#attempts.cancel()
  }

  #want(lane: Lane, after: Millis): void {
    if (!this.#mayDial(lane) || lane.retry !== undefined) return
    if (after === 0 && this.#attempts.size < dialsMax) return this.#dial(lane)
    lane.retry = this.#options.settings.clock.schedule(after, () => {
      lane.retry = undefined
      if (this.#attempts.size >= dialsMax) this.#want(lane, lane.backoff.failed(this.#options.settings.clock.now()))
      else if (this.#mayDial(lane)) this.#dial(lane)
    })
  }

  #mayDial(lane: Lane): boolean {
    return !this.#stopped && this.#links.get(lane.link.name) === lane.link && wayTo(lane) !== undefined
  }

  #dial(lane: Lane): void {
    const { link } = lane
    const address = wayTo(lane) as Address
    const relayed = isCircuit(address)
    lane.dials++
    const attempt = this.#attempts.make()
    lane.attempt = attempt
    const policy: HandshakePolicy = {
      choose: peer => {
        if (peer.incarnation < link.spec.incarnation) return staleIncarnation(link.spec.incarnation)
        const newer = peer.incarnation > link.spec.incarnation
        attempt.generation = newer ? 1 : lane.generation + 1
        const { generation } = attempt
        return { channel: lane.channel.name, lane: lane.index, generation, fresh: newer || lane.fresh }
      },
      admit: (peer, slot) => this.#admit(peer, slot, attempt, relayed),
    }
    this.#attempts.begin(attempt, address, link.name, policy, {
      established: (connection, established) => this.#attach(connection, established, 'dialler'),
      failed: (refusal, error) => {
        this.#laneFailed(lane, attempt, refusal, error)
        const refused = refusal && refusedError(link.name, refusal.by, refusal)
        if (relayed) this.#options.handler.unreached(lane, refused ?? error ?? new UnreachableError(link.name))
      },
      cancelled: () => {
        if (lane.attempt === attempt) lane.attempt = undefined
      },
    })
  }

  #laneFailed(
    lane: Lane,
    attempt: Attempt,
    refusal: (Refusal & { readonly by: 'us' | 'peer' }) | undefined,
    error: Error | undefined,
  ): void {
    if (lane.attempt === attempt) lane.attempt = undefined
    if (refusal !== undefined) this.#refused(lane.link.name, refusal)
    if (refusal?.code === CloseCode.staleGeneration) lane.generation = Math.max(lane.generation, refusal.known ?? 0)
    if (!this.#mayDial(lane) || lane.retry !== undefined) return
    const delay = lane.backoff.failed(this.#options.settings.clock.now())
    const why = error ?? new UnreachableError(lane.link.name, refusal?.text)
    this.#options.handler.retrying(lane.link.name, why, delay)
    this.#want(lane, delay)
  }

  #greetOne(url: string, expected: NodeName | undefined, signal: AbortSignal, known = 0): Promise<Link> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const attempt = this.#attempts.make()
      let claimed: Lane | undefined
      let found: Link | undefined
      const over = (): void => {
        unlisten()
        if (claimed?.attempt !== attempt) return
        claimed.attempt = undefined
        this.laneClosed(claimed)
      }
      const policy: HandshakePolicy = {
        choose: peer => {
          const choice = chooseControl(this.#links, peer)
          if (choice.taken !== undefined) {
            found = choice.taken
            return { code: CloseCode.abandoned, text: 'there is a connection already' }
          }
          if (choice.refusal !== undefined) return choice.refusal
          claimed = choice.lane
          claimed?.attempt?.cancel()
          if (claimed !== undefined) claimed.attempt = attempt
          attempt.generation = Math.max(choice.generation, known + 1)
          const { generation } = attempt
          return { channel: membershipChannel, lane: 0, generation, fresh: choice.fresh }
        },
        admit: (peer, slot) => this.#admit(peer, slot, attempt),
      }
      const unlisten = onAbort(signal, () => attempt.cancel())
      this.#attempts.begin(attempt, { url }, expected, policy, {
        established: (connection, established) => {
          const lane = this.#attach(connection, established, 'dialler')
          over()
          if (lane === undefined) reject(new UnreachableError(url))
          else resolve(lane.link)
          return lane
        },
        failed: (refusal, error) => {
          over()
          if (found !== undefined) return resolve(found)
          if (refusal?.code === CloseCode.staleGeneration && claimed === undefined && known === 0 && refusal.known) {
            // The peer remembers a connection that this node has forgotten.
            return resolve(this.#greetOne(url, expected, signal, refusal.known))
          }
          if (refusal?.code === CloseCode.staleGeneration && claimed !== undefined) {
            claimed.generation = Math.max(claimed.generation, refusal.known ?? 0)
          }
          if (refusal !== undefined) this.#refused(expected ?? url, refusal)
          const refused = refusal && refusedError(expected ?? url, refusal.by, refusal)
          reject(refused ?? new UnreachableError(url, error ?? refusal?.text))
        },
        cancelled: () => {
          over()
          // A connection from the other side was faster.
          if (!signal.aborted && claimed !== undefined) resolve(claimed.link)
          else reject(signal.aborted ? abortReason(signal) : new UnreachableError(url, 'the node stops'))
        },
      })
    })
  }

  /** Takes a connection that somebody else dialled, and owns it from now. */
  accept(connection: Connection): Handshaking {
    const { entropy, identity, mutualTls, settings } = this.#options
    const names = connection.security?.names ?? []
    const admit = (peer: NodeSpec, slot: Slot): Freshness | Refusal =>
      mutualTls && !names.includes(peer.name)
        ? wrongCertificate
        : this.#admit(peer, slot, undefined, connection.relayed === true)
    const machine = new AcceptHandshake(identity(), { admit }, entropy.bytes(nonceBytes))
    const handshake: Handshaking = new Handshaking(machine, settings.clock, {
      established: (open, established) => {
        this.#accepted.delete(handshake)
        return this.#attach(open, established, 'acceptor')
      },
      failed: refusal => {
        this.#accepted.delete(handshake)
        if (refusal !== undefined) this.#refusedByDialler(connection.remote, refusal)
      },
    })
    this.#accepted.add(handshake)
    handshake.begin(connection)
    return handshake
  }

  /**
   * Judges a peer that has proved itself. `ours` is the attempt of our own that this is, undefined for an accepted
   * one.
   */
  #admit(peer: NodeSpec, slot: Slot, ours: LaneAttempt | undefined, relayed = false): Freshness | Refusal {
    if (this.#stopped) return { code: CloseCode.stopping, text: 'this node is stopping' }
    const { handler, settings, identity } = this.#options
    const { spec: self } = identity()
    if (peer.name === self.name && peer.incarnation > self.incarnation) handler.superseded(peer.incarnation)
    const context: AdmissionContext = {
      ...{ self, channelMap: settings.channelMap, links: this.#links, refusal: handler.admit(peer, relayed) },
      relayed,
      free: settings.limits.peers - handler.reservedFor(peer) - this.connected,
    }
    return admitPeer(context, peer, slot, ours)
  }

  #attach(connection: Connection, established: Established, role: 'dialler' | 'acceptor'): Lane | undefined {
    const { peer, slot } = established
    const link = this.ensure(peer)
    const lane = link.channels.get(slot.channel)?.lanes[slot.lane]
    invariant(lane !== undefined, 'a slot was checked before it was given')
    if (link.spec.incarnation !== peer.incarnation || slot.generation <= lane.generation) return undefined
    if (lane.succeed(connection, established, role)) return lane
    // What ends with the connection that is replaced may end the link: a leave waits for the last of them.
    lane.close('replaced', 'a newer connection took its place')
    if (this.#links.get(link.name) !== link) return undefined
    lane.attach(connection, established, role)
    // A direct connection takes the place of a relayed one, as soon as there can be one.
    if (lane.relayed) this.laneClosed(lane)
    return lane
  }

  /** Anybody can dial: without secrets, where nothing is proved, what a dialler says moves none but a newcomer. */
  #refusedByDialler(peer: string, refusal: Refusal & { readonly by: 'us' | 'peer' }): void {
    const { handler, identity } = this.#options
    if (refusal.by === 'us' || identity().secrets.length > 0) return this.#refused(peer, refusal)
    if (refusal.code === CloseCode.staleIncarnation) handler.heardOfLater(refusal.known as Incarnation)
    handler.refused(peer, 'peer', refusal)
  }

  #refused(peer: string, refusal: Refusal & { readonly by: 'us' | 'peer' }): void {
    const { handler } = this.#options
    if (refusal.by === 'peer' && refusal.code === CloseCode.staleIncarnation && refusal.known !== undefined) {
      handler.refusedAsStale(refusal.known as Incarnation)
    }
    if (refusal.by === 'peer' && refusal.code === CloseCode.removed) handler.removedBy()
    handler.refused(peer, refusal.by, refusal)
  }
}
