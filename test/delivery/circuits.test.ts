import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { type CircuitMessage, type CircuitRef, parseCircuitMessage } from '../../src/delivery/circuit-messages.js'
import { type CircuitEffect, type CircuitInput, Circuits } from '../../src/delivery/circuits.js'
import { CircuitBus } from '../support/circuit-bus.js'

const line = [
  ['a', 'b'],
  ['b', 'c'],
  ['c', 'd'],
] as const

/** Every node with every other. */
function clique(text: string): [string, string][] {
  const names = text.split('')
  return names.flatMap((one, index) => names.slice(index + 1).map((other): [string, string] => [one, other]))
}

describe('a circuit', () => {
  test('leads along a line, and back', () => {
    const bus = new CircuitBus(line)
    const circuit = bus.dial('a', 'd')
    bus.settle()
    expect(bus.log).toEqual(['d accept 1', 'a opened 1'])
    expect(bus.path(circuit, 'a')).toEqual(['a', 'b', 'c', 'd'])
    expect(bus.path(circuit, 'd')).toEqual(['d', 'c', 'b', 'a'])
  })

  test('takes the way of the first copy that arrives, and frees the others', () => {
    const ring = [...line, ['d', 'e'], ['e', 'a']] as const
    const bus = new CircuitBus(ring, { shortcut: false })
    const circuit = bus.dial('a', 'd')
    bus.settle()
    expect(bus.path(circuit, 'a')).toEqual(['a', 'e', 'd'])
    expect(bus.log.filter(line => line.includes('accept'))).toHaveLength(1)
    expect(bus.kept).toBe(3)
  })

  test('is passed on by each node once, however many copies come', () => {
    const bus = new CircuitBus([...clique('bcdefg'), ['a', 'b'], ['g', 'z']])
    bus.dial('a', 'z')
    bus.settle()
    expect(bus.log).toEqual(['z accept 1', 'a opened 1'])
    // To `b`; from there to the five; from four of these to the four others, and from the last to `z` alone.
    expect(bus.sent.open).toBe(1 + 5 + 4 * 4 + 1)
  })

  test('is asked of the destination alone where that is a neighbour', () => {
    const bus = new CircuitBus([...clique('abcdef'), ['f', 'z'], ['e', 'z']])
    bus.dial('f', 'z')
    bus.settle()
    expect(bus.sent.open).toBe(1)
  })

  test('is refused at once when every branch has ended', () => {
    const bus = new CircuitBus([...clique('abcdef')])
    bus.dial('a', 'x')
    bus.settle()
    expect(bus.log).toEqual(['a failed 1 unknown'])
    expect(bus.now).toBeLessThan(20)
    expect(bus.kept).toBe(0)
  })

  test('is refused where nobody can be asked', () => {
    const bus = new CircuitBus(line)
    bus.crash('b')
    bus.dial('a', 'd')
    expect(bus.log).toEqual(['a failed 1 unknown'])
  })

  test('leads over as many connections as it may, and no more', () => {
    const within = new CircuitBus(line, { hops: 3 })
    within.dial('a', 'd')
    within.settle()
    expect(within.log).toContain('a opened 1')
    const beyond = new CircuitBus(line, { hops: 2 })
    beyond.dial('a', 'd')
    beyond.settle()
    expect(beyond.log).toEqual(['a failed 1 hops'])
    expect(beyond.kept).toBe(0)
  })

  test('is refused by who carries as many as it may; one that ends makes room', () => {
    const bus = new CircuitBus(line, { carried: 1 })
    const first = bus.dial('a', 'd')
    bus.settle()
    bus.dial('a', 'd')
    bus.settle()
    expect(bus.log.at(-1)).toBe('a failed 2 busy')
    bus.step('a', { type: 'close', circuit: first, reason: 'over' })
    bus.settle()
    bus.dial('a', 'd')
    bus.settle()
    expect(bus.log.at(-1)).toBe('a opened 3')
  })

  test('that one end closes is closed at the other, and nothing of it is kept', () => {
    const bus = new CircuitBus(line)
    const circuit = bus.dial('a', 'd')
    bus.settle()
    bus.step('d', { type: 'close', circuit, reason: 'over' })
    bus.settle()
    expect(bus.log.at(-1)).toBe('a closed 1')
    expect(bus.kept).toBe(0)
  })

  test('whose relay crashes is closed at both ends', () => {
    const bus = new CircuitBus(line)
    bus.dial('a', 'd')
    bus.settle()
    bus.crash('c')
    bus.settle()
    expect(bus.log.slice(2).sort()).toEqual(['a closed 1', 'd closed 1'])
    expect(bus.kept).toBe(0)
  })

  test('of which something was lost between two relays is closed at both ends, though these live', () => {
    const bus = new CircuitBus(line)
    const circuit = bus.dial('a', 'd')
    bus.settle()
    // Only one of the two notices.
    bus.step('b', { type: 'lost', circuit, peer: 'c' as NodeName })
    bus.settle()
    expect(bus.log.slice(2).sort()).toEqual(['a closed 1', 'd closed 1'])
    expect(bus.kept).toBe(0)
  })

  test('whose relay crashes while it is looked for is found on another way, or refused', () => {
    const bus = new CircuitBus([...line, ['a', 'e'], ['e', 'f'], ['f', 'g'], ['g', 'd']])
    bus.dial('a', 'd')
    bus.next()
    bus.crash('b')
    bus.settle()
    expect(bus.log).toContain('a opened 1')
    bus.rest()
    expect(bus.kept).toBe(5)
  })

  test('of which an answer is lost is told from one to which there is no way', () => {
    const bus = new CircuitBus([...line, ['a', 'e']])
    bus.dial('a', 'd')
    bus.next()
    bus.next()
    bus.crash('b')
    bus.settle()
    bus.dial('e', 'x')
    bus.settle()
    expect(bus.log).toEqual(['a failed 1 lost', 'e failed 2 unknown'])
    expect(bus.kept).toBe(0)
  })

  test('that nobody answers for is given up after a while, and what comes later is told so', () => {
    const bus = new CircuitBus(line, { latency: () => 4_000 })
    bus.dial('a', 'd')
    bus.rest()
    expect(bus.log[0]).toBe('a failed 1 lost')
    expect(bus.log).toContain('d closed 1')
    expect(bus.kept).toBe(0)
  })

  test('that its origin gives up while it is looked for leaves nothing', () => {
    const bus = new CircuitBus(line)
    const circuit = bus.dial('a', 'd')
    bus.next()
    bus.step('a', { type: 'close', circuit, reason: 'enough' })
    bus.rest()
    expect(bus.kept).toBe(0)
    expect(bus.log.filter(line => line.startsWith('a'))).toEqual([])
  })

  test('whose name comes again later is not taken for a new one', () => {
    const bus = new CircuitBus(line)
    const circuit = bus.dial('a', 'd')
    bus.settle()
    bus.step('a', { type: 'close', circuit, reason: 'over' })
    bus.settle()
    const open = { type: 'open', circuit, origin: 'a', destination: 'd', hops: 5 } as const
    const message = parseCircuitMessage(open)
    if (message === undefined) throw new Error('it can be read')
    bus.step('c', { type: 'message', from: 'b' as NodeName, message })
    bus.settle()
    expect(bus.kept).toBe(0)
    expect(bus.log.filter(line => line.includes('accept'))).toHaveLength(1)
  })
})

