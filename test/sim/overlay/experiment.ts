import { sample } from '../../../src/core/random.js'
import type { Millis } from '../../../src/core/time.js'
import { type MachineBus, OverlayBus, ScampBus } from './overlay-bus.js'
import { type OverlayShape, shapeOf } from './overlay-graph.js'

/**
 * The overlays that can be grown, with their default options. Both versions of SCAMP do the same where nodes fail: they
 * differ in what a node says that leaves.
 */
export const overlays = ['hyparview', 'scamp'] as const
export type OverlayName = (typeof overlays)[number]

export interface ExperimentOptions {
  /** Default `hyparview`. */
  readonly overlay?: OverlayName
  readonly nodes: number
  /** The share of the nodes that fail, all at once. */
  readonly fail: number
  readonly seed: number
  /** Nodes join one of the first so many; without, any that is there. */
  readonly contacts?: number
  /** How many rounds the overlay rests before anything fails. Default 10. */
  readonly rest?: number
  /** How many rounds the survivors are watched. */
  readonly rounds: number
}

/** What became of an overlay. */
export interface Experiment extends ExperimentOptions {
  readonly overlay: OverlayName
  readonly before: OverlayShape
  /** After the failure and after each round. */
  readonly after: readonly OverlayShape[]
  /** Messages that a node sent in a round, on average, in the quiet overlay and after the failure. */
  readonly quietMessages: number
  readonly messages: number
}

/** The default shuffle interval of HyParView, and heartbeat interval of SCAMP: one round. */
const round: Millis = 10_000
export const restDefault = 10
/** Over the last of the rounds of rest messages are counted. */
const countedRounds = 2
/** Nodes start at 600 a second. */
const joinsAtOnce = 3
const joinInterval: Millis = 5

/** An overlay grows, rests, and loses a share of its nodes in one moment. */
export function experiment(options: ExperimentOptions): Experiment {
  const { overlay = 'hyparview', seed } = options
  switch (overlay) {
    case 'hyparview':
      return carryOut(new OverlayBus({ seed }), { ...options, overlay })
    case 'scamp':
      return carryOut(new ScampBus({ seed }), { ...options, overlay })
  }
}

function carryOut<Message>(
  bus: MachineBus<Message>,
  options: ExperimentOptions & { readonly overlay: OverlayName },
): Experiment {
  const { nodes, fail, rounds, contacts, rest = restDefault } = options
  grow(bus, nodes, contacts)
  bus.run((rest - countedRounds) * round)
  const quietMessages = sentBy(bus, countedRounds * round) / nodes / countedRounds
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
function grow<Message>(bus: MachineBus<Message>, nodes: number, contacts = nodes): void {
  for (let index = 0; index < nodes; index++) {
    bus.start()
    if (index > 0) bus.join(index, Math.floor(bus.random.next() * Math.min(index, contacts)))
    if (index % joinsAtOnce === 0) bus.run(joinInterval)
  }
}

/** The rounds after which all survivors are reached, for good; undefined where they never are. */
export function healedAfter({ after }: Experiment): number | undefined {
  const last = after.findLastIndex(({ reached, components }) => reached < 1 || components > 1)
  return last === after.length - 1 ? undefined : last + 1
}

function sentBy<Message>(bus: MachineBus<Message>, millis: Millis): number {
  const count = (): number => bus.survivors.reduce((sum, { sent }) => sum + sent, 0)
  const before = count()
  bus.run(millis)
  return count() - before
}
