import { ByteWriter } from '../../src/codec/byte-writer.js'
import { CloseCode } from '../../src/codec/codec.js'
import { nonceBytes } from '../../src/codec/handshake-frames.js'
import { decodeValue } from '../../src/codec/value-decoder.js'
import { encodeValue } from '../../src/codec/value-encoder.js'
import type { ChannelMap, ChannelName } from '../../src/core/channel.js'
import { type NodeName, parseNodeSpec } from '../../src/core/node.js'
import {
  AcceptHandshake,
  DialHandshake,
  type HandshakeEffect,
  type HandshakeIdentity,
  type HandshakeInput,
  type HandshakePolicy,
} from '../../src/link/handshake.js'

export const slot = { channel: 'default' as ChannelName, lane: 1, generation: 7 }
export const limits = { windowBytes: 1_000, frameBytes: 200_000, messageBytes: 3_000, depth: 16 }
const valueLimits = { depth: 16, items: 4_096 }

export function encoded(value: unknown): Uint8Array {
  const writer = new ByteWriter(256)
  encodeValue(writer, value, valueLimits)
  return writer.take()
}

interface IdentityOptions extends Partial<HandshakeIdentity> {
  readonly incarnation?: number
  readonly addresses?: readonly string[]
  readonly channels?: ChannelMap
}

const twoLanes: ChannelMap = { default: { parallelism: 2, compression: false } }

export function identity(name: string, options: IdentityOptions = {}): HandshakeIdentity {
  const { incarnation = 1_000, addresses = [], channels = twoLanes, ...others } = options
  const parsed = parseNodeSpec({
    ...{ name, incarnation, version: 0, addresses, channels, attributes: { of: name } },
  })
  if (parsed === undefined) throw new Error('it is a spec')
  return {
    ...{ spec: parsed, cluster: 'default', secrets: [], versions: { min: 1, max: 1 }, features: [], limits },
    encodedSpec: encoded(parsed),
    decodeSpec: bytes => {
      try {
        return parseNodeSpec(decodeValue(bytes, 0, bytes.length, valueLimits))
      } catch {
        return undefined
      }
    },
    ...others,
  }
}

interface EndOptions {
  readonly identity: HandshakeIdentity
  readonly nonce?: number
  readonly exporter?: Uint8Array | undefined
  readonly choose?: HandshakePolicy['choose']
  readonly admit?: HandshakePolicy['admit']
}

type Step = (input: HandshakeInput) => HandshakeEffect[]

/** One end: a machine, and everything that it said and came to. */
export class End {
  readonly sent: Uint8Array[] = []
  readonly outcomes: Exclude<HandshakeEffect, { type: 'send' }>[] = []
  readonly #step: Step

  constructor(machine: DialHandshake | AcceptHandshake, exporter: Uint8Array | undefined) {
    this.#step = input => {
      const effects: HandshakeEffect[] = []
      machine.step(input, 0, effects)
      return effects
    }
    this.step({ type: 'open', exporter })
  }

  step(input: HandshakeInput): HandshakeEffect[] {
    const effects = this.#step(input)
    for (const effect of effects) {
      if (effect.type === 'send') this.sent.push(effect.chunk)
      else this.outcomes.push(effect)
    }
    return effects
  }

  take(chunk: Uint8Array): HandshakeEffect[] {
    return this.step({ type: 'chunk', chunk })
  }

  get established(): boolean {
    return this.outcomes.some(({ type }) => type === 'established')
  }

  /** `us secret`, `peer role`: how it failed. */
  get failure(): string | undefined {
    const [outcome] = this.outcomes
    if (outcome?.type !== 'failed') return undefined
    const name = Object.entries(CloseCode).find(([, code]) => code === outcome.code)?.[0]
    return `${outcome.by} ${name}`
  }
}

const fresh = (): { fresh: boolean } => ({ fresh: true })

export function dialler(options: EndOptions & { expected?: string | undefined }): End {
  const policy = { choose: options.choose ?? (() => ({ ...slot, fresh: false })), admit: options.admit ?? fresh }
  const nonce = new Uint8Array(nonceBytes).fill(options.nonce ?? 1)
  const machine = new DialHandshake(options.identity, options.expected as NodeName | undefined, policy, nonce)
  return new End(machine, options.exporter)
}

export function acceptor(options: EndOptions): End {
  const nonce = new Uint8Array(nonceBytes).fill(options.nonce ?? 2)
  const machine = new AcceptHandshake(options.identity, { admit: options.admit ?? fresh }, nonce)
  return new End(machine, options.exporter)
}

/** Carries what each says to the other, in turns, until both are silent. `change` may tamper with the nth chunk. */
export function converse(
  dial: End,
  accept: End,
  change: (chunk: Uint8Array, nth: number) => Uint8Array = chunk => chunk,
): void {
  let nth = 0
  let [fromDial, fromAccept] = [0, 0]
  while (fromDial < dial.sent.length || fromAccept < accept.sent.length) {
    while (fromDial < dial.sent.length) accept.take(change(copy(dial.sent[fromDial++]), nth++))
    while (fromAccept < accept.sent.length) dial.take(change(copy(accept.sent[fromAccept++]), nth++))
  }
}

export function pair(
  one: Partial<EndOptions> & { secrets?: string[]; expected?: string } = {},
  other: typeof one = {},
): [End, End] {
  const { secrets: ours = [], ...dialOptions } = one
  const { secrets: theirs = [], ...acceptOptions } = other
  return [
    dialler({ identity: identity('a', { secrets: ours }), ...dialOptions }),
    acceptor({ identity: identity('b', { secrets: theirs }), ...acceptOptions }),
  ]
}

function copy(chunk: Uint8Array | undefined): Uint8Array {
  return new Uint8Array(chunk ?? [])
}
