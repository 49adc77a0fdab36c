import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PeerEffect, type PeerInput, type PeerPhase, PeerState } from '../../src/link/peer-state.js'

const wanted: PeerInput = { type: 'wanted', wanted: true }
const unwanted: PeerInput = { type: 'wanted', wanted: false }
const opens: PeerInput = { type: 'lanes', open: 1 }
const closes: PeerInput = { type: 'lanes', open: 0 }
const cut: PeerInput = { type: 'cut', cut: true }
const healed: PeerInput = { type: 'cut', cut: false }
const left: PeerInput = { type: 'left' }
const restarted: PeerInput = { type: 'restarted' }

function after(...inputs: PeerInput[]): PeerState {
  const state = new PeerState()
  for (const input of inputs) state.step(input, 0, [])
  return state
}

/** The effects in short: `up`, `down lost`, `fail-requests cut`. */
function step(state: PeerState, input: PeerInput): string[] {
  const effects: PeerEffect[] = []
  state.step(input, 0, effects)
  return effects.map(told)
}

function told(effect: PeerEffect): string {
  if (effect.type === 'up') return 'up'
  return `${effect.type} ${effect.type === 'down' ? effect.reason : effect.why}`
}

/** How a peer gets into each phase. Those that were up before differ from those that never were. */
const ways = {
  unknown: [],
  connecting: [wanted],
  up: [wanted, opens],
  'up, a stranger': [opens],
  down: [wanted, opens, closes],
  'cut before the first lane': [wanted, cut],
  cut: [wanted, opens, cut],
  'cut and then down': [wanted, opens, cut, closes],
  left: [wanted, left],
  'left, its lanes still open': [wanted, opens, left],
} as const satisfies Record<string, readonly PeerInput[]>

type Way = keyof typeof ways

describe('what becomes of a new message', () => {
  test.each<[Way, PeerPhase, PeerState['verdict']]>([
    ['unknown', 'unknown', 'stranger'],
    ['connecting', 'connecting', 'send'],
    ['up', 'up', 'send'],
    ['up, a stranger', 'up', 'send'],
    ['down', 'down', 'down'],
    ['cut before the first lane', 'cut', 'cut'],
    ['cut', 'cut', 'cut'],
    ['cut and then down', 'cut', 'cut'],
    ['left', 'left', 'left'],
    ['left, its lanes still open', 'left', 'left'],
  ])('to a peer that is %s (%s): %s', (way, phase, verdict) => {
    const state = after(...ways[way])
    expect([state.phase, state.verdict]).toEqual([phase, verdict])
  })
})

describe('lanes that lead through other nodes', () => {
  const relayed: PeerInput = { type: 'lanes', open: 1, relayed: 1 }
  const sought: PeerInput = { type: 'sought', sought: true }

  test.each<[string, readonly PeerInput[], PeerPhase, PeerState['verdict'], boolean]>([
    ['of a stranger', [relayed], 'up', 'stranger', false],
    ['of a stranger that is sought, before the first', [sought], 'connecting', 'stranger', false],
    ['of a stranger that is sought, when they are lost', [sought, relayed, closes], 'down', 'stranger', false],
    ['of a member that was never connected', [wanted, relayed], 'up', 'send', false],
    ['of a member that is down', [wanted, opens, relayed], 'up', 'down', false],
    ['beside a direct one', [wanted, { type: 'lanes', open: 2, relayed: 1 }], 'up', 'send', true],
    ['behind a cut', [sought, relayed, cut], 'cut', 'cut', false],
    ['of one that left', [sought, relayed, left], 'left', 'left', false],
  ])('%s', (_, inputs, phase, verdict, direct) => {
    const state = after(...inputs)
    expect([state.phase, state.verdict, state.direct]).toEqual([phase, verdict, direct])
  })
})

const quiet: readonly string[] = []
const lost = ['down lost', 'fail-requests down']
const goesLeft = ['fail-requests left', 'fail-queued left']

