import { MaquisError } from '../core/errors.js'

/** What went wrong with one pool. */
abstract class PoolError extends MaquisError {
  readonly topic: string

  constructor(topic: string, message: string) {
    super(message)
    this.topic = topic
  }
}

/** A pool cannot have nodes of that type: with `allocation: 'sorted'` those that Zeek knows and does not pool. */
export class PoolNodeTypeError extends PoolError {
  readonly code = 'ERR_POOL_NODE_TYPE'
  readonly nodeType: string

  constructor(topic: string, nodeType: string) {
    super(topic, `invalid pool node type: '${nodeType}' (pool '${topic}'); allocation: 'rendezvous' takes any`)
    this.nodeType = nodeType
  }
}

/** A pool is to have nodes for itself alone, and does not say how many. */
export class PoolLimitError extends PoolError {
  readonly code = 'ERR_POOL_LIMIT'

  constructor(topic: string) {
    super(topic, `'maxNodes' must be set when using 'exclusive' (pool '${topic}')`)
  }
}

/** There is a pool of that topic, and it is another. */
export class PoolExistsError extends PoolError {
  readonly code = 'ERR_POOL_EXISTS'

  constructor(topic: string, known: string) {
    const how =
      topic === known ? 'with another spec' : `as '${known}': a separator at its end makes no other topic of it`
    super(topic, `pool '${topic}' is registered already, ${how}; unregister it first`)
  }
}

/** The pool was unregistered, or all pools of the node were disposed: it does nothing any more, and never will. */
export class PoolClosedError extends MaquisError {
  readonly code = 'ERR_POOL_CLOSED'
  /** Undefined: all pools of the node. */
  readonly topic: string | undefined

  constructor(topic?: string) {
    super(
      topic === undefined
        ? 'the pools of this node were disposed; make others with managePools()'
        : `pool '${topic}' is not registered any more: it was unregistered, or the pools of its node were disposed`,
    )
    this.topic = topic
  }
}

/** What an exclusive pool wants for itself alone. */
export interface PoolClaim {
  readonly topic: string
  /** As many nodes. */
  readonly maxNodes: number
  /** The node that has registered it: this one, where it has; or another one, which told of it. */
  readonly node: string
}

/** There are not as many nodes of the type as exclusive pools want together. */
export class PoolSupplyError extends MaquisError {
  readonly code = 'ERR_POOL_SUPPLY'
  readonly nodeType: string
  /** As many as all exclusive pools of the type want. */
  readonly needed: number
  readonly available: number
  /** The pools that want them, in the order in which they are served. */
  readonly claims: readonly PoolClaim[]

  constructor(nodeType: string, available: number, claims: readonly PoolClaim[]) {
    const needed = claims.reduce((sum, { maxNodes }) => sum + maxNodes, 0)
    const wants = listed(claims.map(({ topic, maxNodes, node }) => `'${topic}' of node '${node}' ${maxNodes}`))
    super(
      `not enough ${nodeType} nodes to satisfy pool exclusivity requirements: ` +
        `need ${needed} nodes, and there are ${available}; pools want: ${wants}; start more nodes, or lower maxNodes`,
    )
    this.nodeType = nodeType
    this.needed = needed
    this.available = available
    this.claims = claims
  }
}

/** The manager does not know all members, so its pools would differ from those of others. */
export class PartialMembershipError extends MaquisError {
  readonly code = 'ERR_PARTIAL_MEMBERSHIP'

  constructor(node: string) {
    super(
      `node '${node}' does not know all members, and pools need to: use fullMesh, or a server of clientServer, ` +
        'or staticMesh with a list of its peers',
    )
  }
}

/** What decides about the owners of keys is not the same at other nodes: a pool of a topic, or that there is one. */
export class PoolMismatchError extends PoolError {
  readonly code = 'ERR_POOL_MISMATCH'
  /** The nodes at which it is as `theirs` says, by name. */
  readonly nodes: readonly string[]
  /**
   * The field of the spec, or the option `managerIsLogger`. `registered`: only here, or only there, is the pool, and
   * others of its type have other nodes because of it.
   */
  readonly field: string
  readonly ours: unknown
  readonly theirs: unknown

  constructor(nodes: readonly string[], topic: string, field: string, ours: unknown, theirs: unknown) {
    const who = listed(nodes.map(node => `'${node}'`))
    super(
      topic,
      `pool '${topic}' is not the same at ${who}: ${field} is ${String(ours)} here and ${String(theirs)} there` +
        `${field === 'registered' ? '' : ', so owners of keys differ'}; give all nodes the same pools`,
    )
    this.nodes = nodes
    this.field = field
    this.ours = ours
    this.theirs = theirs
  }
}

/** As many as an error names in its text. */
const namedMax = 5

function listed(texts: readonly string[]): string {
  const more = texts.length - namedMax
  return texts.slice(0, namedMax).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
