import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { payloadOf } from '../../src/codec/value-bytes.js'
import { approximateBytes } from '../../src/core/size.js'
import { entryOverheadBytes } from '../../src/link/limits.js'
import { costOf, MessageQueue, type QueueBudget, type Waiting } from '../../src/link/queue.js'
import { untracked } from '../support/hubs.js'
import { collectGarbage } from '../support/memory.js'

let order = 0

function entry(name: string, options: Partial<Waiting> = {}): Waiting {
  return {
    ...{ server: name, stream: 0, body: { type: 'value', value: name }, extra: undefined, settler: undefined },
    ...{
      key: undefined,
      order: ++order,
      sequence: 0,
      patience: 'up',
      tracker: undefined,
      bytes: 10,
      queue: undefined,
      release: undefined,
      gone: false,
    },
    ...options,
  }
}

function setUp(): { queue: MessageQueue; budget: QueueBudget } {
  const budget = { bytes: 0, pinned: 0, blocked: 0 }
  return { queue: new MessageQueue(budget), budget }
}

function drain(queue: MessageQueue): string[] {
  const servers: string[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) servers.push(next.server)
  return servers
}

describe('the messages that wait for a lane', () => {
  test('leave in the order in which they came', () => {
    const { queue } = setUp()
    for (const name of ['a', 'b', 'c']) queue.push(entry(name))
    expect(queue.peek()?.server).toBe('a')
    expect(queue.peek()?.server).toBe('a')
    expect(drain(queue)).toEqual(['a', 'b', 'c'])
    expect(queue.peek()).toBeUndefined()
  })

  test('count for their bytes, blocked calls by number, and for nothing once they are gone', () => {
    const { queue, budget } = setUp()
    const call = entry('b', { bytes: 0 })
    for (const one of [entry('a'), call, entry('c', { bytes: 5 })]) queue.push(one)
    expect(budget).toEqual({ bytes: 15, pinned: 0, blocked: 1 })
    queue.remove(call)
    queue.remove(call)
    expect(budget).toEqual({ bytes: 15, pinned: 0, blocked: 0 })
    drain(queue)
    expect(budget).toEqual({ bytes: 0, pinned: 0, blocked: 0 })
  })

  test('are pinned from when they were sent until they are settled, or go back and are taken out', () => {
    const { queue, budget } = setUp()
    const [kept, waits] = [entry('a'), entry('b', { bytes: 5 })]
    for (const one of [kept, waits]) queue.push(one)
    queue.number(kept, 1)
    queue.number(kept, 1)
    queue.keep(kept, untracked)
    expect([budget, queue.peek()]).toEqual([{ bytes: 15, pinned: 10, blocked: 0 }, waits])
    queue.putBack([kept])
    expect([budget.pinned, queue.oldestUnsent()]).toEqual([10, waits])
    queue.keep(kept, untracked)
    queue.settle(kept)
    expect(budget).toEqual({ bytes: 5, pinned: 0, blocked: 0 })
    queue.number(waits, 2)
    drain(queue)
    expect(budget).toEqual({ bytes: 0, pinned: 0, blocked: 0 })
  })

  test('share the budget of their channel with those of other lanes', () => {
    const budget = { bytes: 0, pinned: 0, blocked: 0 }
    const lanes = [new MessageQueue(budget), new MessageQueue(budget)] as const
    lanes[0].push(entry('a'))
    lanes[1].push(entry('b'))
    expect(budget.bytes).toBe(20)
    drain(lanes[0])
    expect(budget.bytes).toBe(10)
  })

  test('may be taken out from anywhere, also while they are drained', () => {
    const { queue } = setUp()
    const [a, b, c, d] = [entry('a'), entry('b'), entry('c'), entry('d')]
    for (const one of [a, b, c, d]) queue.push(one)
    queue.remove(b)
    expect(queue.shift()).toBe(a)
    queue.remove(d)
    expect(queue.peek()).toBe(c)
    queue.remove(c)
    expect(queue.peek()).toBeUndefined()
    queue.push(entry('e'))
    expect(drain(queue)).toEqual(['e'])
  })

  test('cancel their own timers when they go', () => {
    const { queue } = setUp()
    const cancelled: string[] = []
    const one = entry('a', { release: () => cancelled.push('a') })
    queue.push(one)
    queue.push(entry('b', { release: () => cancelled.push('b') }))
    queue.shift()
    expect(cancelled).toEqual(['a'])
    queue.removeWhere(() => true)
    expect(cancelled).toEqual(['a', 'b'])
  })

  test('are picked out in order', () => {
    const { queue, budget } = setUp()
    for (const name of ['a', 'b', 'c', 'd'])
      queue.push(entry(name, { patience: name === 'b' || name === 'd' ? 'always' : 'up' }))
    expect(queue.removeWhere(({ patience }) => patience === 'up').map(({ server }) => server)).toEqual(['a', 'c'])
    expect(budget.bytes).toBe(20)
    expect(drain(queue)).toEqual(['b', 'd'])
  })

  test('keep their deadlines when they move to the lane of another life of the peer', () => {
    const { queue, budget } = setUp()
    const next = setUp()
    const released: string[] = []
    const [a, b] = [entry('a', { release: () => released.push('a'), key: 'k' }), entry('b', { bytes: 0 })]
    for (const one of [a, entry('gone'), b]) queue.push(one)
    queue.removeWhere(({ server }) => server === 'gone')
    queue.moveTo(() => next.queue)
    expect([queue.length, next.queue.length, released]).toEqual([0, 2, []])
    expect([budget, next.budget]).toEqual([
      { bytes: 0, pinned: 0, blocked: 0 },
      { bytes: 10, pinned: 0, blocked: 1 },
    ])
    expect(queue.waitingFor('k')).toBeUndefined()
    expect(next.queue.waitingFor('k')).toBe(a)
    // Its deadline passes: whoever set that knows the lane of the former life only.
    queue.remove(a)
    expect(released).toEqual(['a'])
    expect(next.budget).toEqual({ bytes: 0, pinned: 0, blocked: 1 })
    expect(drain(next.queue)).toEqual(['b'])
  })
})

