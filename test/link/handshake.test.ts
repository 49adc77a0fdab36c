import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { CloseCode, FrameKind, frameHeaderBytes } from '../../src/codec/codec.js'
import {
  encodeClose,
  encodeHandshake,
  nonceBytes,
  parseHandshake,
  proofBytes,
} from '../../src/codec/handshake-frames.js'
import type { NodeSpec } from '../../src/core/node.js'
import type { HandshakeIdentity, HandshakePolicy, Refusal } from '../../src/link/handshake.js'
import { acceptor, converse, dialler, type End, identity, limits, pair, slot } from '../support/handshake-ends.js'

const both = { secrets: ['sesame'] }

describe('a handshake', () => {
  test.each([
    ['without secrets', []],
    ['with a secret', ['sesame']],
  ])('%s gives each end the other, and both the same slot', (_name, secrets) => {
    const [dial, accept] = pair({ secrets }, { secrets, admit: () => ({ fresh: false }) })
    converse(dial, accept)
    const common = { type: 'established', slot, version: 1, features: [], limits }
    expect(dial.outcomes).toMatchObject([{ ...common, peer: identity('b').spec, fresh: false }])
    expect(accept.outcomes).toEqual([{ ...common, peer: identity('a').spec, fresh: false }])
    expect(dial.sent.map(chunk => chunk[0])).toEqual([FrameKind.hello, FrameKind.proof])
    expect(accept.sent.map(chunk => chunk[0])).toEqual([FrameKind.challenge, FrameKind.accept])
  })

  test('tells each end whether the numbering of the other begins anew', () => {
    const [dial, accept] = pair({ choose: () => ({ ...slot, fresh: true }) }, { admit: () => ({ fresh: false }) })
    converse(dial, accept)
    expect(dial.outcomes).toMatchObject([{ fresh: false }])
    expect(accept.outcomes).toMatchObject([{ fresh: true }])
  })

  test('takes the highest common version and the features that both have', () => {
    const dial = dialler({ identity: identity('a', { versions: { min: 1, max: 3 }, features: ['x', 'y', 'z'] }) })
    const accept = acceptor({ identity: identity('b', { versions: { min: 2, max: 5 }, features: ['z', 'x', 'w'] }) })
    converse(dial, accept)
    expect(dial.outcomes).toMatchObject([{ type: 'established', version: 3, features: ['x', 'z'] }])
    expect(accept.outcomes).toMatchObject([{ type: 'established', version: 3, features: ['z', 'x'] }])
  })

  test('asks the dialler which slot it wants only once it knows who answers', () => {
    const asked: unknown[] = []
    const choose: HandshakePolicy['choose'] = peer => {
      asked.push(peer)
      return { ...slot, fresh: false }
    }
    const [dial, accept] = pair({ choose })
    expect(asked).toEqual([])
    converse(dial, accept)
    expect(asked).toEqual([{ name: 'b', incarnation: 1_000 }])
  })

  test('shows neither spec nor proof to who has not proved itself', () => {
    const [dial, accept] = pair(both, both)
    accept.take(dial.sent[0] as Uint8Array)
    const said = Buffer.from(accept.sent[0] as Uint8Array)
    expect(said.includes(Buffer.from(identity('b').encodedSpec))).toBe(false)
    expect(parseHandshake(said)).not.toHaveProperty('proofs')
  })

  test('tolerates the fields of a later version behind its own', () => {
    const append = (chunk: Uint8Array): Uint8Array => {
      const longer = Uint8Array.of(...chunk, 1, 2, 3)
      longer[3] = longer.length - frameHeaderBytes
      longer[2] = (longer.length - frameHeaderBytes) >>> 8
      return longer
    }
    const [dial, accept] = pair()
    converse(dial, accept, append)
    expect([dial.established, accept.established]).toEqual([true, true])
    // ... but not where a secret vouches for every byte, and who wrote it did not write them.
    const secured = pair(both, both)
    converse(secured[0], secured[1], (chunk, nth) => (nth === 2 ? append(chunk) : chunk))
    expect(secured.map(({ established }) => established)).toEqual([false, false])
  })
})

