import { sample } from '../../../src/core/random.js'
import type { Millis } from '../../../src/core/time.js'
import { OverlayBus } from './overlay-bus.js'
import { type OverlayShape, shapeOf } from './overlay-graph.js'

export interface ExperimentOptions {
  readonly nodes: number
  /** The share of the nodes that fail, all at once. */
  readonly fail: number
  readonly seed: number
  /** Nodes join one of the first so many; without, any that is there. */
  readonly contacts?: number
  /** How many rounds the survivors are watched. */
  readonly rounds: number
}

/** What became of an overlay. */
export interface Experiment extends ExperimentOptions {
  readonly before: OverlayShape
  /** After the failure and after each round. */
  readonly after: readonly OverlayShape[]
  /** Messages that a node sent in a round, on average, in the quiet overlay and after the failure. */
  readonly quietMessages: number
  readonly messages: number
}

/** The default shuffle interval: one round. */
const round: Millis = 10_000
/** The overlay shuffles for so long before anything fails. */
const quietRounds = 8
/** Nodes start at 600 a second. */
const joinsAtOnce = 3
const joinInterval: Millis = 5

/** An overlay grows, rests, and loses a share of its nodes in one moment. */
export function experiment(options: ExperimentOptions): Experiment {
  const { nodes, fail, seed, rounds, contacts } = options
  const bus = grow(nodes, seed, contacts)
  bus.run(quietRounds * round)
  const quietMessages = sentBy(bus, 2 * round) / nodes / 2
  const before = shapeOf(bus)
  for (const { index } of sample(bus.random, bus.nodes, Math.round(nodes * fail))) bus.crash(index)
  const after = [shapeOf(bus)]
  let sent = 0
  for (let count = 0; count < rounds; count++) {
    sent += sentBy(bus, round)
    after.push(shapeOf(bus))
  }
  return { ...options, before, after, quietMessages, messages: sent / bus.survivors.length / Math.max(1, rounds) }
}

/** Nodes start one after another, and each joins one that is there. */
function grow(nodes: number, seed: number, contacts = nodes): OverlayBus {
  const bus = new OverlayBus({ seed })
  for (let index = 0; index < nodes; index++) {
    bus.start()
    if (index > 0) bus.join(index, Math.floor(bus.random.next() * Math.min(index, contacts)))
    if (index % joinsAtOnce === 0) bus.run(joinInterval)
  }
  return bus
}

/** The rounds after which all survivors are reached, for good; undefined where they never are. */
export function healedAfter({ after }: Experiment): number | undefined {
  const last = after.findLastIndex(({ reached, components }) => reached < 1 || components > 1)
  return last === after.length - 1 ? undefined : last + 1
}

function sentBy(bus: OverlayBus, millis: Millis): number {
  const count = (): number => bus.survivors.reduce((sum, { sent }) => sum + sent, 0)
  const before = count()
  bus.run(millis)
  return count() - before
}