describe('on a monotonic channel the newest message of a key', () => {
  test('takes the place its predecessor waits in', () => {
    const { queue, budget } = setUp()
    const first = entry('a', { key: 'k' })
    queue.push(first)
    queue.push(entry('b', { key: 'other' }))
    expect(queue.waitingFor('k')).toBe(first)
    const settler = { sent: () => {}, failed: () => {} }
    queue.supersede(first, entry('a', { key: 'k', body: { type: 'value', value: 2 }, bytes: 25, settler }))
    expect(queue.length).toBe(2)
    expect(budget.bytes).toBe(35)
    const taken = queue.shift()
    expect([taken?.body, taken?.settler]).toEqual([{ type: 'value', value: 2 }, settler])
    expect(drain(queue)).toEqual(['b'])
    expect(budget).toEqual({ bytes: 0, pinned: 0, blocked: 0 })
  })

  test("cancels its predecessor's timers, not its own", () => {
    const { queue } = setUp()
    const cancelled: string[] = []
    const first = entry('a', { key: 'k', release: () => cancelled.push('first') })
    queue.push(first)
    queue.supersede(first, entry('a', { key: 'k', release: () => cancelled.push('second') }))
    expect(cancelled).toEqual(['first'])
    queue.shift()
    expect(cancelled).toEqual(['first', 'second'])
  })

  test('does not replace what has left, or is on its way in chunks', () => {
    const { queue } = setUp()
    const first = entry('a', { key: 'k' })
    queue.push(first)
    queue.seal(first)
    expect(queue.waitingFor('k')).toBeUndefined()
    const second = entry('a', { key: 'k' })
    queue.push(second)
    queue.remove(first)
    expect(queue.waitingFor('k')).toBe(second)
    queue.shift()
    expect(queue.waitingFor('k')).toBeUndefined()
  })
})

