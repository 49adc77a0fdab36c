import { types } from 'node:util'
import { classable, textOf } from '../core/thrown.js'

/** A longer path is cut: it is for people. */
const pathMax = 200

/** A value that cannot be sent: `message` says what it is, where it is, and what to send instead. */
export class UnencodableError extends Error {
  override readonly name = 'UnencodableError'
  readonly #what: string
  readonly #instead: string
  // biome-ignore lint/style/useReadonlyClassProperties: `within` reassigns it
  #path = ''

  constructor(what: string, instead = '', cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause })
    this.#what = what
    this.#instead = instead
    this.#describe()
  }

  /** The same error as seen from the container that holds the value under `segment`. */
  static within(thrown: unknown, segment: string): UnencodableError {
    const error = classable(thrown)
    const located = error instanceof UnencodableError ? error : threwWhenRead(error)
    if (located.#path.length < pathMax) located.#path = segment + located.#path
    located.#describe()
    return located
  }

  #describe(): void {
    const place = this.#path === '' ? '' : ` at ${this.#path}`
    const instead = this.#instead === '' ? '' : `: ${this.#instead}`
    this.message = this.#what + place + instead
  }
}

/** A getter or a proxy of the caller's threw `error`. */
export function threwWhenRead(error: unknown): UnencodableError {
  return new UnencodableError('a value that threw when it was read', textOf(error), error)
}

/** Why `value`, which has no place in the encoding, cannot be sent. */
export function refusalOf(value: unknown): UnencodableError {
  if (typeof value === 'function')
    return new UnencodableError('a function', 'send data, or the name of a registered handler')
  if (typeof value === 'symbol') return new UnencodableError('a symbol', 'send a string')
  const name = nameOf(value)
  return new UnencodableError(
    name === '' || name === 'Object' ? 'an object with a prototype of its own' : `${article(name)} ${name}`,
    insteadOf[name] ?? builtIn(value) ?? 'send a plain object, `{ ...instance }`, and rebuild it at the other end',
  )
}

/** What subclasses hold is not in their properties. */
function builtIn(value: unknown): string | undefined {
  if (types.isMap(value)) return 'send `new Map(instance)`'
  if (types.isSet(value)) return 'send `new Set(instance)`'
  if (types.isDate(value)) return 'send `new Date(instance)`'
  if (Array.isArray(value)) return 'send `Array.from(instance)`'
  return types.isNativeError(value) ? nameAndMessage : undefined
}

const nameAndMessage = 'send its name and message'
const primitive = 'send the primitive, `.valueOf()`'

const insteadOf: Readonly<Record<string, string | undefined>> = {
  URL: 'send its text, `.href`',
  URLSearchParams: 'send its text, `.toString()`',
  RegExp: 'send its source and flags',
  Promise: 'await it first',
  WeakMap: 'its content cannot be read, send a Map',
  WeakSet: 'its content cannot be read, send a Set',
  DataView: 'send a Uint8Array over the same bytes',
  SharedArrayBuffer: 'send a Uint8Array over it: its bytes are copied',
  Number: primitive,
  String: primitive,
  Boolean: primitive,
  BigInt: primitive,
  Symbol: primitive,
}

function nameOf(value: unknown): string {
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' ? name.slice(0, 60) : ''
}

function article(name: string): string {
  return /^(?!URL)[AEIOU]/.test(name) ? 'an' : 'a'
}
