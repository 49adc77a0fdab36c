import { nonceBytes } from '../codec/handshake-frames.js'
import { UnreachableError } from '../core/errors.js'
import type { NodeName } from '../core/node.js'
import { waitFor } from '../core/patience.js'
import type { Entropy } from '../core/random.js'
import { classable } from '../core/thrown.js'
import type { Clock } from '../core/time.js'
import type { Address, Transport } from '../transport/transport.js'
import { wrongCertificate } from './admission.js'
import { DialHandshake, type HandshakeIdentity, type HandshakePolicy } from './handshake.js'
import { type HandshakeOutcome, Handshaking } from './handshaking.js'
import type { LaneAttempt } from './lane.js'
import { patienceOf } from './ways.js'

/** What every attempt of a node needs. */
export interface AttemptSettings {
  readonly identity: () => HandshakeIdentity
  readonly transport: Transport
  readonly clock: Clock
  readonly entropy: Entropy
  /** Both ends show certificates: each must bear the name of the node that shows it. */
  readonly mutualTls: boolean
}

/** How an attempt ends: exactly one of the three is called, once. */
export interface AttemptOutcome extends HandshakeOutcome {
  /** Somebody else opened the lane first, or the node stops. */
  cancelled(): void
}

/** One try of this node to open a connection: the dial, then the handshake. */
export class Attempt implements LaneAttempt {
  /** The generation that was asked for; undefined until the proof was sent. */
  generation: number | undefined
  readonly #settings: AttemptSettings
  readonly #controller = new AbortController()
  #handshake: Handshaking | undefined
  #outcome: AttemptOutcome | undefined

  constructor(settings: AttemptSettings) {
    this.#settings = settings
  }

  /** Begins. `expected` is the name of the node that is meant, where it is known. */
  begin(address: Address, expected: NodeName | undefined, policy: HandshakePolicy, outcome: AttemptOutcome): void {
    const { transport, clock, entropy, identity, mutualTls } = this.#settings
    this.#outcome = outcome
    const patience = patienceOf(address)
    const cancelTimer = waitFor(clock, patience, () => {
      const late = new UnreachableError(address.url, `no answer within ${patience} ms`)
      this.#controller.abort(late)
      // A transport that does not look at its signal may never answer; a connection that still comes is destroyed.
      handshake.unreachable(late)
    })
    let names: readonly string[] = []
    const checked: HandshakePolicy = {
      choose: peer => policy.choose(peer),
      admit: (peer, slot) => (mutualTls && !names.includes(peer.name) ? wrongCertificate : policy.admit(peer, slot)),
    }
    const machine = new DialHandshake(identity(), expected, checked, entropy.bytes(nonceBytes))
    const handshake = new Handshaking(machine, clock, {
      established: (connection, established) => this.#take()?.established(connection, established),
      failed: (refusal, error) => this.#take()?.failed(refusal, error),
    })
    this.#handshake = handshake
    transport.dial(address, handshake, this.#controller.signal).then(
      connection => {
        cancelTimer()
        names = connection.security?.names ?? []
        handshake.begin(connection)
      },
      (thrown: unknown) => {
        cancelTimer()
        const error = classable(thrown)
        handshake.unreachable(error instanceof Error ? error : new UnreachableError(address.url, error))
      },
    )
  }

  /** Ends it without a word to the peer. */
  cancel(): void {
    const outcome = this.#take()
    if (outcome === undefined) return
    this.#controller.abort(new UnreachableError('the peer', 'the attempt was given up'))
    this.#handshake?.abandon()
    outcome.cancelled()
  }

  #take(): AttemptOutcome | undefined {
    const outcome = this.#outcome
    this.#outcome = undefined
    return outcome
  }
}

/** The attempts of a node that are under way. */
export class Attempts {
  readonly #settings: AttemptSettings
  readonly #all = new Set<Attempt>()

  constructor(settings: AttemptSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#all.size
  }

  /** One that has yet to begin. */
  make(): Attempt {
    return new Attempt(this.#settings)
  }

  /** See {@link Attempt.begin}. */
  begin(
    attempt: Attempt,
    address: Address,
    expected: NodeName | undefined,
    policy: HandshakePolicy,
    outcome: AttemptOutcome,
  ): void {
    this.#all.add(attempt)
    const over = (): boolean => this.#all.delete(attempt)
    attempt.begin(address, expected, policy, {
      established: (connection, established) => {
        over()
        return outcome.established(connection, established)
      },
      failed: (refusal, error) => {
        over()
        outcome.failed(refusal, error)
      },
      cancelled: () => {
        over()
        outcome.cancelled()
      },
    })
  }

  /** Ends all of them. */
  cancel(): void {
    for (const attempt of [...this.#all]) attempt.cancel()
  }
}