describe('over any history', () => {
  const action = fc.oneof(
    fc.record({ type: fc.constant('push' as const), bytes: fc.nat(5), key: fc.option(fc.nat(3), { nil: undefined }) }),
    fc.record({ type: fc.constant('shift' as const) }),
    fc.record({ type: fc.constant('remove' as const), index: fc.nat(400) }),
    fc.record({ type: fc.constant('removeWhere' as const), modulus: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant('seal' as const) }),
  )

  type Action = typeof action extends fc.Arbitrary<infer One> ? One : never

  /** The same queue as a plain array. */
  function check(actions: readonly Action[]): void {
    const { queue, budget } = setUp()
    let model: Waiting[] = []
    const all: Waiting[] = []
    const sealed = new Set<Waiting>()
    for (const one of actions) {
      if (one.type === 'push') {
        const key = one.key === undefined ? undefined : String(one.key)
        const next = entry('m', { bytes: one.bytes, key })
        const waiting = key === undefined ? undefined : queue.waitingFor(key)
        expect(waiting).toBe(key === undefined ? undefined : model.find(m => m.key === key && !sealed.has(m)))
        if (waiting === undefined) {
          queue.push(next)
          model.push(next)
          all.push(next)
        } else queue.supersede(waiting, next)
      } else if (one.type === 'shift') {
        expect(queue.shift()).toBe(model.shift())
      } else if (one.type === 'remove') {
        const found = all[one.index]
        if (found !== undefined) queue.remove(found)
        model = model.filter(m => m !== found)
      } else if (one.type === 'removeWhere') {
        const taken = queue.removeWhere(m => m.order % one.modulus === 0)
        expect(taken).toEqual(model.filter(m => m.order % one.modulus === 0))
        model = model.filter(m => m.order % one.modulus !== 0)
      } else {
        const head = queue.peek()
        expect(head).toBe(model[0])
        if (head !== undefined) queue.seal(head)
        if (head !== undefined) sealed.add(head)
      }
      expect(queue.length).toBe(model.length)
      expect(queue.peek()).toBe(model[0])
      expect(budget.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0))
      expect(budget.blocked).toBe(model.filter(({ bytes }) => bytes === 0).length)
    }
    for (const rest of model) expect(queue.shift()).toBe(rest)
    expect(budget).toEqual({ bytes: 0, pinned: 0, blocked: 0 })
  }

  test('it is a list, and its budget the sum of what waits', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300, size: 'max' }), actions => check(actions)),
      { numRuns: 100 },
    )
  })

  test('what is taken out of a long queue leaves no trace', () => {
    const { queue, budget } = setUp()
    const many = Array.from({ length: 5_000 }, (_, index) => entry(`m${index}`))
    for (const one of many) queue.push(one)
    for (const [index, one] of many.entries()) if (index % 10 !== 0) queue.remove(one)
    expect(drain(queue)).toEqual(many.filter((_, index) => index % 10 === 0).map(({ server }) => server))
    expect(budget.bytes).toBe(0)
  })

  test('a queue that is never empty takes no more room for all that went through it', () => {
    const used = (): number => {
      collectGarbage()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const { queue } = setUp()
    queue.push(entry('first'))
    const before = used()
    // Calls that are given up while the first one waits.
    for (let count = 0; count < 2_000; count++) {
      const body = payloadOf(new Uint8Array(50_000))
      const given = { ...entry(`g${count}`), body }
      queue.push(given)
      queue.remove(given)
    }
    expect(used() - before).toBeLessThan(20_000_000)
    const one = entry('one')
    for (let count = 0; count < 3_000_000; count++) {
      one.gone = false
      queue.push(one)
      queue.shift()
    }
    expect(used() - before).toBeLessThan(20_000_000)
    expect(queue.length).toBe(1)
  })

  test('a queue that is pushed and drained for long keeps its order', () => {
    const { queue, budget } = setUp()
    const waiting: string[] = []
    for (let count = 0; count < 10_000; count++) {
      const name = `m${count}`
      queue.push(entry(name))
      waiting.push(name)
      if (count >= 100) expect(queue.shift()?.server).toBe(waiting[count - 100])
    }
    expect([queue.length, budget.bytes]).toEqual([100, 1_000])
  })
})

describe('what a message costs while it waits', () => {
  test('is its bytes and something for its bookkeeping, so that empty ones are bounded too', () => {
    expect(costOf(0, false)).toBe(entryOverheadBytes)
    expect(costOf(100, false)).toBe(100 + entryOverheadBytes)
    expect(costOf(100, true)).toBeGreaterThan(costOf(100, false))
  })

  test('is guessed without encoding it, in bounded time', () => {
    expect(approximateBytes('x'.repeat(100))).toBe(200)
    expect(approximateBytes(new Uint8Array(1_000))).toBe(1_000)
    expect(approximateBytes({ a: 'xx', b: [1, new Set(['y'])] })).toBeGreaterThan(8)
    const circle: unknown[] = []
    circle.push(circle, circle)
    expect(approximateBytes(circle)).toBeLessThan(1_000_000)
    // A getter tells what is looked at.
    let looked = 0
    const item = { enumerable: true, get: () => looked++ }
    approximateBytes(
      Object.defineProperties({}, Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`k${i}`, item]))),
    )
    expect(looked).toBe(5)
    const list = Array.from({ length: 5_000 }, () => Object.defineProperties({}, { a: item }))
    approximateBytes(list)
    expect(looked).toBeLessThan(1_100)
  })

  test('grows with what there is, also beyond the parts that are looked at', () => {
    const list = (count: number): string[] => new Array<string>(count).fill('x'.repeat(100))
    expect(approximateBytes(list(10_000))).toBeGreaterThan(5 * approximateBytes(list(1_000)))
  })
})
