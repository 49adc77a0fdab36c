/** Thrown when this library breaks a rule of its own. Never the fault of a caller or a peer: please report it. */
export class InvariantError extends Error {
  readonly code = 'ERR_INVARIANT'
  override readonly name = 'InvariantError'
}

/** Says what must hold here. It stays on in production: a broken rule is cheaper to hear of early. */
export function invariant(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new InvariantError(`broken invariant: ${rule}`)
}

/** Closes a switch: a new variant breaks the build where it is not handled. */
export function unreachable(variant: never): never {
  throw new InvariantError(`unreachable variant: ${JSON.stringify(variant)}`)
}
