import { MaquisError } from '../core/errors.js'

/** A pool cannot have nodes of that type: with `allocation: 'sorted'` those that Zeek knows and does not pool. */
export class PoolNodeTypeError extends MaquisError {
  readonly code = 'ERR_POOL_NODE_TYPE'
  readonly topic: string
  readonly nodeType: string

  constructor(topic: string, nodeType: string) {
    super(`invalid pool node type: '${nodeType}' (pool '${topic}'); allocation: 'rendezvous' takes any`)
    this.topic = topic
    this.nodeType = nodeType
  }
}

/** A pool is to have nodes for itself alone, and does not say how many. */
export class PoolLimitError extends MaquisError {
  readonly code = 'ERR_POOL_LIMIT'
  readonly topic: string

  constructor(topic: string) {
    super(`'maxNodes' must be set when using 'exclusive' (pool '${topic}')`)
    this.topic = topic
  }
}

/** There are not as many nodes of the type as exclusive pools want together. */
export class PoolSupplyError extends MaquisError {
  readonly code = 'ERR_POOL_SUPPLY'
  readonly nodeType: string
  /** As many as all exclusive pools of the type want. */
  readonly needed: number
  readonly available: number

  constructor(nodeType: string, needed: number, available: number) {
    super(
      `not enough ${nodeType} nodes to satisfy pool exclusivity requirements: ` +
        `need ${needed} nodes, and there are ${available}`,
    )
    this.nodeType = nodeType
    this.needed = needed
    this.available = available
  }
}

/** There is a pool of that topic, and it is another. */
export class PoolExistsError extends MaquisError {
  readonly code = 'ERR_POOL_EXISTS'
  readonly topic: string

  constructor(topic: string) {
    super(`pool '${topic}' is registered already, with another spec; unregister it first`)
    this.topic = topic
  }
}

/** The pool was unregistered, or all pools of the node were disposed, while somebody waited for it. */
export class PoolClosedError extends MaquisError {
  readonly code = 'ERR_POOL_CLOSED'
  readonly topic: string

  constructor(topic: string) {
    super(`pool '${topic}' is not registered any more: it will not be ready`)
    this.topic = topic
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

/** Another node has a pool of the same topic whose spec differs, so that the two name different owners. */
export class PoolMismatchError extends MaquisError {
  readonly code = 'ERR_POOL_MISMATCH'
  readonly node: string
  readonly topic: string
  /** The field of the spec; `registered` where only one of the two has the pool, which takes nodes from others. */
  readonly field: string
  readonly ours: unknown
  readonly theirs: unknown

  constructor(node: string, topic: string, field: string, ours: unknown, theirs: unknown) {
    super(
      `pool '${topic}' is not the same at node '${node}': ${field} is ${String(ours)} here and ${String(theirs)} ` +
        'there, so the two name different owners; give all nodes the same spec',
    )
    this.node = node
    this.topic = topic
    this.field = field
    this.ours = ours
    this.theirs = theirs
  }
}
