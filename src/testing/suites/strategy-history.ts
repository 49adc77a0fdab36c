import type { NodeName } from '../../core/node.js'
import { sample } from '../../core/random.js'
import type { Millis } from '../../core/time.js'
import { type Field, fieldOf, joinSeeds, type StrategyHarness } from './strategy-harness.js'

/**
 * One history of a cluster: nodes start, stop, die, join, leave and are removed, while messages are lost, connections
 * break and the network splits. Then all is mended, all nodes are started and have joined.
 */
export function strategyHistory(harness: StrategyHarness, seed: number, records = false): Field {
  const field = fieldOf(harness, { seed, records })
  const { bus } = field
  const { names } = field.harness
  const { random } = bus
  const pace = 200 * 10 ** random.next()
  const dropRate = random.next() < 0.3 ? 0 : random.next() * 0.4
  bus.loses = () => random.next() < dropRate
  for (const name of names) bus.start(name)
  keepSeeds(field)
  for (let count = 0; count < actionCount; count++) {
    act(field)
    bus.run(random.next() * pace)
  }
  mend(field)
  return field
}

/** How often something happens in a history. */
const actionCount = 40
/** A seed that is no member, or is not connected, is joined again after so long. */
const seedInterval: Millis = 5_000

function act(field: Field): void {
  const { bus, harness } = field
  const { random } = bus
  const [one = '', other = ''] = sample(random, harness.names, 2)
  const process = bus.process(one)
  const roll = random.next()
  if (roll < 0.3) bus.lose(one, other)
  else if (roll < 0.4) split(field)
  else if (roll < 0.5) bus.heal()
  else if (roll < 0.55) bus.kill(one)
  else if (roll < 0.6) bus.stop(one)
  else if (roll < 0.75) begin(field, one)
  else if (!process.running) return
  else if (roll < 0.82) bus.leave(one)
  else if (roll < 0.87) bus.remove(one, other)
  else if (process.departed) joinSeeds(field, one)
}

function split({ bus, harness }: Field): void {
  const group = sample(bus.random, harness.names, 1 + Math.floor(bus.random.next() * (harness.names.length - 1)))
  bus.split(
    group,
    harness.names.filter(name => !group.includes(name)),
  )
}

/** A new process, or a new life of the one that was stopped. */
function begin(field: Field, name: string): void {
  const { bus } = field
  bus.start(name, { again: bus.random.next() < 0.5 })
  if (bus.random.next() < 0.7) joinSeeds(field, name)
}

/** As a manager does: seeds are joined for ever, unless the node has left. */
function keepSeeds(field: Field): void {
  const { bus, harness } = field
  for (const process of bus.running.filter(({ departed }) => !departed)) {
    for (const seed of harness.seeds(process.name)) {
      const member = process.members.includes(seed as NodeName)
      if (!member || !process.isUp(seed as NodeName)) bus.join(process.name, seed)
    }
  }
  bus.clock.schedule(seedInterval, () => keepSeeds(field))
}

function mend(field: Field): void {
  const { bus, harness } = field
  bus.loses = () => false
  bus.heal()
  for (const name of harness.names) if (!bus.process(name).running) bus.start(name)
  // Some may have been removed without having heard of it yet.
  bus.run(2 * seedInterval)
  for (const { name } of bus.running.filter(({ departed }) => departed)) joinSeeds(field, name)
}