test('ten thousand circuits leave nothing behind, and are not remembered for long', () => {
  const bus = new CircuitBus([...clique('abcde'), ['e', 'f']])
  for (let count = 0; count < 10_000; count++) {
    const circuit = bus.dial('a', count % 3 === 0 ? 'x' : 'f')
    bus.settle()
    bus.step('a', { type: 'close', circuit, reason: 'over' })
    bus.settle()
    expect(bus.kept).toBe(0)
  }
  expect(Math.max(...[...bus.machines.values()].map(({ remembered }) => remembered))).toBeLessThanOrEqual(8_192)
  bus.rest()
  expect(bus.remembered).toBe(0)
})

/** A graph of up to nine nodes, and a limit. */
const graphs = fc.record({
  edges: fc.uniqueArray(fc.tuple(fc.nat(8), fc.nat(8)), { selector: String, minLength: 1, maxLength: 20 }),
  hops: fc.integer({ min: 1, max: 6 }),
  from: fc.nat(8),
  to: fc.nat(8),
  shortcut: fc.boolean(),
  seed: fc.nat(),
})

function edgesOf(pairs: readonly (readonly [number, number])[]): [string, string][] {
  return pairs.filter(([one, other]) => one !== other).map(([one, other]) => [`n${one}`, `n${other}`])
}