describe('a proof', () => {
  test('is what docs/protocol.md says it is, so that versions understand each other', () => {
    const exporter = Uint8Array.of(1, 2, 3)
    const [dial, accept] = pair({ ...both, exporter }, { ...both, exporter })
    converse(dial, accept)
    const [hello, proof] = dial.sent as [Uint8Array, Uint8Array]
    const [challenge, accepted] = accept.sent as [Uint8Array, Uint8Array]
    for (const [label, chunk, said] of [
      ['maquis v1 dialler\n', proof, [hello, challenge]],
      ['maquis v1 acceptor\n', accepted, [hello, challenge, proof]],
    ] as const) {
      const bare = Buffer.concat([chunk.subarray(0, -proofBytes), new Uint8Array(proofBytes)])
      const wanted = createHmac('sha256', 'sesame').update(Buffer.concat([Buffer.from(label), ...said, bare, exporter]))
      expect(Buffer.from(chunk.subarray(-proofBytes))).toEqual(wanted.digest())
    }
  })
})

describe('secrets', () => {
  test.each([
    [
      ['new', 'old'],
      ['old', 'new'],
    ],
    [['old'], ['new', 'old']],
    [['new', 'old'], ['old']],
    [
      ['x', 'y', 'old'],
      ['p', 'old', 'q'],
    ],
    [Array.from({ length: 8 }, (_, index) => `s${index}`), ['s7']],
  ])('%j and %j are enough while they are rotated: they have one in common', (ours, theirs) => {
    const [dial, accept] = pair({ secrets: ours }, { secrets: theirs })
    converse(dial, accept)
    expect([dial.established, accept.established]).toEqual([true, true])
  })

  test.each([
    ['others', ['sesame'], ['Sesame']],
    ['a prefix', ['sesam'], ['sesame']],
    ['a longer one', ['sesame '], ['sesame']],
    ['an empty one', [''], ['sesame']],
    ['one for an empty one', ['sesame'], ['']],
    ['several others', ['a', 'b', 'c'], ['d', 'e']],
  ])('are refused by the acceptor when the dialler has %s', (_name, ours, theirs) => {
    const [dial, accept] = pair({ secrets: ours }, { secrets: theirs })
    converse(dial, accept)
    expect([dial.failure, accept.failure]).toEqual(['peer secret', 'us secret'])
  })

  test('are needed on both sides: an acceptor with one takes no dialler without', () => {
    const [dial, accept] = pair({}, both)
    converse(dial, accept)
    expect([dial.failure, accept.failure]).toEqual(['peer secret', 'us secret'])
    // It did not even get a nonce.
    expect(accept.sent.map(chunk => chunk[0])).toEqual([FrameKind.close])
  })

  test('are needed on both sides: a dialler with one takes no acceptor without', () => {
    const [dial, accept] = pair(both, {})
    converse(dial, accept)
    expect([dial.failure, accept.failure]).toEqual(['us secret', 'peer secret'])
    expect(dial.sent.map(chunk => chunk[0])).toEqual([FrameKind.hello, FrameKind.close])
  })

  test('that only the acceptor lacks are found out by the dialler, whatever the acceptor claims', () => {
    // It says that it is secured, and takes any proof.
    const [dial] = pair(both)
    const spec = identity('b').spec
    const answer = {
      version: 1,
      features: [],
      nonce: new Uint8Array(nonceBytes),
      name: 'b',
      incarnation: spec.incarnation,
    }
    dial.take(encodeHandshake({ type: 'challenge', secured: true, ...answer }))
    const terms = { fresh: true, limits, spec: identity('b').encodedSpec }
    for (const proofs of [[], [new Uint8Array(32)], [parsedProof(dial.sent[1])]]) {
      const again = dialler({ identity: identity('a', both) })
      again.take(encodeHandshake({ type: 'challenge', secured: true, ...answer }))
      again.take(encodeHandshake({ type: 'accept', ...terms, proofs }))
      expect(again.failure).toBe('us secret')
    }
  })
})

function parsedProof(chunk: Uint8Array | undefined): Uint8Array {
  const frame = chunk && parseHandshake(chunk)
  if (frame?.type !== 'proof' || frame.proofs[0] === undefined) throw new Error('it is a proof')
  return frame.proofs[0]
}

