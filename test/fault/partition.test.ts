import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName, NodeSpec } from '../../src/core/node.js'
import {
  type FaultFrame,
  type PartitionEffect,
  type PartitionInput,
  type PartitionRef,
  Partitions,
  parseFaultFrame,
  partitionRefsMax,
} from '../../src/fault/partition.js'

const specOf = (name: string): NodeSpec => ({
  ...{ name: name as NodeName, incarnation: 1 as Incarnation, version: 0, addresses: [], channels: {} },
})

const refOf = (name: string): PartitionRef => name as PartitionRef
const cut1 = refOf('cut1')

/** More than any test needs. */
const framesMax = 100_000

/** Partition machines on a graph; frames arrive in the order of their sending unless they are held. */
class Graph {
  readonly effects: PartitionEffect[] = []
  readonly machines: Map<string, Partitions> = new Map()
  /** Frames that it picks wait until `release`. */
  holds: (from: string, to: string, frame: FaultFrame) => boolean = () => false
  frames = 0
  readonly #edges: Set<string> = new Set()
  readonly #denying: ReadonlySet<string>
  readonly #queue: { readonly from: string; readonly to: string; readonly frame: FaultFrame }[] = []
  #held: { readonly from: string; readonly to: string; readonly frame: FaultFrame }[] = []
  #running = false

