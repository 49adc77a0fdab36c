import { describe, expect, test } from 'vitest'
import { CloseCode, FrameKind } from '../../src/codec/codec.js'
import { encodeClose, encodeHandshake, type HandshakeFrame, parseHandshake } from '../../src/codec/handshake-frames.js'
import { acceptor, converse, dialler, type End, identity, pair } from '../support/handshake-ends.js'

const both = { secrets: ['sesame'] }

/** An honest, secured handshake from beginning to end. */
function recorded(secrets = both.secrets): { dial: End; accept: End; said: Uint8Array[] } {
  const [dial, accept] = pair({ secrets }, { secrets })
  const said: Uint8Array[] = []
  converse(dial, accept, chunk => {
    said.push(new Uint8Array(chunk))
    return chunk
  })
  expect([dial.established, accept.established]).toEqual([true, true])
  return { dial, accept, said }
}

describe('tampering', () => {
  const { said } = recorded()

  test.each([
    ['hello', 0],
    ['challenge', 1],
    ['proof', 2],
    ['accept', 3],
  ])('with any bit of any byte of the %s is found out', (_name, index) => {
    const size = said[index]?.length ?? 0
    expect(size).toBeGreaterThan(40)
    for (let at = 0; at < size; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const [dial, accept] = pair(both, both)
        converse(dial, accept, (chunk, nth) => {
          if (nth === index) chunk[at] = (chunk[at] ?? 0) ^ flip
          return chunk
        })
        expect(dial.established, `byte ${at}`).toBe(false)
        // Of the last frame the acceptor hears nothing; but without a dialler that is ready its lane does not open.
        if (index < 3) expect(accept.established, `byte ${at}`).toBe(false)
      }
    }
  })

  test('by cutting a frame short or adding to it is found out', () => {
    for (const [index, chunk] of said.entries()) {
      for (const length of [chunk.length + 1, chunk.length + 32, chunk.length - 1, chunk.length - 32]) {
        const [dial, accept] = pair(both, both)
        converse(dial, accept, (honest, nth) => {
          if (nth !== index) return honest
          const changed = new Uint8Array(Math.max(4, length))
          changed.set(honest.subarray(0, changed.length))
          changed[2] = (changed.length - 4) >>> 8
          changed[3] = changed.length - 4
          return changed
        })
        expect(dial.established).toBe(false)
      }
    }
  })

  test('with one of several proofs is found out by the dialler, even if the acceptor needs another', () => {
    for (let at = 1; at <= 64; at++) {
      const [dial, accept] = pair({ secrets: ['old', 'new'] }, { secrets: ['new'] })
      converse(dial, accept, (chunk, nth) => {
        if (nth === 2) chunk[chunk.length - at] = (chunk[chunk.length - at] ?? 0) ^ 1
        return chunk
      })
      expect(dial.established, `the byte ${at} before the end`).toBe(false)
    }
  })

  test('with the versions, so that both speak an older one, is found out', () => {
    const versions = { min: 1, max: 2 }
    const dial = dialler({ identity: identity('a', { ...both, versions }) })
    const accept = acceptor({ identity: identity('b', { ...both, versions }) })
    converse(dial, accept, (chunk, nth) => {
      const frame = parseHandshake(chunk) as HandshakeFrame
      if (nth === 0 && frame.type === 'hello') return encodeHandshake({ ...frame, versions: { min: 1, max: 1 } })
      return chunk
    })
    expect([dial.established, accept.established]).toEqual([false, false])
  })

  test('with the features, so that both do without one, is found out', () => {
    const features = ['encryption']
    const dial = dialler({ identity: identity('a', { ...both, features }) })
    const accept = acceptor({ identity: identity('b', { ...both, features }) })
    converse(dial, accept, chunk => {
      const frame = parseHandshake(chunk) as HandshakeFrame
      return frame.type === 'challenge' ? encodeHandshake({ ...frame, features: [] }) : chunk
    })
    expect([dial.established, accept.established]).toEqual([false, false])
  })
})

