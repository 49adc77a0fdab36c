import type { Incarnation, Life, NodeName } from '../../src/core/node.js'
import type { Dependency } from '../../src/delivery/causal-matrix.js'
import { Causality } from '../../src/delivery/causality.js'
import { EndedLives } from '../../src/delivery/ended-lives.js'

export const life = (name: string, incarnation = 1): Life => ({
  name: name as NodeName,
  incarnation: incarnation as Incarnation,
})
export const [a, b, c] = ['a', 'b', 'c'].map(name => life(name)) as [Life, Life, Life]

/** What travels. */
export interface Sent {
  readonly from: Life
  readonly number: number
  readonly dependencies: readonly Dependency[]
  readonly text: string
}

/** One node, and what was handed over there. */
export class CausalNode {
  readonly heard: string[] = []
  now = 0
  near = true
  isNear = (_other: Life): boolean => this.near
  readonly ended = new EndedLives(10)
  readonly self: Life
  readonly machine: Causality<string>

  constructor(self: Life) {
    this.self = self
    this.machine = new Causality<string>(self, {
      endedSince: other => this.ended.since(other),
      isNear: other => this.isNear(other),
    })
  }

  send(to: Life, text: string): Sent {
    const dependencies = this.machine.dependencies(to, this.now)
    return { from: this.self, number: this.machine.send(to, this.now), dependencies, text }
  }

  take({ from, number, dependencies, text }: Sent): string {
    return this.machine.arrived(from, number, dependencies, text, this.now, this.heard)
  }

  end(other: Life): void {
    this.ended.add(other, this.now)
    this.machine.livesEnded(this.now, this.heard)
  }

  /** A sender tells that nothing up to that number is under way, and that it has sent up to the other. */
  told(from: Life, goneUpTo: number, last = goneUpTo, askedAt = this.now): void {
    this.machine.concluded({ from, askedAt, goneUpTo, last }, this.now, this.heard)
  }

  get waits(): readonly string[] {
    return [...this.machine.waits()].map(({ source, number }) => `${source.life.name} ${number}`)
  }
}

export function trio(): readonly [CausalNode, CausalNode, CausalNode] {
  return [new CausalNode(a), new CausalNode(b), new CausalNode(c)]
}