  constructor(edges: readonly string[], denying: readonly string[] = []) {
    this.#denying = new Set(denying)
    for (const edge of edges) for (const name of edge) this.machines.set(name, this.#machine(name))
    for (const [one = '', other = ''] of edges) this.connect(one, other)
  }

  connect(one: string, other: string): void {
    this.#edges.add(`${one}${other}`).add(`${other}${one}`)
    this.step(one, { type: 'connected', peer: specOf(other) })
    this.step(other, { type: 'connected', peer: specOf(one) })
  }

  disconnect(one: string, other: string): void {
    this.#edges.delete(`${one}${other}`)
    this.#edges.delete(`${other}${one}`)
  }

  restart(name: string): void {
    this.machines.set(name, this.#machine(name))
    for (const peer of this.#peers(name)) {
      this.step(peer, { type: 'restarted', node: name as NodeName })
      this.connect(name, peer)
    }
  }

  inject(at: string, origin: string, ttl: number, ref: PartitionRef = cut1): void {
    this.step(at, { type: 'inject', ref, origin: origin as NodeName, ttl })
  }

  resolve(at: string, ref: PartitionRef = cut1): void {
    this.step(at, { type: 'resolve', ref })
  }

  step(name: string, input: PartitionInput): void {
    const out: PartitionEffect[] = []
    this.machines.get(name)?.step(input, 0, out)
    for (const effect of out) {
      this.effects.push(effect)
      if (effect.type !== 'send' || !this.#edges.has(`${name}${effect.to}`)) continue
      const parsed = parseFaultFrame(structuredClone(effect.frame))
      if (parsed === undefined) throw new Error(`a frame that is not read: ${JSON.stringify(effect.frame)}`)
      const frame = { from: name, to: effect.to, frame: parsed }
      if (this.holds(name, effect.to, parsed)) this.#held.push(frame)
      else this.#queue.push(frame)
    }
    this.#run()
  }

  release(): void {
    this.holds = () => false
    this.#queue.push(...this.#held)
    this.#held = []
    this.#run()
  }

  /** Cut pairs, as `xy` where `x` has cut `y` off. */
  get cuts(): string[] {
    return [...this.machines]
      .flatMap(([name, machine]) => machine.list().map(({ node }) => `${name}${node.name}`))
      .sort()
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { from, to, frame } = next
      if (++this.frames > framesMax) throw new Error('frames go round without end')
      this.step(to, { type: 'frame', from: specOf(from), frame })
    }
    this.#running = false
  }

  #peers(name: string): string[] {
    return [...this.#edges].filter(edge => edge[0] === name).map(edge => edge[1] as string)
  }

  #machine(name: string): Partitions {
    const allowRemote = !this.#denying.has(name)
    return new Partitions({
      ...{ self: name as NodeName, allowRemote },
      peers: () => this.#peers(name).map(specOf),
    })
  }
}

const line = ['ab', 'bc', 'cd', 'de']
const ring = [...line, 'ea']
const full = ['ab', 'ac', 'ad', 'bc', 'bd', 'cd']

/** Both ends of each pair. */
function both(...pairs: readonly string[]): string[] {
  return pairs.flatMap(pair => [pair, `${pair[1]}${pair[0]}`]).sort()
}

describe('a partition', () => {
  test.each([
    ['a line, from its end, no hop', line, 'a', 0, ['ab']],
    ['a line, from its end, one hop', line, 'a', 1, ['ab', 'bc']],
    ['a line, from its end, two hops', line, 'a', 2, ['ab', 'bc', 'cd']],
    ['a line, from its middle, no hop', line, 'c', 0, ['bc', 'cd']],
    ['a line, from its middle, one hop', line, 'c', 1, line],
    ['a ring, no hop', ring, 'a', 0, ['ab', 'ea']],
    ['a ring, one hop', ring, 'a', 1, ['ab', 'ea', 'bc', 'de']],
    ['a ring, two hops', ring, 'a', 2, ring],
    ['a full mesh, no hop', full, 'a', 0, ['ab', 'ac', 'ad']],
    ['a full mesh, one hop', full, 'a', 1, full],
    ['a full mesh, two hops', full, 'a', 2, full],
  ])('reaches as far as its hops: %s', (_name, edges, origin, ttl, cut) => {
    const graph = new Graph(edges)
    graph.inject(origin, origin, ttl)
    expect(graph.cuts).toEqual(both(...cut))
  })

  test('is recorded by both ends of each cut pair', () => {
    const graph = new Graph(['ab'])
    graph.inject('a', 'a', 0)
    expect(graph.machines.get('a')?.isCut('b' as NodeName)).toBe(true)
    expect(graph.machines.get('b')?.isCut('a' as NodeName)).toBe(true)
    expect(graph.machines.get('b')?.list()).toEqual([{ ref: cut1, node: specOf('a') }])
  })

  test('is carried out once by each node, whatever ways it comes', () => {
    const graph = new Graph(full)
    graph.inject('a', 'a', 1_000)
    const told = graph.effects.filter(({ type }) => type === 'cut')
    expect(told).toHaveLength(12)
    // Each of four nodes tells its three peers, once.
    expect(graph.frames).toBe(12)
    graph.inject('a', 'a', 1_000)
    expect(graph.effects.filter(({ type }) => type === 'cut')).toHaveLength(12)
  })

  test('that another node asks for is carried out by its origin, who answers over several hops', () => {
    const graph = new Graph(line)
    graph.inject('e', 'a', 0)
    expect(graph.cuts).toEqual(both('ab'))
    expect(graph.effects).toContainEqual({ type: 'injected', ref: cut1, origin: 'a', done: true })
  })

  test.each(['a', 'b', 'c', 'd', 'e'])('is resolved from any node: %s', by => {
    const graph = new Graph(ring)
    graph.inject('a', 'a', 1)
    graph.resolve(by)
    expect(graph.cuts).toEqual([])
    const healed = graph.effects.filter(({ type }) => type === 'heal')
    expect(healed).toHaveLength(8)
  })

  test('that was resolved before it arrives never happens', () => {
    const graph = new Graph(line)
    graph.holds = (_from, _to, { type }) => type === 'inject'
    graph.inject('c', 'a', 2)
    graph.resolve('c')
    graph.release()
    expect(graph.cuts).toEqual([])
    expect(graph.effects.filter(({ type }) => type === 'cut')).toEqual([])
    expect(graph.effects.filter(effect => effect.type === 'send' && effect.frame.type === 'cut')).toEqual([])
    expect(graph.effects).toContainEqual({ type: 'injected', ref: cut1, origin: 'a', done: true })
  })

  test('whose word of a cut is overtaken by its resolution leaves no half cut', () => {
    const graph = new Graph(full)
    graph.holds = (_from, to, { type }) => type === 'cut' && to === 'c'
    graph.inject('a', 'a', 1)
    graph.resolve('d')
    graph.release()
    expect(graph.cuts).toEqual([])
  })

  test('that was resolved cannot be injected again', () => {
    const graph = new Graph(line)
    graph.inject('a', 'a', 0)
    graph.resolve('b')
    graph.inject('a', 'a', 0)
    expect(graph.cuts).toEqual([])
  })

  test('is resolved at reconnection by whoever missed the resolution', () => {
    const graph = new Graph(line)
    graph.inject('a', 'a', 0)
    graph.disconnect('a', 'b')
    graph.resolve('e')
    expect(graph.cuts).toEqual(['ab'])
    graph.connect('a', 'b')
    expect(graph.cuts).toEqual([])
  })

  test('is recorded at reconnection by whoever missed the cut', () => {
    const graph = new Graph(['ab'])
    graph.holds = (_from, _to, { type }) => type === 'cut'
    graph.inject('a', 'a', 0)
    graph.disconnect('a', 'b')
    graph.holds = () => false
    expect(graph.cuts).toEqual(['ab'])
    graph.connect('a', 'b')
    expect(graph.cuts).toEqual(both('ab'))
  })

  test('does not survive a restart of one of the pair', () => {
    const graph = new Graph(full)
    graph.inject('a', 'a', 0)
    graph.restart('a')
    expect(graph.cuts).toEqual([])
    graph.inject('b', 'b', 0, refOf('cut2'))
    graph.restart('c')
    expect(graph.cuts).toEqual(both('ab', 'bd'))
  })

  test('and others of the same pair end with a restart of one of the two', () => {
    const graph = new Graph(['ab', 'bc'])
    graph.inject('a', 'a', 0)
    graph.inject('b', 'b', 0, refOf('cut2'))
    expect(
      graph.machines
        .get('b')
        ?.list()
        .filter(({ node }) => node.name === 'a'),
    ).toHaveLength(2)
    graph.restart('a')
    expect(
      graph.machines
        .get('b')
        ?.list()
        .filter(({ node }) => node.name === 'a'),
    ).toEqual([])
  })

  test('keeps a pair cut until the last of several is resolved', () => {
    const graph = new Graph(['ab', 'bc'])
    graph.inject('a', 'a', 0, refOf('one'))
    graph.inject('b', 'b', 0, refOf('two'))
    const cuts = graph.effects.filter(effect => effect.type === 'cut')
    expect(cuts.map(({ first }) => first)).toEqual([true, true, false, true, false, true])
    graph.resolve('a', refOf('one'))
    expect(graph.machines.get('a')?.isCut('b' as NodeName)).toBe(true)
    expect(graph.machines.get('b')?.isCut('a' as NodeName)).toBe(true)
    graph.resolve('c', refOf('two'))
    expect(graph.machines.get('a')?.isCut('b' as NodeName)).toBe(false)
    const heals = graph.effects.filter(effect => effect.type === 'heal')
    expect(heals.map(({ last }) => last)).toEqual([false, false, true, true, true, true])
  })

  test('is refused by a node that takes no faults from others, and it says so', () => {
    const graph = new Graph(line, ['a'])
    graph.inject('d', 'a', 0)
    expect(graph.cuts).toEqual([])
    expect(graph.effects).toContainEqual({ type: 'injected', ref: cut1, origin: 'a', done: false })
  })

  test('is carried out by a node that takes none from others when its own user asks', () => {
    const graph = new Graph(['ab'], ['a'])
    graph.inject('a', 'a', 0)
    expect(graph.cuts).toEqual(both('ab'))
  })

  test('goes round a node that takes none from others', () => {
    const graph = new Graph(ring, ['b'])
    graph.inject('a', 'a', 2)
    // It notes that its neighbour is cut off, but does not cut itself off from anybody.
    expect(graph.cuts.filter(pair => pair.startsWith('b'))).toEqual(['ba'])
    expect(graph.cuts).toContain('de')
  })

  test('of somebody whom nobody knows is asked for once by everybody, and that is all', () => {
    const graph = new Graph(full)
    graph.inject('a', 'x', 3)
    expect(graph.frames).toBeLessThanOrEqual(4 * 3)
    expect(graph.cuts).toEqual([])
  })

  test('is resolved at the others before a node sends to them again', () => {
    const graph = new Graph(['ab'])
    graph.inject('a', 'a', 0)
    const out: PartitionEffect[] = []
    graph.machines.get('a')?.step({ type: 'resolve', ref: cut1 }, 0, out)
    expect(out.map(({ type }) => type)).toEqual(['send', 'heal'])
  })

  test('of whom the machine knows no peer is no error', () => {
    const graph = new Graph(['ab'])
    graph.disconnect('a', 'b')
    graph.inject('a', 'a', 3)
    expect(graph.cuts).toEqual([])
  })
})

describe('bounds', () => {
  test('cuts of more references than are remembered are not taken', () => {
    const graph = new Graph(['ab'])
    for (let count = 0; count < partitionRefsMax + 100; count++) {
      const frame: FaultFrame = { type: 'cut', ref: refOf(`cut${count}`), ttl: -1 }
      graph.step('a', { type: 'frame', from: specOf('b'), frame })
    }
    expect(graph.machines.get('a')?.list()).toHaveLength(partitionRefsMax)
  })

  test('the newest resolutions are remembered, the oldest forgotten', () => {
    const graph = new Graph(['ab'])
    graph.disconnect('a', 'b')
    for (let count = 0; count <= partitionRefsMax; count++) graph.resolve('a', refOf(`cut${count}`))
    graph.inject('a', 'a', 0, refOf(`cut${partitionRefsMax}`))
    graph.connect('a', 'b')
    graph.inject('a', 'a', 0, refOf(`cut${partitionRefsMax - 1}`))
    expect(graph.cuts).toEqual([])
    graph.inject('a', 'a', 0, refOf('cut0'))
    expect(graph.cuts).toEqual(both('ab'))
  })

  test('cuts that were healed make room for others', () => {
    const graph = new Graph(['ab'])
    for (let count = 0; count <= partitionRefsMax; count++) {
      graph.inject('a', 'a', 0, refOf(`cut${count}`))
      expect(graph.cuts).toEqual(both('ab'))
      graph.resolve('a', refOf(`cut${count}`))
    }
  })

  test('of many partitions the newest resolutions are told of at a connection', () => {
    const graph = new Graph(['ab'])
    graph.disconnect('a', 'b')
    for (let count = 0; count < 600; count++) graph.resolve('a', refOf(`cut${count}`))
    graph.connect('a', 'b')
    graph.inject('b', 'b', 0, refOf('cut599'))
    expect(graph.cuts).toEqual([])
  })

  test('many partitions are told of at a connection in one frame from each end', () => {
    const graph = new Graph(['ab'])
    graph.disconnect('a', 'b')
    for (let count = 0; count < 600; count++) graph.resolve('a', refOf(`cut${count}`))
    const before = graph.frames
    graph.connect('a', 'b')
    expect(graph.frames - before).toBe(2)
  })
})

describe('what peers send', () => {
  const good: FaultFrame[] = [
    { type: 'inject', ref: cut1, origin: 'a' as NodeName, ttl: 0 },
    { type: 'injected', ref: cut1, origin: 'a' as NodeName, done: false },
    { type: 'cut', ref: cut1, ttl: -1 },
    { type: 'resolve', ref: cut1 },
    { type: 'sync', resolved: [cut1], cuts: [] },
  ]

  test.each(good)('is read: $type', frame => {
    expect(parseFaultFrame(structuredClone(frame))).toEqual(frame)
  })

  test.each<[string, unknown]>([
    ['nothing', null],
    ['an unknown type', { type: 'heal', ref: 'x' }],
    ['no reference', { type: 'resolve' }],
    ['an empty reference', { type: 'resolve', ref: '' }],
    ['a reference that is too long', { type: 'resolve', ref: 'x'.repeat(513) }],
    ['hops below those of a cut', { type: 'cut', ref: 'x', ttl: -2 }],
    ['hops below those of an injection', { type: 'inject', ref: 'x', origin: 'a', ttl: -1 }],
    ['hops that are no whole number', { type: 'inject', ref: 'x', origin: 'a', ttl: 0.5 }],
    ['too many hops', { type: 'inject', ref: 'x', origin: 'a', ttl: 1_001 }],
    ['an origin that is no name', { type: 'inject', ref: 'x', origin: '', ttl: 0 }],
    ['an answer that is neither', { type: 'injected', ref: 'x', origin: 'a', done: 1 }],
    ['references that are no list', { type: 'sync', resolved: {}, cuts: [] }],
    ['too many references', { type: 'sync', resolved: Array.from({ length: 257 }, () => 'x'), cuts: [] }],
    ['a reference in a list that is none', { type: 'sync', resolved: [], cuts: [1] }],
  ])('is refused: %s', (_what, value) => {
    expect(parseFaultFrame(value)).toBeUndefined()
  })
})