describe('a recorded handshake', () => {
  test('opens nothing at an acceptor when it is replayed', () => {
    const { said } = recorded()
    const accept = acceptor({ identity: identity('b', both), nonce: 3 })
    accept.take(said[0] as Uint8Array)
    accept.take(said[2] as Uint8Array)
    expect(accept.failure).toBe('us secret')
  })

  test('opens nothing at a dialler when it is replayed', () => {
    const { said } = recorded()
    const dial = dialler({ identity: identity('a', both), nonce: 3 })
    dial.take(said[1] as Uint8Array)
    dial.take(said[3] as Uint8Array)
    expect(dial.failure).toBe('us secret')
  })

  test('lends no frame to another that runs beside it', () => {
    const make = (nonce: number): [End, End] => pair({ ...both, nonce }, { ...both, nonce: nonce + 1 })
    const [dialOne, acceptOne] = make(10)
    const [dialTwo, acceptTwo] = make(20)
    acceptOne.take(dialOne.sent[0] as Uint8Array)
    acceptTwo.take(dialTwo.sent[0] as Uint8Array)
    dialOne.take(acceptOne.sent[0] as Uint8Array)
    dialTwo.take(acceptTwo.sent[0] as Uint8Array)
    acceptOne.take(dialTwo.sent[1] as Uint8Array)
    expect(acceptOne.failure).toBe('us secret')
    acceptTwo.take(dialTwo.sent[1] as Uint8Array)
    dialOne.take(acceptTwo.sent[1] as Uint8Array)
    expect(dialOne.failure).toBe('us secret')
  })
})

describe('reflection', () => {
  test('of every frame of a dialler gets nowhere', () => {
    const { said } = recorded()
    for (const mine of [said[0], said[2]] as Uint8Array[]) {
      const [dial] = pair(both)
      dial.take(mine)
      expect(dial.failure).toBe('us malformed')
    }
  })

  test("of a dialler's proof as if it were the acceptor's gets nowhere", () => {
    const dial = dialler({ identity: identity('a', both) })
    const accept = acceptor({ identity: identity('b', both) })
    accept.take(dial.sent[0] as Uint8Array)
    dial.take(accept.sent[0] as Uint8Array)
    const proof = parseHandshake(dial.sent[1] as Uint8Array)
    if (proof?.type !== 'proof') throw new Error('it is a proof')
    const { fresh, limits, proofs } = proof
    dial.take(encodeHandshake({ type: 'accept', fresh, limits, spec: identity('b').encodedSpec, proofs }))
    expect(dial.failure).toBe('us secret')
  })

  test('of a dial back to its own node gets nowhere: the node knows its own name', () => {
    const self = identity('a', both)
    const [dial, accept] = [dialler({ identity: self }), acceptor({ identity: self })]
    converse(dial, accept)
    expect(dial.failure).toBe('us wrongNode')
    expect([dial.established, accept.established]).toEqual([false, false])
  })

  test("of an acceptor's challenge to a second dial of the same node proves nothing to the first", () => {
    // The attacker is dialled by a, and dials a itself: a is both ends.
    const victim = identity('a', both)
    const dial = dialler({ identity: victim, nonce: 5 })
    const accept = acceptor({ identity: victim, nonce: 6 })
    const hello = parseHandshake(dial.sent[0] as Uint8Array)
    if (hello?.type !== 'hello') throw new Error('it is a hello')
    accept.take(encodeHandshake({ ...hello, name: 'b', incarnation: 1_000 }))
    const challenge = parseHandshake(accept.sent[0] as Uint8Array)
    if (challenge?.type !== 'challenge') throw new Error('it is a challenge')
    dial.take(encodeHandshake({ ...challenge, name: 'b', incarnation: 1_000 }))
    accept.take(dial.sent[1] as Uint8Array)
    expect(accept.failure).toBe('us secret')
  })
})

describe('a man in the middle', () => {
  const one = new Uint8Array(32).fill(1)
  const other = new Uint8Array(32).fill(2)

  test('who ends two TLS sessions and relays between them gets nowhere', () => {
    const [dial, accept] = pair({ ...both, exporter: one }, { ...both, exporter: other })
    converse(dial, accept)
    expect([dial.failure, accept.failure]).toEqual(['peer secret', 'us secret'])
  })

  test.each([
    ['dialler', one, undefined],
    ['acceptor', undefined, one],
  ])('who ends TLS for the %s alone gets nowhere', (_name, ours, theirs) => {
    const [dial, accept] = pair({ ...both, exporter: ours }, { ...both, exporter: theirs })
    converse(dial, accept)
    expect([dial.established, accept.established]).toEqual([false, false])
  })

  test('is the only thing that TLS below would change: one session is fine', () => {
    const [dial, accept] = pair({ ...both, exporter: one }, { ...both, exporter: one.slice() })
    converse(dial, accept)
    expect([dial.established, accept.established]).toEqual([true, true])
  })

  test('cannot turn an accept of one exporter into that of another', () => {
    const [dial, accept] = pair({ ...both, exporter: one }, { ...both, exporter: one })
    const stranger = pair({ ...both, exporter: other })[0]
    accept.take(dial.sent[0] as Uint8Array)
    for (const end of [dial, stranger]) end.take(accept.sent[0] as Uint8Array)
    accept.take(dial.sent[1] as Uint8Array)
    stranger.take(accept.sent[1] as Uint8Array)
    expect(stranger.failure).toBe('us secret')
  })
})