test('a node is reached exactly if a path within the limit exists', () => {
  fc.assert(
    fc.property(graphs, ({ edges, hops, from, to, shortcut }) => {
      fc.pre(from !== to)
      const bus = new CircuitBus([...edgesOf(edges), [`n${from}`, `n${from}x`]], { hops, shortcut })
      const circuit = bus.dial(`n${from}`, `n${to}`)
      bus.settle()
      const distance = bus.distance(`n${from}`, `n${to}`)
      const isReached = bus.log.includes(`n${from} opened 1`)
      expect(isReached).toBe(distance !== undefined && distance <= hops)
      if (isReached) expect(bus.path(circuit, `n${from}`)).toHaveLength((distance ?? 0) + 1)
      expect(bus.kept).toBe(isReached ? (distance ?? 0) + 1 : 0)
    }),
    { numRuns: 500 },
  )
})

test('whatever the delays, a node is reached exactly if there is a path, when the limit is no bound', () => {
  fc.assert(
    fc.property(graphs, ({ edges, from, to, seed, shortcut }) => {
      fc.pre(from !== to)
      const random = new SeededRandom(seed)
      const latency = (): number => Math.floor(random.next() * 50)
      const bus = new CircuitBus([...edgesOf(edges), [`n${from}`, `n${from}x`]], { latency, shortcut })
      const circuit = bus.dial(`n${from}`, `n${to}`)
      bus.settle()
      const isReached = bus.distance(`n${from}`, `n${to}`) !== undefined
      expect(bus.log.includes(`n${from} opened 1`)).toBe(isReached)
      const path = bus.path(circuit, `n${from}`)
      expect(path?.at(-1)).toBe(isReached ? `n${to}` : undefined)
      // No node is on it twice.
      expect(new Set(path).size).toBe(path?.length ?? 0)
      expect(bus.kept).toBe(path?.length ?? 0)
    }),
    { numRuns: 500 },
  )
})

test('whatever crashes and when, every circuit ends at both ends or is open at both', () => {
  fc.assert(
    fc.property(graphs, fc.nat(30), fc.nat(8), ({ edges, from, to, seed }, steps, victim) => {
      fc.pre(from !== to && victim !== from)
      const random = new SeededRandom(seed)
      const latency = (): number => Math.floor(random.next() * 50)
      const bus = new CircuitBus([...edgesOf(edges), [`n${from}`, `n${from}x`]], { latency })
      const circuit = bus.dial(`n${from}`, `n${to}`)
      for (let count = 0; count < steps; count++) bus.next()
      bus.crash(`n${victim}`)
      bus.rest()
      const path = bus.path(circuit, `n${from}`)
      expect(bus.kept).toBe(path?.length ?? 0)
      if (path !== undefined) expect(bus.path(circuit, `n${to}`)).toEqual([...path].reverse())
    }),
    { numRuns: 500 },
  )
})

