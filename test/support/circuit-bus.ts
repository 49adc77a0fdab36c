import type { NodeName } from '../../src/core/node.js'
import type { CircuitMessage, CircuitRef } from '../../src/delivery/circuit-messages.js'
import { type CircuitEffect, type CircuitInput, Circuits } from '../../src/delivery/circuits.js'

interface Under {
  readonly at: number
  readonly order: number
  readonly from: string
  readonly to: string
  readonly message: CircuitMessage
}

export interface CircuitBusOptions {
  readonly hops?: number
  readonly carried?: number
  /** How long the next message takes. Default: 1 ms. Messages between two nodes never overtake each other. */
  readonly latency?: () => number
  /** Whether a node passes on only to the destination where it is a neighbour. Default true. */
  readonly shortcut?: boolean
}

/** Machines of circuits on a graph, and what they tell each other. */
export class CircuitBus {
  readonly machines = new Map<string, Circuits>()
  /** `a opened 1`, `c accept 1`, ... */
  readonly log: string[] = []
  /** Messages that were sent, by type. */
  readonly sent: Record<string, number> = {}
  now = 0
  readonly #edges = new Map<string, Set<string>>()
  readonly #dead = new Set<string>()
  #underWay: Under[] = []
  readonly #timers: { at: number; readonly node: string }[] = []
  readonly #last = new Map<string, number>()
  readonly #options: CircuitBusOptions
  #order = 0
  #circuits = 0

  constructor(edges: readonly (readonly [string, string])[], options: CircuitBusOptions = {}) {
    this.#options = options
    for (const [one, other] of edges) {
      this.#edgesOf(one).add(other)
      this.#edgesOf(other).add(one)
    }
    for (const name of this.#edges.keys()) this.start(name)
  }

  start(name: string): void {
    const { hops = 16, carried = 1_024, shortcut = true } = this.#options
    const ways = (to: NodeName): NodeName[] => {
      const all = [...this.#edgesOf(name)].filter(peer => !this.#dead.has(peer)) as NodeName[]
      return shortcut && all.includes(to) ? [to] : all
    }
    this.#dead.delete(name)
    this.machines.set(name, new Circuits({ self: name as NodeName, ways, admits: () => true, hops, carried }))
  }

  dial(from: string, to: string): CircuitRef {
    const circuit = `${from}/1/${++this.#circuits}` as CircuitRef
    this.step(from, { type: 'dial', circuit, destination: to as NodeName })
    return circuit
  }

  step(node: string, input: CircuitInput): void {
    const effects: CircuitEffect[] = []
    this.machines.get(node)?.step(input, this.now, effects)
    for (const effect of effects) this.#carryOut(node, effect)
  }

  /** A node dies: what is under way to and from it is lost, and its neighbours notice. */
  crash(name: string): void {
    this.#dead.add(name)
    this.machines.delete(name)
    this.#underWay = this.#underWay.filter(({ from, to }) => from !== name && to !== name)
    for (const peer of this.#edgesOf(name)) this.step(peer, { type: 'down', peer: name as NodeName })
  }

  /** A connection breaks: what is under way on it is lost, and both ends notice that of their circuits. */
  sever(one: string, other: string, circuit: CircuitRef): void {
    this.#underWay = this.#underWay.filter(
      ({ from, to }) => !((from === one && to === other) || (from === other && to === one)),
    )
    this.step(one, { type: 'lost', circuit, peer: other as NodeName })
    this.step(other, { type: 'lost', circuit, peer: one as NodeName })
  }

  /** The next message arrives, or the next timer is due. False: nothing is under way and no timer is armed. */
  next(): boolean {
    this.#underWay.sort((one, other) => one.at - other.at || one.order - other.order)
    this.#timers.sort((one, other) => one.at - other.at)
    const [message] = this.#underWay
    const [timer] = this.#timers
    if (message !== undefined && (timer === undefined || message.at <= timer.at)) {
      this.#underWay.shift()
      this.now = message.at
      this.step(message.to, { type: 'message', from: message.from as NodeName, message: message.message })
      return true
    }
    if (timer === undefined) return false
    this.#timers.shift()
    this.now = Math.max(this.now, timer.at)
    this.step(timer.node, { type: 'timer' })
    return true
  }

  /** Everything arrives. Time passes as far as it has to for that. */
  settle(): void {
    while (this.#underWay.length > 0) this.next()
  }

  /** Everything arrives, and every timer is due until none is armed. */
  rest(): void {
    while (this.next());
  }

  /** The nodes that a circuit leads over, from one end to the other; undefined where it breaks off. */
  path(circuit: CircuitRef, from: string): string[] | undefined {
    const path = [from]
    let before: string | undefined
    for (let at = from; ; ) {
      const next = this.machines.get(at)?.next(circuit, before as NodeName | undefined)
      if (next === undefined) return undefined
      if (next === 'here') return path
      path.push(next)
      before = at
      at = next
    }
  }

  /** Circuits that anybody takes part in. */
  get kept(): number {
    return [...this.machines.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Circuits that anybody remembers. */
  get remembered(): number {
    return [...this.machines.values()].reduce((sum, { remembered }) => sum + remembered, 0)
  }

  /** The length of the shortest path; undefined: there is none. */
  distance(from: string, to: string): number | undefined {
    const found = new Map([[from, 0]])
    for (const [node, steps] of found) {
      for (const peer of this.#edgesOf(node)) if (!found.has(peer)) found.set(peer, steps + 1)
    }
    return found.get(to)
  }

  #edgesOf(name: string): Set<string> {
    const edges = this.#edges.get(name) ?? new Set()
    this.#edges.set(name, edges)
    return edges
  }

  #carryOut(node: string, effect: CircuitEffect): void {
    switch (effect.type) {
      case 'send': {
        const { to, message } = effect
        this.sent[message.type] = (this.sent[message.type] ?? 0) + 1
        if (this.#dead.has(to)) return
        const pair = `${node} ${to}`
        const at = Math.max(this.now + (this.#options.latency?.() ?? 1), this.#last.get(pair) ?? 0)
        this.#last.set(pair, at)
        this.#underWay.push({ at, order: ++this.#order, from: node, to, message })
        return
      }
      case 'arm':
        return void this.#timers.push({ at: this.now + effect.after, node })
      case 'forgotten':
      case 'count':
        return
      default: {
        const number = effect.circuit.split('/').at(-1) ?? ''
        const why = 'why' in effect ? ` ${effect.why}` : ''
        this.log.push(`${node} ${effect.type} ${number}${why}`)
      }
    }
  }
}
