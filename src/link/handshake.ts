import { CloseCode, protocolVersion } from '../codec/codec.js'
import {
  type Challenge,
  type Close,
  type ConnectionLimits,
  encodeHandshake,
  type Hello,
  parseHandshake,
  proofBytes,
} from '../codec/handshake-frames.js'
import { type ChannelName, isChannelName } from '../core/channel.js'
import type { Machine } from '../core/machine.js'
import { type Incarnation, isIncarnation, isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import type { Instant } from '../core/time.js'
import { type Exporter, prove, verify } from './proof.js'

/** What this node says of itself in every handshake. */
export interface HandshakeIdentity {
  readonly spec: NodeSpec
  readonly cluster: string
  /** Empty: nobody proves anything. The first is preferred; the others are accepted too (rotation). */
  readonly secrets: readonly string[]
  readonly versions: { readonly min: number; readonly max: number }
  readonly features: readonly string[]
  readonly limits: ConnectionLimits
  /** The spec as a value, at most `specBytesMax` bytes. */
  readonly encodedSpec: Uint8Array
  /** Reads a peer's encoded spec; undefined when it is none. Called only after the peer's proof was found good. */
  readonly decodeSpec: (bytes: Uint8Array) => NodeSpec | undefined
}

/** The place of a connection: one per peer, channel and lane; of two generations the later stays. */
export interface Slot {
  readonly channel: ChannelName
  readonly lane: number
  readonly generation: number
}

/** Whether this node's numbering of a lane's streams begins anew. */
export interface Freshness {
  readonly fresh: boolean
}

/** Why a handshake ends without a connection. */
export interface Refusal {
  readonly code: CloseCode
  readonly text: string
  /** The incarnation or generation that is known, where the code is about one. */
  readonly known?: number
}

/** What a node must know of its other links to judge a handshake. Called synchronously; it changes nothing. */
export interface HandshakePolicy {
  /** The dialler learns who answers, and says which slot it wants. */
  choose(peer: { readonly name: NodeName; readonly incarnation: Incarnation }): (Slot & Freshness) | Refusal
  /** The peer has proved itself: may it have the slot? */
  admit(peer: NodeSpec, slot: Slot): Freshness | Refusal
}

export type HandshakeInput =
  | { readonly type: 'open'; readonly exporter: Exporter }
  | { readonly type: 'chunk'; readonly chunk: Uint8Array }
  | { readonly type: 'timeout' }

export type HandshakeEffect =
  | { readonly type: 'send'; readonly chunk: Uint8Array }
  | ({ readonly type: 'established' } & Established)
  | ({ readonly type: 'failed'; readonly by: 'us' | 'peer' } & Refusal)

/** What both ends agreed on. */
export interface Established {
  readonly peer: NodeSpec
  readonly slot: Slot
  readonly version: number
  /** The feature names that both ends have. */
  readonly features: readonly string[]
  /** What the peer takes. */
  readonly limits: ConnectionLimits
  /** The peer's numbering of this lane's streams begins anew. */
  readonly fresh: boolean
}

/**
 * The dialler's half:
 *
 * ```
 * dialler                                   acceptor
 *   | hello: versions, cluster, nonce, who      |
 *   |------------------------------------------>|
 *   |      challenge: version, nonce, who       |
 *   |<------------------------------------------|
 *   | proof: slot, limits, spec, HMACs          |
 *   |------------------------------------------>|   the slot is judged
 *   |      accept: limits, spec, HMAC           |
 *   |<------------------------------------------|
 *   | ready, messages ...                       |   the slot is open at the dialler, then at the acceptor
 * ```
 *
 * Either end may say `close` with a reason instead. The dialler proves itself first, so a stranger learns no spec and
 * gets nothing to guess secrets against. Each proof covers everything said before it, under a label of its own.
 */
export class DialHandshake implements Machine<HandshakeInput, HandshakeEffect> {
  readonly #self: HandshakeIdentity
  readonly #expected: NodeName | undefined
  readonly #policy: HandshakePolicy
  readonly #nonce: Uint8Array
  #state:
    | { readonly type: 'idle' }
    | { readonly type: 'greeted'; readonly said: readonly Uint8Array[]; readonly exporter: Exporter }
    | {
        readonly type: 'proved'
        readonly said: readonly Uint8Array[]
        readonly exporter: Exporter
        readonly challenge: Challenge
        readonly slot: Slot
      }
    | { readonly type: 'over' } = { type: 'idle' }

  constructor(self: HandshakeIdentity, expected: NodeName | undefined, policy: HandshakePolicy, nonce: Uint8Array) {
    this.#self = self
    this.#expected = expected
    this.#policy = policy
    this.#nonce = nonce
  }

  step(input: HandshakeInput, _now: Instant, out: HandshakeEffect[]): void {
    if (this.#state.type === 'over') return
    if (input.type === 'timeout') return this.#fail(timedOut, out)
    if (input.type === 'open') return this.#hello(input.exporter, out)
    const frame = parseHandshake(input.chunk)
    if (frame === undefined) return this.#fail(malformed('the answer'), out)
    if (frame.type === 'close') return this.#refused(frame, input.chunk, out)
    if (frame.type === 'challenge' && this.#state.type === 'greeted') {
      const { said, exporter } = this.#state
      return this.#prove(frame, [...said, input.chunk], exporter, out)
    }
    if (frame.type === 'accept' && this.#state.type === 'proved') {
      const { said, exporter, challenge, slot } = this.#state
      if (this.#self.secrets.length > 0) {
        const good = verify('acceptor', this.#self.secrets, said, input.chunk, frame, exporter)
        if (good === undefined) return this.#fail(wrongSecret, out)
      }
      const peer = checkedSpec(this.#self, challenge, frame.spec)
      if (peer === undefined) return this.#fail(malformed('the spec'), out)
      const verdict = this.#policy.admit(peer, slot)
      if ('code' in verdict) return this.#fail(verdict, out)
      this.#state = { type: 'over' }
      const features = shared(this.#self.features, challenge.features)
      const { limits, fresh } = frame
      out.push({ type: 'established', peer, slot, version: challenge.version, features, limits, fresh })
      return
    }
    this.#fail(malformed(`a ${frame.type} frame out of turn`), out)
  }

  #refused(close: Close, chunk: Uint8Array, out: HandshakeEffect[]): void {
    const { secrets } = this.#self
    const state = this.#state
    this.#state = { type: 'over' }
    const proved =
      state.type === 'proved' && verify('acceptor', secrets, state.said, chunk, close, state.exporter) !== undefined
    believe(close, proved || secrets.length === 0, wrongSecret, out)
  }

  #hello(exporter: Exporter, out: HandshakeEffect[]): void {
    const { spec, cluster, secrets, versions, features } = this.#self
    const hello: Hello = {
      ...{ versions, features, cluster, secured: secrets.length > 0, nonce: this.#nonce },
      ...{ name: spec.name, incarnation: spec.incarnation, expected: this.#expected ?? '' },
    }
    const chunk = encodeHandshake({ type: 'hello', ...hello })
    this.#state = { type: 'greeted', said: [chunk], exporter }
    out.push({ type: 'send', chunk })
  }

  #prove(challenge: Challenge, said: readonly Uint8Array[], exporter: Exporter, out: HandshakeEffect[]): void {
    const { spec, versions, secrets, limits, encodedSpec } = this.#self
    if (challenge.version < versions.min || challenge.version > versions.max) return this.#fail(wrongVersion, out)
    if (challenge.secured !== secrets.length > 0) return this.#fail(wrongSecret, out)
    const { name, incarnation } = challenge
    if (!isNodeName(name) || !isIncarnation(incarnation)) return this.#fail(malformed('the name'), out)
    if (this.#expected !== undefined && name !== this.#expected) return this.#fail(wrongNode(name), out)
    if (name === spec.name && incarnation === spec.incarnation) return this.#fail(wrongNode(name), out)
    const chosen = this.#policy.choose({ name, incarnation })
    if ('code' in chosen) {
      this.#state = { type: 'over' }
      return refuse(chosen, out, { prover: 'dialler', secrets, said, exporter })
    }
    const zeros = secrets.map(() => new Uint8Array(proofBytes))
    const chunk = encodeHandshake({ type: 'proof', ...chosen, limits, spec: encodedSpec, proofs: zeros })
    prove('dialler', secrets, said, chunk, exporter)
    this.#state = { type: 'proved', said: [...said, chunk], exporter, challenge, slot: chosen }
    out.push({ type: 'send', chunk })
  }

  #fail(refusal: Refusal, out: HandshakeEffect[]): void {
    this.#state = { type: 'over' }
    refuse(refusal, out)
  }
}

/** The acceptor's half: see {@link DialHandshake}. */
export class AcceptHandshake implements Machine<HandshakeInput, HandshakeEffect> {
  readonly #self: HandshakeIdentity
  readonly #policy: Pick<HandshakePolicy, 'admit'>
  readonly #nonce: Uint8Array
  #exporter: Exporter = undefined
  #state:
    | { readonly type: 'listening' }
    | {
        readonly type: 'challenged'
        readonly said: readonly Uint8Array[]
        readonly hello: Hello
        readonly version: number
      }
    | { readonly type: 'over' } = { type: 'listening' }

  constructor(self: HandshakeIdentity, policy: Pick<HandshakePolicy, 'admit'>, nonce: Uint8Array) {
    this.#self = self
    this.#policy = policy
    this.#nonce = nonce
  }

  step(input: HandshakeInput, _now: Instant, out: HandshakeEffect[]): void {
    if (this.#state.type === 'over') return
    if (input.type === 'timeout') return this.#fail(timedOut, out)
    if (input.type === 'open') {
      this.#exporter = input.exporter
      return
    }
    const frame = parseHandshake(input.chunk)
    if (frame === undefined) return this.#fail(malformed('the greeting'), out)
    if (frame.type === 'close') return this.#refused(frame, input.chunk, out)
    if (frame.type === 'hello' && this.#state.type === 'listening') return this.#challenge(frame, input.chunk, out)
    if (frame.type !== 'proof' || this.#state.type !== 'challenged') {
      return this.#fail(malformed(`a ${frame.type} frame out of turn`), out)
    }
    const { said, hello, version } = this.#state
    let secret: string | undefined
    if (this.#self.secrets.length > 0) {
      secret = verify('dialler', this.#self.secrets, said, input.chunk, frame, this.#exporter)
      if (secret === undefined) return this.#fail(wrongSecret, out)
    }
    const peer = checkedSpec(this.#self, hello, frame.spec)
    if (peer === undefined) return this.#fail(malformed('the spec'), out)
    const spoken = [...said, input.chunk]
    if (!isChannelName(frame.channel)) return this.#fail(malformed('the channel'), out)
    const slot: Slot = { channel: frame.channel, lane: frame.lane, generation: frame.generation }
    const verdict = this.#policy.admit(peer, slot)
    if ('code' in verdict) {
      this.#state = { type: 'over' }
      const secrets = secret === undefined ? [] : [secret]
      return refuse(verdict, out, { prover: 'acceptor', secrets, said: spoken, exporter: this.#exporter })
    }
    const zeros = secret === undefined ? [] : [new Uint8Array(proofBytes)]
    const { limits, encodedSpec } = this.#self
    const chunk = encodeHandshake({ type: 'accept', fresh: verdict.fresh, limits, spec: encodedSpec, proofs: zeros })
    if (secret !== undefined) prove('acceptor', [secret], spoken, chunk, this.#exporter)
    this.#state = { type: 'over' }
    const features = shared(this.#self.features, hello.features)
    out.push({ type: 'send', chunk })
    out.push({ type: 'established', peer, slot, version, features, limits: frame.limits, fresh: frame.fresh })
  }

  #refused(close: Close, chunk: Uint8Array, out: HandshakeEffect[]): void {
    const { secrets } = this.#self
    const state = this.#state
    this.#state = { type: 'over' }
    const proved =
      state.type === 'challenged' && verify('dialler', secrets, state.said, chunk, close, this.#exporter) !== undefined
    // Without secrets nothing can be proved: whoever is told has to know that anybody may have said it.
    believe(close, proved || secrets.length === 0, unproved, out)
  }

  #challenge(hello: Hello, chunk: Uint8Array, out: HandshakeEffect[]): void {
    const { spec, versions, cluster, secrets, features } = this.#self
    const version = Math.min(versions.max, hello.versions.max)
    if (version < versions.min || version < hello.versions.min) return this.#fail(wrongVersion, out)
    if (hello.cluster !== cluster) return this.#fail(wrongCluster, out)
    if (secrets.length > 0 && !hello.secured) return this.#fail(wrongSecret, out)
    if (!isNodeName(hello.name) || !isIncarnation(hello.incarnation)) return this.#fail(malformed('the name'), out)
    if (hello.expected !== '' && hello.expected !== spec.name) return this.#fail(wrongNode(spec.name), out)
    // Who dialled itself learns it from the challenge: a refusal could as well come from another of the same name.
    const challenge: Challenge = {
      ...{ version, features, secured: secrets.length > 0, nonce: this.#nonce },
      ...{ name: spec.name, incarnation: spec.incarnation },
    }
    const answer = encodeHandshake({ type: 'challenge', ...challenge })
    this.#state = { type: 'challenged', said: [chunk, answer], hello, version }
    out.push({ type: 'send', chunk: answer })
  }

  #fail(refusal: Refusal, out: HandshakeEffect[]): void {
    this.#state = { type: 'over' }
    refuse(refusal, out)
  }
}

export const handshakeVersions: { readonly min: number; readonly max: number } = {
  min: protocolVersion,
  max: protocolVersion,
}

/** Says why the handshake ends; with proofs, where the other end could not believe it otherwise. */
function refuse(refusal: Refusal, out: HandshakeEffect[], proof?: ProofOf): void {
  const { code, text, known = 0 } = refusal
  const { prover = 'dialler', secrets = [], said = [], exporter } = proof ?? {}
  const chunk = encodeHandshake({
    type: 'close',
    code,
    text,
    known,
    proofs: secrets.map(() => new Uint8Array(proofBytes)),
  })
  prove(prover, secrets, said, chunk, exporter)
  out.push({ type: 'send', chunk })
  out.push({ type: 'failed', by: 'us', ...refusal })
}

interface ProofOf {
  readonly prover: 'dialler' | 'acceptor'
  readonly secrets: readonly string[]
  readonly said: readonly Uint8Array[]
  readonly exporter: Exporter
}

/** Takes a refusal. Who may say that we are stale, or were removed, must have proved itself: it would end this node. */
function believe({ code, text, known }: Close, believed: boolean, otherwise: Refusal, out: HandshakeEffect[]): void {
  if (!believed && gravest.has(code)) return void out.push({ type: 'failed', by: 'us', ...otherwise })
  // A generation that anybody may name could shut the lane for ever.
  out.push({ type: 'failed', by: 'peer', code: code as CloseCode, text, known: believed ? known : 0 })
}

/** The spec must be of the node that greeted. */
function checkedSpec(
  self: HandshakeIdentity,
  said: { readonly name: string; readonly incarnation: number },
  bytes: Uint8Array,
): NodeSpec | undefined {
  const spec = self.decodeSpec(bytes)
  if (spec === undefined || spec.name !== said.name || spec.incarnation !== said.incarnation) return undefined
  return spec
}

function shared(ours: readonly string[], theirs: readonly string[]): string[] {
  return ours.filter(feature => theirs.includes(feature))
}

function malformed(what: string): Refusal {
  return { code: CloseCode.malformed, text: `${what} cannot be read` }
}

function wrongNode(name: string): Refusal {
  return { code: CloseCode.wrongNode, text: name }
}

/** Refusals that a node obeys. */
const gravest: ReadonlySet<number> = new Set([CloseCode.staleIncarnation, CloseCode.removed])
const unproved: Refusal = { code: CloseCode.abandoned, text: 'a refusal without the proof that it takes' }
const timedOut: Refusal = { code: CloseCode.timeout, text: 'the handshake took too long' }
const wrongVersion: Refusal = { code: CloseCode.version, text: 'no common protocol version' }
const wrongCluster: Refusal = { code: CloseCode.cluster, text: 'another cluster' }
const wrongSecret: Refusal = { code: CloseCode.secret, text: 'no common secret' }