describe('what peers send', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no record', [1]],
    ['no type', { circuit: 'a/1/1' }],
    ['no name of a circuit', { type: 'opened', circuit: '' }],
    ['a long name', { type: 'opened', circuit: 'x'.repeat(600) }],
    ['an open without a destination', { type: 'open', circuit: 'a/1/1', origin: 'a', hops: 1 }],
    ['an open with too many hops', { type: 'open', circuit: 'a/1/1', origin: 'a', destination: 'b', hops: 256 }],
    ['an open with a fraction of hops', { type: 'open', circuit: 'a/1/1', origin: 'a', destination: 'b', hops: 0.5 }],
    ['a refusal for no known reason', { type: 'refused', circuit: 'a/1/1', why: 'no' }],
    ['a close without a reason', { type: 'close', circuit: 'a/1/1' }],
    ['a close with a long reason', { type: 'close', circuit: 'a/1/1', reason: 'x'.repeat(600) }],
  ])('is not taken for a message: %s', (_, value) => {
    expect(parseCircuitMessage(value)).toBeUndefined()
  })

  test('is ignored, or answered by a close, where it concerns no circuit', () => {
    const bus = new CircuitBus(line)
    const circuit = 'z/1/1' as CircuitRef
    const from = 'a' as NodeName
    bus.step('b', { type: 'message', from, message: { type: 'close', circuit, reason: 'x' } })
    bus.step('b', { type: 'message', from, message: { type: 'refused', circuit, why: 'busy' } })
    expect(bus.sent).toEqual({})
    bus.step('b', { type: 'message', from, message: { type: 'opened', circuit } })
    expect(bus.sent).toEqual({ close: 1 })
    expect(bus.kept).toBe(0)
  })

  test('does not close circuits of others', () => {
    const bus = new CircuitBus([...line, ['b', 'x']])
    const circuit = bus.dial('a', 'd')
    bus.settle()
    const from = 'x' as NodeName
    bus.step('b', { type: 'message', from, message: { type: 'close', circuit, reason: 'x' } })
    bus.step('b', { type: 'message', from, message: { type: 'opened', circuit } })
    bus.settle()
    expect(bus.path(circuit, 'a')).toEqual(['a', 'b', 'c', 'd'])
    expect(bus.machines.get('b')?.next(circuit, from)).toBeUndefined()
  })
})

describe('a copy of a question that comes late', () => {
  const [b, c, d] = ['b', 'c', 'd'] as NodeName[] as [NodeName, NodeName, NodeName]
  const open = (circuit: string): CircuitMessage => {
    const [origin, destination] = ['a' as NodeName, d]
    return { type: 'open', circuit: circuit as CircuitRef, origin, destination, hops: 5 }
  }

  function endOf(carried: number): {
    say: (from: NodeName, message: CircuitMessage) => CircuitEffect[]
    pass(by: number): void
    machine: Circuits
  } {
    const machine = new Circuits({ self: d, ways: () => [], admits: () => true, hops: 16, carried })
    let now = 0
    const step = (input: CircuitInput): CircuitEffect[] => {
      const out: CircuitEffect[] = []
      machine.step(input, now, out)
      return out
    }
    const say = (from: NodeName, message: CircuitMessage): CircuitEffect[] => step({ type: 'message', from, message })
    const pass = (by: number): void => {
      now += by
      step({ type: 'timer' })
    }
    return { machine, say, pass }
  }

  test('leaves the open circuit as it is, and takes no place', () => {
    const { machine, say, pass } = endOf(1)
    for (const circuit of ['a/1/1', 'a/1/2'] as CircuitRef[]) {
      expect(say(b, open(circuit))).toContainEqual({ type: 'accept', circuit, origin: 'a' })
      pass(21_000)
      expect(machine.remembered).toBe(0)
      const refused = { type: 'refused', circuit, why: 'unknown' }
      expect(say(c, open(circuit))).toEqual([{ type: 'send', to: c, message: refused }])
      say(c, { type: 'close', circuit, reason: 'another way was faster' })
      expect(machine.next(circuit, b)).toBe('here')
      say(b, { type: 'close', circuit, reason: 'done' })
      expect(machine.size).toBe(0)
      pass(11_000)
    }
  })
})

describe('bytes of a circuit that does not lead on', () => {
  test('are answered once in a while, and by so many answers at most', () => {
    const machine = new Circuits({ self: 'd' as NodeName, ways: () => [], admits: () => true, hops: 16, carried: 1 })
    const stray = (index: number, now: number): CircuitEffect[] => {
      const out: CircuitEffect[] = []
      machine.step({ type: 'stray', circuit: `a/1/${index}` as CircuitRef, from: 'b' as NodeName }, now, out)
      return out.filter(({ type }) => type === 'send')
    }
    expect(stray(0, 0)).toMatchObject([{ to: 'b', message: { type: 'close', circuit: 'a/1/0' } }])
    expect(stray(0, 1)).toEqual([])
    let answers = 1
    for (let index = 1; index < 5_000; index++) answers += stray(index, 2).length
    expect(answers).toBe(1_024)
    machine.step({ type: 'timer' }, 20_002, [])
    expect(stray(0, 20_003)).toHaveLength(1)
  })
})