describe('a close that ends this node', () => {
  const grave = [
    ['stale incarnation', CloseCode.staleIncarnation, 'peer staleIncarnation'],
    ['removed', CloseCode.removed, 'peer removed'],
  ] as const

  test.each(grave)('(%s) is believed when the acceptor proved it', (_name, code, failure) => {
    const [dial, accept] = pair(both, { ...both, admit: () => ({ code, text: 'no', known: 4_711 }) })
    converse(dial, accept)
    expect(dial.failure).toBe(failure)
    expect(dial.outcomes).toMatchObject([{ known: 4_711 }])
  })

  test.each(grave)('(%s) is believed without secrets: nobody can prove anything there', (_name, code, failure) => {
    const [dial, accept] = pair({}, { admit: () => ({ code, text: 'no', known: 4_711 }) })
    converse(dial, accept)
    expect(dial.failure).toBe(failure)
  })

  test.each(grave)('(%s) is not believed when it is forged, at any time', (_name, code) => {
    const made = (proofs: readonly Uint8Array[]): Uint8Array =>
      encodeHandshake({ type: 'close', code, text: 'no', known: 4_711, proofs })
    const genuine = pair(both, { ...both, nonce: 9, admit: () => ({ code, text: 'no', known: 4_711 }) })
    converse(...genuine)
    const forged = [made([]), made([new Uint8Array(32)]), genuine[1].sent.at(-1) as Uint8Array]
    for (const chunk of forged) {
      const [greeted] = pair(both)
      greeted.take(chunk)
      expect(greeted.failure).toBe('us secret')
      const [proved, accept] = pair(both, both)
      accept.take(proved.sent[0] as Uint8Array)
      proved.take(accept.sent[0] as Uint8Array)
      proved.take(chunk)
      expect(proved.failure).toBe('us secret')
    }
  })

  test.each(grave)('(%s) with any byte changed is not believed', (_name, code) => {
    const [first, second] = pair(both, { ...both, admit: () => ({ code, text: 'no', known: 4_711 }) })
    converse(first, second)
    const size = second.sent.at(-1)?.length ?? 0
    for (let at = 0; at < size; at++) {
      const [dial, accept] = pair(both, { ...both, admit: () => ({ code, text: 'no', known: 4_711 }) })
      converse(dial, accept, (chunk, nth) => {
        if (nth === 3) chunk[at] = (chunk[at] ?? 0) ^ 1
        return chunk
      })
      const [outcome] = dial.outcomes
      const obeyed =
        outcome?.type === 'failed' &&
        outcome.by === 'peer' &&
        (outcome.code === CloseCode.staleIncarnation || outcome.code === CloseCode.removed)
      expect(obeyed, `byte ${at}`).toBe(false)
    }
  })

  test('of another kind is taken for what it says, but for a generation that nobody vouches for', () => {
    const [dial] = pair(both)
    dial.take(encodeClose(CloseCode.staleGeneration, 'a later connection exists', 2 ** 50))
    expect(dial.failure).toBe('peer staleGeneration')
    expect(dial.outcomes).not.toMatchObject([{ known: 2 ** 50 }])
    const genuine = pair(both, {
      ...both,
      admit: () => ({ code: CloseCode.staleGeneration, text: 'a later connection exists', known: 12 }),
    })
    converse(...genuine)
    expect(genuine[0].outcomes).toMatchObject([{ by: 'peer', code: CloseCode.staleGeneration, known: 12 }])
  })
})

test('what is said in a handshake holds the secret nowhere', () => {
  const secret = 'a rather long secret that is easy to find'
  const { said } = recorded([secret])
  expect(said.map(chunk => chunk[0])).toEqual([FrameKind.hello, FrameKind.challenge, FrameKind.proof, FrameKind.accept])
  for (const chunk of said) expect(Buffer.from(chunk).includes(secret)).toBe(false)
})

test('a handshake over Buffers, as real sockets hand them over, is one too', () => {
  const [dial, accept] = pair(both, both)
  converse(dial, accept, chunk => Buffer.from(chunk))
  expect([dial.established, accept.established]).toEqual([true, true])
  const refused = pair(both, { ...both, admit: () => ({ code: CloseCode.removed, text: 'no' }) })
  converse(...refused, chunk => Buffer.from(chunk))
  expect(refused[0].failure).toBe('peer removed')
})