describe('a handshake is refused', () => {
  type Options = Parameters<typeof pair>[0]
  const refusal =
    (code: Refusal['code']): (() => Refusal) =>
    () => ({ code, text: 'no', known: 9 })

  test.each<[string, Options, Options, string, string]>([
    ['by a node of another cluster', { identity: identity('a', { cluster: 'x' }) }, {}, 'peer cluster', 'us cluster'],
    [
      'by a node with later versions',
      {},
      { identity: identity('b', { versions: { min: 2, max: 3 } }) },
      'peer version',
      'us version',
    ],
    [
      'by a node with earlier versions',
      { identity: identity('a', { versions: { min: 2, max: 3 } }) },
      {},
      'peer version',
      'us version',
    ],
    ['by another node than was meant', { expected: 'c' }, {}, 'peer wrongNode', 'us wrongNode'],
    ['by the node itself, which finds out', {}, { identity: identity('a') }, 'us wrongNode', 'peer wrongNode'],
    [
      'when the dialler wants none of the slots',
      { choose: refusal(CloseCode.abandoned) },
      {},
      'us abandoned',
      'peer abandoned',
    ],
    ['when the acceptor judges so', {}, { admit: refusal(CloseCode.tieBreak) }, 'peer tieBreak', 'us tieBreak'],
    ['when the dialler judges so in the end', { admit: refusal(CloseCode.role) }, {}, 'us role', 'nothing'],
    [
      'when the dialler cannot be read',
      { identity: identity('a', { encodedSpec: Uint8Array.of(0xff) }) },
      {},
      'peer malformed',
      'us malformed',
    ],
    [
      'when the acceptor cannot be read',
      {},
      { identity: identity('b', { encodedSpec: Uint8Array.of(0xff) }) },
      'us malformed',
      'nothing',
    ],
    [
      'when the dialler shows the spec of another',
      { identity: identity('a', { encodedSpec: identity('c').encodedSpec }) },
      {},
      'peer malformed',
      'us malformed',
    ],
    [
      'when the acceptor shows the spec of another',
      {},
      { identity: identity('b', { encodedSpec: identity('c').encodedSpec }) },
      'us malformed',
      'nothing',
    ],
    [
      'when the spec is of another incarnation',
      { identity: identity('a', { encodedSpec: identity('a', { incarnation: 9 }).encodedSpec }) },
      {},
      'peer malformed',
      'us malformed',
    ],
  ])('%s', (_name, one, other, dialled, accepted) => {
    const [dial, accept] = pair(one, other)
    converse(dial, accept)
    expect(dial.failure).toBe(dialled)
    if (accepted !== 'nothing') expect(accept.failure).toBe(accepted)
    expect(dial.established).toBe(false)
  })

  test('by name: an acceptor says who it is instead', () => {
    const [dial, accept] = pair({ expected: 'c' })
    converse(dial, accept)
    expect(dial.outcomes).toMatchObject([{ text: 'b' }])
  })

  test('by an acceptor that is not whom the dialler meant, even if it says nothing of that', () => {
    const dial = dialler({ identity: identity('a'), expected: 'c' })
    const accept = acceptor({ identity: identity('b') })
    accept.take(dialler({ identity: identity('a') }).sent[0] as Uint8Array)
    dial.take(accept.sent[0] as Uint8Array)
    expect(dial.failure).toBe('us wrongNode')
  })

  test('when either end takes too long, and then says so', () => {
    const [dial, accept] = pair()
    accept.take(dial.sent[0] as Uint8Array)
    for (const end of [dial, accept, acceptor({ identity: identity('b') })]) {
      end.step({ type: 'timeout' })
      expect(end.failure).toBe('us timeout')
      expect(parseHandshake(end.sent.at(-1) as Uint8Array)).toMatchObject({ type: 'close', code: CloseCode.timeout })
    }
  })

  test('for good: nothing more is emitted', () => {
    const transcript = (): Uint8Array[] => {
      const [dial, accept] = pair(both, both)
      converse(dial, accept)
      return [...dial.sent, ...accept.sent]
    }
    const everything = [...transcript(), encodeClose(CloseCode.stopping, ''), Uint8Array.of(1, 2, 3), new Uint8Array(0)]
    const failed = pair({ expected: 'c', ...both }, both)
    converse(...failed)
    const timedOut = pair(both, both)
    for (const end of timedOut) end.step({ type: 'timeout' })
    const done = pair(both, both)
    converse(...done)
    for (const end of [...failed, ...timedOut, ...done]) {
      for (const chunk of everything) expect(end.take(chunk)).toEqual([])
      expect(end.step({ type: 'timeout' })).toEqual([])
    }
  })
})

