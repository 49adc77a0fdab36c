import { sample } from '../../../src/core/random.js'
import type { Millis } from '../../../src/core/time.js'
import type { MachineBus } from './overlay-bus.js'

/** As many nodes, of which each joins one of the first three. */
export function populate<Message>(bus: MachineBus<Message>, nodes: number, joinInterval: Millis): void {
  for (let index = 0; index < nodes; index++) {
    bus.start()
    if (index > 0) bus.join(index, Math.floor(bus.random.next() * Math.min(index, 3)))
    bus.run(joinInterval)
  }
}

/**
 * Forty times somebody crashes, leaves, or starts again, within `pause` of each other, while a fifth of the messages is
 * lost; `check` holds all the time. In the end all run, and nothing is lost any more.
 */
export function churn<Message>(bus: MachineBus<Message>, pause: Millis, check: () => void): void {
  const { length } = bus.nodes
  bus.loses = () => bus.random.next() < 0.2
  for (let count = 0; count < 40; count++) {
    const [index = 0] = sample(bus.random, [...bus.nodes.keys()], 1)
    const roll = bus.random.next()
    if (!bus.node(index).alive) {
      bus.start(index)
      // Half of them know a seed, the others are found by those who remember them.
      if (roll < 0.5) bus.join(index, (index + 1) % length)
    } else if (roll < 0.4) bus.crash(index)
    else if (roll < 0.5) {
      bus.leave(index)
      bus.run(2_000)
      bus.crash(index)
    }
    bus.run(bus.random.next() * pause)
    check()
  }
  bus.loses = () => false
  for (const { index, alive } of [...bus.nodes]) if (!alive) bus.start(index)
}

/** Half of the nodes and the others do not reach each other for a while. */
export function divide<Message>(bus: MachineBus<Message>, millis: Millis): void {
  const half = new Set(sample(bus.random, [...bus.nodes.keys()], bus.nodes.length / 2))
  bus.reaches = (one, other) => half.has(one) === half.has(other)
  bus.cut()
  bus.run(millis)
}

/** As managers do: each node joins a seed, the one so far behind it, where its overlay says that it should. */
export function joinSeeds<Message>(bus: MachineBus<Message>, distance: number): void {
  for (const { index, machine } of bus.nodes) {
    const seed = bus.node((index + distance) % bus.nodes.length)
    if (machine.seeks(seed.spec.name)) bus.join(index, seed.index)
  }
}
