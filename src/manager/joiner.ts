import { abortReason, onAbort } from '../core/abort.js'
import { InvalidOptionError, StaleIncarnationError, UnreachableError, WrongNodeError } from '../core/errors.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Clock, Millis } from '../core/time.js'
import { Backoff } from '../link/backoff.js'
import type { LinkHub } from '../link/hub.js'
import type { Link } from '../link/link.js'
import { isPermanent } from '../link/refusals.js'
import { Stopping } from './stopping.js'
import { Turns } from './turns.js'

export interface JoinerContext {
  readonly hub: LinkHub
  readonly clock: Clock
  readonly random: Random
  readonly self: () => NodeSpec
  /** A later start of this node lives: no incarnation of ours will be taken. */
  readonly superseded: () => boolean
  /** Tells of an attempt that failed; the next follows after `delay`. */
  readonly retrying: (peer: string, error: Error, delay: Millis) => void
  /** Why the overlay never takes that peer, as far as its spec tells; undefined when it may. */
  refusal(peer: NodeSpec): Error | undefined
  /** Tells the overlay that a connected peer is to be joined. */
  ask(peer: NodeSpec): void
}

/** Something that is waited for: looked at whenever anything happens to a link. */
interface Waiter {
  readonly done: () => boolean
  readonly resolve: (done: boolean) => void
}

/** A join that was answered by nobody is asked again after so long. */
const answerTimeout: Millis = 1_000
/** A seed that is a member is looked after so often. */
const seedInterval: Millis = 5_000
/**
 * Seeds and found addresses that are dialled at a time, in random order. Many nodes that start together and know each
 * other's addresses would otherwise keep each other so busy that no dial is answered in time.
 */
export const seedDialsMax = 3

/** Whether a seed is to be joined, again; without a link, one at which nobody has answered yet. */
export type Sought = (link: Link | undefined) => boolean

/** Joins peers: dials until somebody answers, asks until the peer counts this node. */
export class Joiner {
  readonly #context: JoinerContext
  readonly #waiters = new Set<Waiter>()
  /** How often each peer that is being asked has answered. */
  readonly #answers = new Map<NodeName, number>()
  #stopping = new Stopping()
  readonly #turns: Turns
  /** Seeds that are looked after. */
  #kept = 0

  constructor(context: JoinerContext) {
    this.#context = context
    this.#turns = new Turns(seedDialsMax, context.random)
  }

  /** Aborts when what is under way ends. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** The peer counts this node as a member. */
  joined(node: NodeName): void {
    this.#answers.set(node, (this.#answers.get(node) ?? 0) + 1)
    this.progress()
  }

  /** Something happened to a link. */
  progress(): void {
    for (const waiter of [...this.#waiters]) if (waiter.done()) waiter.resolve(true)
  }

  /** Ends all that is under way, with `why`. */
  stop(why: Error): void {
    this.#answers.clear()
    this.#stopping.abort(why)
    this.#stopping = new Stopping()
  }

  /** Joins; resolves with the link to the peer, undefined when the peer is this node itself. */
  join(peer: string | NodeSpec, signal: AbortSignal | undefined): Promise<Link | undefined> {
    return this.#stopping.under(signal, combined => this.#join(peer, combined))
  }

  /** Joins, and resolves once every lane to the peer is open at both ends. */
  syncJoin(peer: string | NodeSpec, signal: AbortSignal | undefined): Promise<Link | undefined> {
    return this.#stopping.under(signal, combined =>
      this.#persist(peer, combined, async link => {
        return (await this.#ask(link, combined)) && (await this.#complete(link, combined))
      }),
    )
  }

