import type { NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import { type LatencyOptions, seededFor, tailFactor } from '../simulation/simulated-faults.js'
import { Draw } from './draw.js'
import { describeFault, type FaultName, type PlannedFault } from './planned-fault.js'
import type { ResolvedScenario } from './scenario.js'

/**
 * What is done in a history, as plain data: it may be written into a file and run again. Every action is complete in
 * itself, so any of them can be left out.
 */
export interface Plan {
  /** Of everything that chance decides beside the plan: delays, jitter, the configuration of the scenario. */
  readonly seed: number
  readonly nodes: readonly NodeName[]
  /** In the order of their time, once the cluster has formed: what would come before that comes then. */
  readonly actions: readonly Action[]
  /** When every fault that lasts is mended and nothing more is done, in simulated time. */
  readonly heals: Millis
}

/** An operation or a fault; `at` is simulated time. */
export type Action = OperationAction | FaultAction

/** A client begins an operation of the scenario. */
export interface OperationAction {
  readonly at: Millis
  readonly type: 'operation'
  readonly name: string
  readonly node: NodeName
  /** Of the operation's own random generator. */
  readonly seed: number
}

/** Something breaks. */
export type FaultAction = { readonly at: Millis; readonly type: 'fault' } & PlannedFault

/** Draws what is done in a history: which faults exist in it at all, how often and how long, and which operations. */
export function drawPlan<Servers>(scenario: ResolvedScenario<Servers>, nodes: readonly NodeName[], seed: number): Plan {
  const draw = new Draw(seededFor(seed, 'plan'))
  const swarm = drawSwarm(draw, scenario, nodes)
  const actions: Action[] = []
  const count = draw.whole(Math.ceil(scenario.steps / 4), scenario.steps)
  let at: Millis = firstActionAt + draw.millis(swarm.pause, pauseMax)
  for (let index = 0; index < count; index++) {
    const action = drawAction(draw, swarm, nodes, at)
    if (action !== undefined) actions.push(action)
    if (!draw.chance(swarm.haste)) at += draw.millis(swarm.pause, pauseMax)
  }
  return { seed, nodes, actions, heals: at + 1 + draw.millis(swarm.lasts, lastsMax) }
}

/** The plan, one line for each action. */
export function describePlan({ nodes, actions, heals }: Plan): string {
  const lines = actions.map(action => `${moment(action.at)}  ${describeAction(action)}`)
  return [`${moment(0)}  start ${nodes.join(', ')}`, ...lines, `${moment(heals)}  everything is mended`].join('\n')
}

function describeAction(action: Action): string {
  if (action.type === 'fault') return describeFault(action)
  return `${action.name} at ${action.node} (seed ${action.seed})`
}

/** ` +1.250 s`. */
export function moment(at: Millis): string {
  return `+${(at / 1_000).toFixed(3)} s`.padStart(11)
}

/** What is the same for one history: swarm testing (Groce et al., 2012) leaves features out, so that others show. */
interface Swarm {
  readonly pause: Millis
  /** The share of actions that follow at once. */
  readonly haste: number
  readonly lasts: Millis
  readonly slownessMax: number
  /** The share of actions that are faults. */
  readonly faultShare: number
  readonly faults: ReadonlyMap<FaultName, number>
  readonly operations: ReadonlyMap<string, number>
}

function drawSwarm<Servers>(draw: Draw, scenario: ResolvedScenario<Servers>, nodes: readonly NodeName[]): Swarm {
  const { faults, weights } = scenario
  const operations = [...scenario.operations.keys()]
  const pause = draw.magnitude(2, 1_500)
  const haste = draw.chance(0.3) ? 0.5 : 0.05
  const lasts = draw.magnitude(100, 10_000)
  const faultShare = draw.magnitude(0.1, 0.7)
  const presence = draw.one([0, 0.1, 0.25, 0.25, 0.5, 1])
  const possible = faults.filter(fault => nodes.length >= nodesNeeded(fault))
  const present = possible.filter(() => draw.chance(presence))
  // Nearly every history has some fault; one without any is worth its while, too.
  if (present.length === 0 && possible.length > 0 && draw.chance(0.9)) present.push(draw.one(possible))
  const busy = operations.filter(() => draw.chance(0.85))
  const used = busy.length > 0 ? busy : operations
  return {
    ...{ pause, haste, lasts, faultShare, slownessMax: slownessMax(scenario.simulation.latency) },
    faults: new Map(present.map(fault => [fault, draw.magnitude(0.2, 5)])),
    operations: new Map(used.map(name => [name, (weights[name] ?? 1) * draw.magnitude(0.3, 3)])),
  }
}

/** What is under way when a slow network is mended keeps its delay: it must not outlast the fault by much. */
function slownessMax({ least = 0.5, mean = 2, tail = 0.01 }: LatencyOptions = {}): number {
  const slowest = (least + mean) * (tail > 0 ? tailFactor : 1)
  return Math.min(Math.max(slownessMillis / slowest, 2), 100)
}

function drawAction(draw: Draw, swarm: Swarm, nodes: readonly NodeName[], at: Millis): Action | undefined {
  if (draw.chance(swarm.faultShare)) {
    const name = draw.weighted(swarm.faults)
    const fault = name && drawFault(draw, swarm, nodes, name)
    if (fault !== undefined) return { at, type: 'fault', ...fault }
  }
  const name = draw.weighted(swarm.operations)
  if (name === undefined || nodes.length === 0) return undefined
  return { at, type: 'operation', name, node: draw.one(nodes), seed: draw.seed() }
}

function nodesNeeded(fault: FaultName): number {
  const alone: readonly FaultName[] = [
    'crash',
    'power-loss',
    'crash-busy',
    'pause',
    'slow',
    'wall-jump',
    'slow-network',
  ]
  if (fault === 'bridge') return 3
  return alone.includes(fault) ? 1 : 2
}

function drawFault(draw: Draw, swarm: Swarm, nodes: readonly NodeName[], name: FaultName): PlannedFault | undefined {
  const lasts = 1 + draw.millis(swarm.lasts, lastsMax)
  switch (name) {
    case 'partition':
    case 'one-way': {
      const [one, other] = draw.groups(nodes)
      return { fault: name, one, other, lasts }
    }
    case 'bridge': {
      const [one, other] = draw.groups(draw.some(nodes, nodes.length - 1))
      return { fault: name, one, other, lasts }
    }
    case 'flapping': {
      const [one, other] = draw.groups(nodes)
      return { fault: name, one, other, every: Math.ceil(draw.magnitude(20, 3_000)), lasts }
    }
    case 'isolate':
    case 'crash':
    case 'power-loss':
    case 'pause':
      return { fault: name, node: draw.one(nodes), lasts }
    case 'lose':
    case 'half-open':
    case 'one-sided-end':
    case 'disconnect':
      return { fault: name, ...drawPair(draw, nodes) }
    case 'clog':
    case 'refuse':
    case 'hang':
    case 'stall':
      return { fault: name, ...drawPair(draw, nodes), lasts }
    case 'lose-one':
    case 'half-open-one':
      return { fault: name, ...drawPair(draw, nodes), connection: draw.whole(0, connectionMax) }
    case 'stall-one':
      return { fault: name, ...drawPair(draw, nodes), connection: draw.whole(0, connectionMax), lasts }
    case 'swizzle-clog': {
      const links = Array.from({ length: draw.whole(2, 6) }, () => {
        return { ...drawPair(draw, nodes), after: draw.millis(lasts, lastsMax), lasts: draw.millis(lasts, lastsMax) }
      })
      return { fault: name, links }
    }
    case 'slow-network':
      return { fault: name, factor: Math.ceil(draw.magnitude(2, swarm.slownessMax)), lasts }
    case 'crash-busy': {
      const operation = draw.weighted(swarm.operations)
      if (operation === undefined) return undefined
      return { fault: name, node: draw.one(nodes), operation, seed: draw.seed(), events: draw.whole(0, 20), lasts }
    }
    case 'blackout': {
      const some = draw.some(nodes, draw.chance(0.5) ? nodes.length : draw.whole(2, nodes.length))
      return { fault: name, nodes: some.map(node => ({ node, lasts: 1 + draw.millis(lasts, lastsMax) })) }
    }
    case 'slow':
      return { fault: name, node: draw.one(nodes), lag: Math.ceil(draw.magnitude(1, 50)), lasts }
    case 'wall-jump': {
      const by = Math.ceil(draw.magnitude(1, 3_600_000))
      return { fault: name, node: draw.one(nodes), by: draw.chance(0.5) ? by : -by }
    }
    case 'inject-partition': {
      const [from, origin] = [draw.one(nodes), draw.one(nodes)]
      return { fault: name, from, origin, ttl: draw.chance(0.7) ? 0 : 1, resolver: draw.one(nodes), lasts }
    }
  }
}

function drawPair(draw: Draw, nodes: readonly NodeName[]): { readonly from: NodeName; readonly to: NodeName } {
  const [from, to] = draw.two(nodes)
  return { from, to }
}

/** The cluster forms before. */
const firstActionAt: Millis = 1_000
/** How long everything takes in a slow network, at most, on average. */
const slownessMillis: Millis = 500
/** Which connection of a pair, at most; they are counted round. Any of as many as a pair has by default, and more. */
const connectionMax = 11
const pauseMax: Millis = 10_000
/** Long enough for everybody to notice, with the default heartbeat, several times over. */
const lastsMax: Millis = 30_000