describe('a dialler', () => {
  /** What becomes of it when the acceptor says this of itself, whatever it was told. */
  function meets(claim: object, options: Partial<HandshakeIdentity> = {}): End {
    const dial = dialler({ identity: identity('a', options) })
    const honest = acceptor({ identity: identity('b') })
    honest.take(dialler({ identity: identity('a') }).sent[0] as Uint8Array)
    const challenge = parseHandshake(honest.sent[0] as Uint8Array)
    if (challenge?.type !== 'challenge') throw new Error('it is a challenge')
    dial.take(encodeHandshake({ ...challenge, ...claim }))
    return dial
  }

  test.each<[string, object, Partial<HandshakeIdentity>, string | undefined]>([
    ['speaks with one that picks a version of its own', { version: 2 }, { versions: { min: 2, max: 2 } }, undefined],
    ['speaks no later version than its own', { version: 2 }, {}, 'us version'],
    ['speaks no earlier version than its own', { version: 1 }, { versions: { min: 2, max: 2 } }, 'us version'],
    ['shows no proof to one without a secret', { secured: false }, { secrets: ['sesame'] }, 'us secret'],
    ['is no peer of its own', { name: 'a', incarnation: 1_000 }, {}, 'us wrongNode'],
    ['takes no name that is none', { name: '' }, {}, 'us malformed'],
  ])('%s', (_name, claim, options, failure) => {
    expect(meets(claim, options).failure).toBe(failure)
  })

  test('leaves it to its node to judge another life of its own name', () => {
    for (const incarnation of [999, 1_001]) expect(meets({ name: 'a', incarnation }).sent).toHaveLength(2)
  })
})

describe('out of turn', () => {
  const frames = (): Record<string, Uint8Array> => {
    const [dial, accept] = pair()
    converse(dial, accept)
    const [hello, proof] = dial.sent as [Uint8Array, Uint8Array]
    const [challenge, accepted] = accept.sent as [Uint8Array, Uint8Array]
    return { hello, proof, challenge, accept: accepted, garbage: Uint8Array.of(9, 9), empty: new Uint8Array(0) }
  }

  test('every frame but the awaited one ends the handshake as malformed', () => {
    const all = frames()
    for (const [name, chunk] of Object.entries(all)) {
      const fits = (awaited: string): boolean => name === awaited
      const [greeted, listening] = pair()
      if (!fits('challenge')) {
        greeted.take(chunk)
        expect(greeted.failure, `${name} instead of a challenge`).toBe('us malformed')
      }
      if (!fits('hello')) {
        listening.take(chunk)
        expect(listening.failure, `${name} instead of a hello`).toBe('us malformed')
      }
      const [proved, challenged] = pair()
      proved.take(all.challenge as Uint8Array)
      challenged.take(all.hello as Uint8Array)
      if (!fits('accept')) {
        proved.take(chunk)
        expect(proved.failure, `${name} instead of an accept`).toBe('us malformed')
      }
      if (!fits('proof')) {
        challenged.take(chunk)
        expect(challenged.failure, `${name} instead of a proof`).toBe('us malformed')
      }
    }
  })

  test('a message is no handshake frame', () => {
    const [dial, accept] = pair()
    for (const end of [dial, accept]) end.take(Uint8Array.of(FrameKind.message, 0, 0, 3, 0, 0, 0))
    expect([dial.failure, accept.failure]).toEqual(['us malformed', 'us malformed'])
  })
})

describe('what both ends are told of the peer', () => {
  test('is the spec that was proved, and nothing that was said before it', () => {
    const seen: NodeSpec[] = []
    const admit: HandshakePolicy['admit'] = peer => {
      seen.push(peer)
      return { fresh: true }
    }
    const ends = pair({ admit, ...both }, { admit, ...both })
    converse(...ends)
    expect(seen).toEqual([identity('a').spec, identity('b').spec])
  })

  test('is nothing before the proof was found good', () => {
    const seen: NodeSpec[] = []
    const decodeSpec = (): undefined => {
      throw new Error('the spec of a stranger was decoded')
    }
    const admit: HandshakePolicy['admit'] = peer => {
      seen.push(peer)
      return { fresh: true }
    }
    const accept = acceptor({ identity: identity('b', { ...both, decodeSpec }), admit })
    converse(dialler({ identity: identity('a', { secrets: ['wrong'] }) }), accept)
    expect(accept.failure).toBe('us secret')
    expect(seen).toEqual([])
  })
})
