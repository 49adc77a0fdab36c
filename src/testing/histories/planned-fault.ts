import { unreachable } from '../../core/invariant.js'
import type { NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'

/**
 * A fault as plain data. Nothing in it refers to another fault, or to what happens before it, so that the others stay
 * what they are when it is taken out of a plan. `lasts` is how long until it is mended, in milliseconds.
 */
export type PlannedFault =
  // Between two groups: both ways, one way alone, or with a node that reaches both.
  | {
      readonly fault: 'partition' | 'one-way' | 'bridge'
      readonly one: readonly NodeName[]
      readonly other: readonly NodeName[]
      readonly lasts: Millis
    }
  // A partition that comes and goes.
  | {
      readonly fault: 'flapping'
      readonly one: readonly NodeName[]
      readonly other: readonly NodeName[]
      readonly every: Millis
      readonly lasts: Millis
    }
  // Of one node: a crashed one starts again, a paused one goes on. `power-loss` is a crash that nobody is told of.
  | {
      readonly fault: 'isolate' | 'crash' | 'power-loss' | 'pause'
      readonly node: NodeName
      readonly lasts: Millis
    }
  // Of the connections between two nodes, seen from `from`. `disconnect` is the call of that name at `from`.
  | {
      readonly fault: 'lose' | 'half-open' | 'one-sided-end' | 'disconnect'
      readonly from: NodeName
      readonly to: NodeName
    }
  // Of one connection between two nodes, seen from `from`: `connection` says which, as it does for a simulation.
  | {
      readonly fault: 'lose-one' | 'half-open-one'
      readonly from: NodeName
      readonly to: NodeName
      readonly connection: number
    }
  | {
      readonly fault: 'stall-one'
      readonly from: NodeName
      readonly to: NodeName
      readonly connection: number
      readonly lasts: Millis
    }
  // Of what `from` sends to, dials at, or (`stall`) reads from `to`.
  | {
      readonly fault: 'clog' | 'refuse' | 'hang' | 'stall'
      readonly from: NodeName
      readonly to: NodeName
      readonly lasts: Millis
    }
  // Several links are clogged one after another, and released in another order (FoundationDB). `after` counts from the
  // beginning of the fault.
  | {
      readonly fault: 'swizzle-clog'
      readonly links: readonly {
        readonly from: NodeName
        readonly to: NodeName
        readonly after: Millis
        readonly lasts: Millis
      }[]
    }
  | { readonly fault: 'slow-network'; readonly factor: number; readonly lasts: Millis }
  // A crash so many events after an operation began at the node: it brings its own. `seed` is that of the operation.
  | {
      readonly fault: 'crash-busy'
      readonly node: NodeName
      readonly operation: string
      readonly seed: number
      readonly events: number
      readonly lasts: Millis
    }
  // Several nodes crash at once, and start again one by one: a cluster that forms anew, in whatever order.
  | {
      readonly fault: 'blackout'
      readonly nodes: readonly { readonly node: NodeName; readonly lasts: Millis }[]
    }
  // Each event of the node takes `lag`.
  | { readonly fault: 'slow'; readonly node: NodeName; readonly lag: Millis; readonly lasts: Millis }
  // The wall clock of the node jumps; it stays so.
  | { readonly fault: 'wall-jump'; readonly node: NodeName; readonly by: Millis }
  // `injectPartition(origin, ttl)` is called at `from`, and `resolvePartition` at `resolver`.
  | {
      readonly fault: 'inject-partition'
      readonly from: NodeName
      readonly origin: NodeName
      readonly ttl: number
      readonly resolver: NodeName
      readonly lasts: Millis
    }

/** What a fault is called. docs/simulation.md says what each does. */
export type FaultName = PlannedFault['fault']

/** The planned fault of that name. */
type Planned<Name extends FaultName> = Extract<PlannedFault, { readonly fault: Name }>

/** Every fault there is. */
export const faultNames: readonly FaultName[] = [
  ...(['partition', 'one-way', 'bridge', 'isolate', 'flapping', 'clog', 'swizzle-clog', 'lose', 'half-open'] as const),
  ...(['one-sided-end', 'refuse', 'hang', 'stall', 'slow-network', 'crash', 'power-loss', 'crash-busy'] as const),
  ...(['blackout', 'pause', 'slow', 'wall-jump', 'inject-partition', 'disconnect', 'lose-one'] as const),
  ...(['half-open-one', 'stall-one'] as const),
]

/** The fault in a cluster that lacks a node; undefined when nothing of it is left. */
export function withoutNode(fault: PlannedFault, node: NodeName): PlannedFault | undefined {
  switch (fault.fault) {
    case 'partition':
    case 'one-way':
    case 'bridge':
    case 'flapping': {
      const one = fault.one.filter(name => name !== node)
      const other = fault.other.filter(name => name !== node)
      return one.length === 0 || other.length === 0 ? undefined : { ...fault, one, other }
    }
    case 'swizzle-clog': {
      const links = fault.links.filter(({ from, to }) => from !== node && to !== node)
      return links.length === 0 ? undefined : { ...fault, links }
    }
    case 'blackout': {
      const nodes = fault.nodes.filter(other => other.node !== node)
      return nodes.length === 0 ? undefined : { ...fault, nodes }
    }
    case 'slow-network':
      return fault
    case 'isolate':
    case 'crash':
    case 'power-loss':
    case 'pause':
    case 'crash-busy':
    case 'slow':
    case 'wall-jump':
      return fault.node === node ? undefined : fault
    case 'lose':
    case 'half-open':
    case 'one-sided-end':
    case 'disconnect':
    case 'clog':
    case 'refuse':
    case 'hang':
    case 'stall':
    case 'lose-one':
    case 'half-open-one':
    case 'stall-one':
      return fault.from === node || fault.to === node ? undefined : fault
    case 'inject-partition':
      return [fault.from, fault.origin, fault.resolver].includes(node) ? undefined : fault
    default:
      return unreachable(fault)
  }
}

/** The same fault, over sooner; undefined when it takes no time, or hardly any. */
export function shortened(fault: PlannedFault): PlannedFault | undefined {
  if (fault.fault === 'swizzle-clog') {
    if (fault.links.every(({ after, lasts }) => after + lasts < 2)) return undefined
    const half = fault.links.map(link => ({ ...link, after: halved(link.after), lasts: halved(link.lasts) }))
    return { ...fault, links: half }
  }
  if (fault.fault === 'blackout') {
    if (fault.nodes.every(({ lasts }) => lasts < 2)) return undefined
    return { ...fault, nodes: fault.nodes.map(({ node, lasts }) => ({ node, lasts: halved(lasts) })) }
  }
  return 'lasts' in fault && fault.lasts >= 2 ? { ...fault, lasts: halved(fault.lasts) } : undefined
}

function halved(millis: Millis): Millis {
  return Math.floor(millis / 2)
}

/** What it is and how long it lasts, for people. */
export function describeFault(fault: PlannedFault): string {
  switch (fault.fault) {
    case 'partition':
    case 'bridge':
      return `${fault.fault} ${group(fault.one)} | ${group(fault.other)} ${lasting(fault.lasts)}`
    case 'one-way':
      return `${fault.fault} ${group(fault.one)} -> ${group(fault.other)} ${lasting(fault.lasts)}`
    case 'flapping':
      return `${fault.fault} ${group(fault.one)} | ${group(fault.other)}, ${fault.every} ms, ${lasting(fault.lasts)}`
    case 'isolate':
    case 'pause':
      return `${fault.fault} ${fault.node} ${lasting(fault.lasts)}`
    case 'crash':
    case 'power-loss':
      return `${fault.fault} of ${fault.node}, which restarts ${seconds(fault.lasts)} later`
    case 'blackout':
      return `blackout: ${fault.nodes.map(describeOutage).join(', ')}`
    case 'lose':
      return `lose the connections between ${fault.from} and ${fault.to}`
    case 'half-open':
      return `half-open: ${fault.from} loses its connections with ${fault.to}, which is not told`
    case 'one-sided-end':
      return `one-sided end: the connections with ${fault.to} end at ${fault.from}`
    case 'lose-one':
      return `lose connection ${fault.connection} between ${fault.from} and ${fault.to}`
    case 'half-open-one':
      return `half-open: ${fault.from} loses connection ${fault.connection} with ${fault.to}, which is not told`
    case 'disconnect':
      return `${fault.from} disconnects ${fault.to}`
    case 'clog':
      return `clog ${fault.from} -> ${fault.to} ${lasting(fault.lasts)}`
    case 'refuse':
    case 'hang':
      return `${fault.fault} dials ${fault.from} -> ${fault.to} ${lasting(fault.lasts)}`
    case 'stall':
      return `stall: ${fault.from} does not read from ${fault.to} ${lasting(fault.lasts)}`
    case 'stall-one':
      return (
        `stall: ${fault.from} does not read from connection ${fault.connection} with ${fault.to} ` +
        lasting(fault.lasts)
      )
    case 'swizzle-clog':
      return `swizzle-clog ${fault.links.map(describeLink).join(', ')}`
    case 'slow-network':
      return `slow network: ${fault.factor} times as slow ${lasting(fault.lasts)}`
    case 'crash-busy':
      return (
        `crash of ${fault.node} ${fault.events} events after '${fault.operation}' (seed ${fault.seed}) began there; ` +
        `it restarts ${seconds(fault.lasts)} later`
      )
    case 'slow':
      return `slow ${fault.node}: ${fault.lag} ms for each event ${lasting(fault.lasts)}`
    case 'wall-jump':
      return `wall clock of ${fault.node} jumps by ${seconds(fault.by)}`
    case 'inject-partition':
      return (
        `${fault.from} injects a partition at ${fault.origin} with ttl ${fault.ttl}; ` +
        `${fault.resolver} resolves it ${seconds(fault.lasts)} later`
      )
    default:
      return unreachable(fault)
  }
}

function describeLink({ from, to, after, lasts }: Planned<'swizzle-clog'>['links'][number]): string {
  return `${from} -> ${to} after ${seconds(after)} ${lasting(lasts)}`
}

function describeOutage({ node, lasts }: Planned<'blackout'>['nodes'][number]): string {
  return `${node} ${lasting(lasts)}`
}

function group(names: readonly NodeName[]): string {
  return `{${names.join(', ')}}`
}

function lasting(millis: Millis): string {
  return `for ${seconds(millis)}`
}

/** `1.25 s`, `40 ms`. */
function seconds(millis: Millis): string {
  return Math.abs(millis) < 1_000 ? `${millis} ms` : `${millis / 1_000} s`
}