  /** Opens what is missing to a peer, without joining it; undefined when the peer is this node itself. */
  connect(peer: string | NodeSpec, signal: AbortSignal | undefined): Promise<Link | undefined> {
    return this.#stopping.under(signal, combined =>
      this.#persist(peer, combined, link => {
        link.pinned = true
        this.#context.hub.connect(link)
        return this.#complete(link, combined)
      }),
    )
  }

  /** Resolves with true once `done` is, or with false after `timeout`. Rejects when the signal aborts. */
  until(done: () => boolean, signal: AbortSignal, timeout?: Millis): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      if (done()) return resolve(true)
      const end = (): void => {
        this.#waiters.delete(waiter)
        cancel?.()
        unlisten()
      }
      const waiter: Waiter = {
        done,
        resolve: value => {
          end()
          resolve(value)
        },
      }
      const cancel =
        timeout === undefined ? undefined : this.#context.clock.schedule(timeout, () => waiter.resolve(false))
      const unlisten = onAbort(signal, () => {
        end()
        reject(abortReason(signal))
      })
      this.#waiters.add(waiter)
    })
  }

  /**
   * Joins a seed, and joins it again whenever it is found to be `sought`, for ever, or until `given` aborts. Never
   * rejects; resolves before that only when the seed is this node itself.
   */
  async keep(seed: string | NodeSpec, sought: Sought, given?: AbortSignal): Promise<void> {
    this.#kept++
    try {
      await this.#stopping.under(given, signal => this.#keep(seed, sought, signal))
    } finally {
      this.#kept--
    }
  }

  async #keep(seed: string | NodeSpec, sought: Sought, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#context.random)
    let link: Link | undefined
    while (!signal.aborted) {
      try {
        if (link === undefined || sought(link)) {
          link = await this.#join(seed, signal, sought)
          if (link === undefined) return
          backoff.reset()
        }
        await this.#pause(seedInterval, signal)
      } catch (error) {
        if (error instanceof InvalidOptionError) return
        // A seed that refuses may be set up otherwise one day.
        await this.#pause(backoff.failed(this.#context.clock.now()), signal).catch(() => {})
      }
    }
  }

  #join(peer: string | NodeSpec, signal: AbortSignal, sought?: Sought): Promise<Link | undefined> {
    return this.#persist(peer, signal, link => this.#ask(link, signal), sought)
  }

  /** Reaches the peer and does `then` with the link, again and again until that is done or must end otherwise. */
  async #persist(
    peer: string | NodeSpec,
    signal: AbortSignal,
    then: (link: Link) => Promise<boolean>,
    sought?: Sought,
  ): Promise<Link | undefined> {
    const { clock, random, retrying } = this.#context
    const backoff = new Backoff(random)
    for (;;) {
      let failure: Error = new UnreachableError(nameOf(peer), 'it does not answer')
      try {
        const link = await (sought === undefined ? this.#reach(peer, signal) : this.#reachSeed(peer, sought, signal))
        if (link === undefined || (await then(link))) return link
      } catch (error) {
        if (this.#isFinal(error)) throw error
        signal.throwIfAborted()
        if (error instanceof Error) failure = error
      }
      const delay = backoff.failed(clock.now())
      retrying(nameOf(peer), failure, delay)
      await this.#pause(delay, signal)
    }
  }

  /** Reaches a seed when its turn has come. */
  async #reachSeed(seed: string | NodeSpec, sought: Sought, signal: AbortSignal): Promise<Link | undefined> {
    const endTurn = await this.#seedTurn(sought, signal)
    try {
      return await this.#reach(seed, signal)
    } finally {
      endTurn()
    }
  }

  /**
   * Waits until a seed may be dialled. Where the overlay has found its way in, the others are in no hurry: about one
   * in five seconds is tried nevertheless, because nodes that found each other first may know nobody else.
   */
  async #seedTurn(sought: Sought, signal: AbortSignal): Promise<() => void> {
    const { random } = this.#context
    const hurries = (): boolean => sought(undefined)
    for (let due = false; ; ) {
      const endTurn = await this.#turns.take(signal)
      if (due || hurries()) return endTurn
      endTurn()
      due = !(await this.until(hurries, signal, seedInterval * this.#kept * (0.5 + random.next())))
    }
  }

  /** Opens the first connection to a peer, if there is none; undefined when the peer is this node itself. */
  async #reach(peer: string | NodeSpec, signal: AbortSignal): Promise<Link | undefined> {
    const { hub, self } = this.#context
    const { name, incarnation, addresses } = self()
    if (typeof peer === 'string') {
      if (addresses.includes(peer)) return undefined
    } else if (peer.name === name && peer.incarnation === incarnation) {
      return undefined
    }
    const known = typeof peer === 'string' ? undefined : hub.links.get(peer.name)
    if (known !== undefined && known.directLanes > 0 && known.spec.incarnation === (peer as NodeSpec).incarnation)
      return known
    const refusal = typeof peer === 'string' ? undefined : this.#context.refusal(peer)
    if (refusal !== undefined) throw refusal
    const urls = typeof peer === 'string' ? [peer] : peer.addresses
    if (urls.length === 0) throw new InvalidOptionError('peer', 'a node that listens: this one has no address')
    try {
      const link = await hub.greet(urls, typeof peer === 'string' ? undefined : peer.name, signal)
      if (!(await this.until(() => link.directLanes > 0, signal, answerTimeout))) throw new UnreachableError(link.name)
      return link
    } catch (error) {
      // It was this node itself that answered; when the peer says so, it is another that goes by the same name.
      if (error instanceof WrongNodeError && error.by === 'us' && error.found === name) return undefined
      throw error
    }
  }

  /** Waits until all lanes are open. False when the peer left meanwhile: its next life has a link of its own. */
  async #complete(link: Link, signal: AbortSignal): Promise<boolean> {
    const { links } = this.#context.hub
    const isGone = (): boolean => link.state.phase === 'left' || links.get(link.name) !== link
    await this.until(() => link.complete || isGone(), signal)
    return link.complete
  }

  /** Asks to be counted. False when no answer came. */
  #ask(link: Link, signal: AbortSignal): Promise<boolean> {
    const { name } = link
    const before = this.#answers.get(name) ?? 0
    this.#context.ask(link.spec)
    return this.until(() => (this.#answers.get(name) ?? 0) > before, signal, answerTimeout)
  }

  /** Whether trying again must end the same way. */
  #isFinal(error: unknown): boolean {
    if (error instanceof StaleIncarnationError) return error.by === 'us' || this.#context.superseded()
    if (error instanceof WrongNodeError && error.found === this.#context.self().name) return true
    return isPermanent(error) || error instanceof InvalidOptionError
  }

  async #pause(delay: Millis, signal: AbortSignal): Promise<void> {
    await this.until(() => false, signal, delay)
  }
}

function nameOf(peer: string | NodeSpec): string {
  return typeof peer === 'string' ? peer : peer.name
}
