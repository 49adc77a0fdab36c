import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.js'
import { parseCausalFloor, parseCausalQuery } from '../../src/codec/causal-frames.js'
import { FrameKind } from '../../src/codec/codec.js'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import type { LinkHub } from '../../src/link/hub.js'
import type { Lane, LanePhase } from '../../src/link/lane.js'
import type { Link } from '../../src/link/link.js'
import { CausalQueries } from '../../src/manager/causal-queries.js'
import { SimulatedClock } from '../../src/testing/testing.js'

/** What a lane was given to send. */
interface Frame {
  readonly kind: FrameKind
  readonly body: Uint8Array
}

/** A node that asks `a`, over lanes that are not there. */
class Asker {
  readonly clock = new SimulatedClock()
  readonly gone: number[] = []
  readonly lanes: { phase: LanePhase; writable: boolean; readonly sent: Frame[]; readonly lane: Lane }[] = []
  readonly from = { name: 'a' as NodeName, incarnation: 5 as Incarnation }
  readonly queries: CausalQueries
  floor = 1

  constructor(lanes: number) {
    const link = { name: this.from.name, spec: this.from, lanes: () => this.lanes.map(({ lane }) => lane) }
    for (let count = 0; count < lanes; count++) {
      const sent: Frame[] = []
      const state: { phase: LanePhase; writable: boolean } = { phase: 'open', writable: true }
      const outbound = {
        control: (kind: FrameKind, body: Uint8Array) => sent.push({ kind, body }),
        batch: {
          get writable() {
            return state.writable
          },
        },
      }
      const lane = {
        link,
        outbound,
        get phase() {
          return state.phase
        },
      } as unknown as Lane
      this.lanes.push(Object.assign(state, { sent, lane }))
    }
    this.queries = new CausalQueries({
      ...{ clock: this.clock, hub: { links: new Map([['a', link as unknown as Link]]) } as unknown as LinkHub },
      sentTo: () => ({ floor: this.floor, last: this.floor + 2 }),
      concluded: ({ goneUpTo }) => this.gone.push(goneUpTo),
    })
  }

  ask(): void {
    this.queries.ask('chat', this.from)
  }

  /** The numbers of the questions that were asked. */
  get asked(): readonly number[] {
    const frames = this.lanes.flatMap(({ sent }) => sent).filter(({ kind }) => kind === FrameKind.query)
    return frames.map(({ body }) => parseCausalQuery(new ByteReader(body))?.round ?? 0)
  }

  answer(lane: number, lanes: number, floor: number, round = this.asked.at(-1) ?? 0): void {
    this.queries.answered(this.#lane(lane), { round, label: 'chat', lanes, floor, last: floor })
  }

  close(lane: number): void {
    const state = this.lanes[lane]
    if (state !== undefined) state.phase = 'closed'
    this.queries.laneClosed(this.#lane(lane))
  }

  #lane(index: number): Lane {
    return this.lanes[index]?.lane as Lane
  }
}

describe('a question what may still come', () => {
  test('is answered when all lanes have answered, by the least of what they say', () => {
    const asker = new Asker(3)
    asker.ask()
    expect(asker.asked).toEqual([1])
    asker.answer(0, 3, 9)
    asker.answer(2, 3, 7)
    expect(asker.gone).toEqual([])
    asker.answer(1, 3, 8)
    expect(asker.gone).toEqual([6])
  })

  test('waits for a lane that is open here and not there, until it is closed here, too', () => {
    const asker = new Asker(2)
    asker.ask()
    asker.answer(1, 1, 4)
    expect(asker.gone).toEqual([])
    asker.close(0)
    expect(asker.gone).toEqual([3])
  })

  test('waits for a lane that is open there and not yet here', () => {
    const asker = new Asker(2)
    asker.close(1)
    asker.ask()
    asker.answer(0, 2, 4)
    expect(asker.gone).toEqual([])
    asker.answer(1, 2, 4)
    expect(asker.gone).toEqual([3])
  })

  test('is asked again when a part of the answer was lost, and old answers count no more', () => {
    const asker = new Asker(2)
    asker.ask()
    asker.answer(0, 2, 4)
    asker.close(1)
    asker.ask()
    expect(asker.asked).toEqual([1])
    asker.clock.advance(4_000)
    asker.ask()
    expect(asker.asked).toEqual([1, 2])
    asker.answer(1, 2, 9, 1)
    expect(asker.gone).toEqual([])
    asker.answer(0, 1, 4)
    expect(asker.gone).toEqual([3])
  })

  test('is not asked of another life, or where no lane is open', () => {
    const asker = new Asker(1)
    asker.queries.ask('chat', { name: 'a' as NodeName, incarnation: 4 as Incarnation })
    asker.queries.ask('chat', { name: 'b' as NodeName, incarnation: 5 as Incarnation })
    asker.close(0)
    asker.ask()
    expect(asker.asked).toEqual([])
  })

  test('is answered on every lane that is open', () => {
    const asker = new Asker(3)
    asker.floor = 12
    asker.close(1)
    const [first] = asker.lanes
    asker.queries.asked(first?.lane as Lane, { round: 77, label: 'chat' })
    asker.clock.advance(0)
    expect(asker.lanes.map(({ sent }) => sent.map(({ body }) => parseCausalFloor(new ByteReader(body))))).toEqual([
      [{ round: 77, label: 'chat', lanes: 2, floor: 12, last: 14 }],
      [],
      [{ round: 77, label: 'chat', lanes: 2, floor: 12, last: 14 }],
    ])
  })

  test('is answered once a while, whoever asks how often', () => {
    const asker = new Asker(1)
    const answers = (): readonly string[] =>
      asker.lanes
        .flatMap(({ sent }) => sent.splice(0))
        .map(({ body }) => {
          const floor = parseCausalFloor(new ByteReader(body))
          return `${floor?.label} ${floor?.round}`
        })
    const [only] = asker.lanes
    const askedFor = (label: string, round: number): void => {
      asker.queries.asked(only?.lane as Lane, { round, label })
    }
    for (let round = 1; round <= 1_000; round++) for (const label of ['chat', 'chat 2']) askedFor(label, round)
    asker.clock.advance(0)
    expect(answers()).toEqual(['chat 1000', 'chat 2 1000'])
    askedFor('chat', 1_001)
    asker.clock.advance(249)
    expect(answers()).toEqual([])
    asker.clock.advance(1)
    expect(answers()).toEqual(['chat 1001'])
    // When nothing was asked for a while, the next question is answered at once.
    asker.clock.advance(250)
    askedFor('chat', 1_002)
    asker.clock.advance(0)
    expect(answers()).toEqual(['chat 1002'])
    expect(asker.clock.pending).toBe(1)
    asker.clock.advance(250)
    expect(asker.clock.pending).toBe(0)
  })

  test('waits while a lane takes no more, but not for ever', () => {
    const asker = new Asker(2)
    const [first, second] = asker.lanes
    if (first === undefined || second === undefined) throw new Error('two lanes')
    second.writable = false
    for (let round = 1; round <= 3; round++) {
      asker.queries.asked(first.lane, { round, label: 'chat' })
      asker.clock.advance(500)
    }
    expect(first.sent).toHaveLength(0)
    second.writable = true
    asker.clock.advance(250)
    expect(first.sent).toHaveLength(1)
    second.writable = false
    asker.queries.asked(first.lane, { round: 4, label: 'chat' })
    asker.clock.advance(2_500)
    expect(second.sent).toHaveLength(2)
  })
})