/** Each phase, each input: the phase that follows and what is told. */
const table: readonly (readonly [Way, string, PeerInput, PeerPhase, readonly string[]])[] = [
  ['unknown', 'wanted', wanted, 'connecting', quiet],
  ['unknown', 'unwanted', unwanted, 'unknown', quiet],
  ['unknown', 'a lane opens', opens, 'up', ['up']],
  ['unknown', 'no lane', closes, 'unknown', quiet],
  ['unknown', 'cut', cut, 'cut', ['fail-requests cut']],
  ['unknown', 'left', left, 'left', goesLeft],
  ['unknown', 'restarted', restarted, 'unknown', ['fail-requests down']],

  ['connecting', 'wanted', wanted, 'connecting', quiet],
  ['connecting', 'unwanted', unwanted, 'unknown', ['fail-requests down', 'fail-queued stranger']],
  ['connecting', 'a lane opens', opens, 'up', ['up']],
  ['connecting', 'no lane', closes, 'connecting', quiet],
  ['connecting', 'cut: what waits is kept', cut, 'cut', ['fail-requests cut']],
  ['connecting', 'left', left, 'left', goesLeft],
  ['connecting', 'restarted: what waits is kept', restarted, 'connecting', ['fail-requests down']],

  ['up', 'wanted', wanted, 'up', quiet],
  ['up', 'unwanted, its lanes still open', unwanted, 'up', quiet],
  ['up', 'a second lane opens', { type: 'lanes', open: 2 }, 'up', quiet],
  ['up', 'its last lane closes', closes, 'down', [...lost, 'fail-queued down']],
  ['up', 'cut: what waits is kept', cut, 'cut', ['down cut', 'fail-requests cut']],
  ['up', 'healed', healed, 'up', quiet],
  ['up', 'left', left, 'left', ['down left', ...goesLeft]],
  ['up', 'restarted', restarted, 'connecting', ['down restarted', 'fail-queued restarted', 'fail-requests down']],

  ['up, a stranger', 'wanted', wanted, 'up', quiet],
  ['up, a stranger', 'its last lane closes', closes, 'unknown', [...lost, 'fail-queued stranger']],
  ['up, a stranger', 'cut', cut, 'cut', ['down cut', 'fail-requests cut']],
  ['up, a stranger', 'left', left, 'left', ['down left', ...goesLeft]],
  [
    'up, a stranger',
    'restarted',
    restarted,
    'unknown',
    ['down restarted', 'fail-queued stranger', 'fail-requests down'],
  ],

  ['down', 'wanted', wanted, 'down', quiet],
  ['down', 'unwanted', unwanted, 'unknown', ['fail-requests down', 'fail-queued stranger']],
  ['down', 'a lane opens', opens, 'up', ['up']],
  ['down', 'no lane', closes, 'down', quiet],
  ['down', 'cut', cut, 'cut', ['fail-requests cut']],
  ['down', 'left', left, 'left', goesLeft],
  ['down', 'restarted', restarted, 'connecting', ['fail-queued restarted', 'fail-requests down']],

  ['cut before the first lane', 'healed', healed, 'connecting', quiet],
  ['cut before the first lane', 'a lane opens', opens, 'cut', quiet],
  ['cut before the first lane', 'left', left, 'left', goesLeft],
  ['cut before the first lane', 'restarted', restarted, 'connecting', ['fail-requests down']],

  ['cut', 'cut', cut, 'cut', quiet],
  ['cut', 'healed', healed, 'up', ['up']],
  ['cut', 'its last lane closes', closes, 'cut', quiet],
  ['cut', 'a second lane opens', { type: 'lanes', open: 2 }, 'cut', quiet],
  ['cut', 'wanted', wanted, 'cut', quiet],
  ['cut', 'unwanted', unwanted, 'cut', quiet],
  ['cut', 'left', left, 'left', goesLeft],
  ['cut', 'restarted: no second down', restarted, 'connecting', ['fail-queued restarted', 'fail-requests down']],

  ['cut and then down', 'healed: no second down', healed, 'down', ['fail-requests down', 'fail-queued down']],
  ['cut and then down', 'a lane opens', opens, 'cut', quiet],
  ['cut and then down', 'left', left, 'left', goesLeft],

  ['left', 'wanted', wanted, 'connecting', quiet],
  ['left', 'unwanted', unwanted, 'left', quiet],
  ['left', 'a lane opens', opens, 'left', quiet],
  ['left', 'cut', cut, 'left', quiet],
  ['left', 'left', left, 'left', quiet],
  ['left', 'restarted', restarted, 'unknown', ['fail-requests down']],

  ['left, its lanes still open', 'its last lane closes', closes, 'left', quiet],
  ['left, its lanes still open', 'wanted', wanted, 'up', ['up']],
  ['left, its lanes still open', 'restarted', restarted, 'unknown', ['fail-queued stranger', 'fail-requests down']],
]

describe('what follows for a peer that is', () => {
  test.each(table)('%s, from: %s', (way, _name, input, phase, effects) => {
    const state = after(...ways[way])
    expect(step(state, input)).toEqual(effects)
    expect(state.phase).toBe(phase)
  })
})

test('a replacement gives down for the old life, then up for the new', () => {
  const state = after(...ways.up)
  const transcript = [...step(state, restarted), ...step(state, opens)].filter(line => /^(up|down)/.test(line))
  expect(transcript).toEqual(['down restarted', 'up'])
})

test('a restart clears a cut', () => {
  const state = after(...ways.cut)
  step(state, restarted)
  expect(step(state, opens)).toEqual(['up'])
})

test('what waited for a life that was never reached is not failed by the next life', () => {
  const state = after(wanted)
  expect(step(state, restarted)).toEqual(['fail-requests down'])
  // The life that follows was not reached either.
  expect(step(state, restarted)).toEqual(['fail-requests down'])
})

describe('over any history', () => {
  const input: fc.Arbitrary<PeerInput> = fc.oneof(
    fc.record({ type: fc.constant('wanted' as const), wanted: fc.boolean() }),
    fc.record({ type: fc.constant('lanes' as const), open: fc.nat(2) }),
    fc.record({ type: fc.constant('cut' as const), cut: fc.boolean() }),
    fc.constant(left),
    fc.constant(restarted),
  )

  test('ups and downs alternate, and an up is what the phase says', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), inputs => {
        const state = new PeerState()
        let isUp = false
        for (const one of inputs) {
          for (const line of step(state, one)) {
            if (line === 'up') {
              expect(isUp).toBe(false)
              isUp = true
            } else if (line.startsWith('down')) {
              expect(isUp).toBe(true)
              isUp = false
            }
          }
          expect(state.phase === 'up').toBe(isUp)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('requests end whenever the peer is left down, cut or gone, queues whenever it is down or gone', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), inputs => {
        const state = new PeerState()
        for (const one of inputs) {
          const before = state.phase
          const lines = step(state, one)
          if (before === state.phase && one.type !== 'restarted') {
            expect(lines).toEqual([])
            continue
          }
          const endsRequests = ['down', 'cut', 'left', 'unknown'].includes(state.phase) || one.type === 'restarted'
          expect(lines.some(line => line.startsWith('fail-requests'))).toBe(endsRequests)
          const endsQueues = ['down', 'left', 'unknown'].includes(state.phase)
          if (one.type !== 'restarted') expect(lines.some(line => line.startsWith('fail-queued'))).toBe(endsQueues)
          if (state.phase === 'cut') expect(lines.some(line => line.startsWith('fail-queued'))).toBe(false)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
