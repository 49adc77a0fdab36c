/** The CBOR tags (RFC 8949, RFC 8746 and the IANA registry) that a payload may hold. Nothing else is understood. */
export const valueTags = {
  date: 1,
  positiveBigInt: 2,
  negativeBigInt: 3,
  set: 258,
  map: 259,
} as const

/** The longest magnitude of a bigint: longer ones cost more than linear time. */
export const bigIntBytesMax = 64

/**
 * Byte strings and typed arrays of fewer bytes than this are tiny: the engine takes some 200 bytes for the smallest.
 * So a value may have no more than {@link tinyMax} of them.
 */
export const tinyBytes = 16
export const tinyMax = 4096

/** Typed arrays other than Uint8Array, which is a plain byte string. */
type TaggedArray =
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array

interface TaggedArrayKind {
  readonly name: string
  readonly tag: number
  readonly elementBytes: number
  make(length: number): TaggedArray
}

const kinds: readonly TaggedArrayKind[] = [
  { name: 'Uint8ClampedArray', tag: 68, elementBytes: 1, make: length => new Uint8ClampedArray(length) },
  { name: 'Uint16Array', tag: 69, elementBytes: 2, make: length => new Uint16Array(length) },
  { name: 'Uint32Array', tag: 70, elementBytes: 4, make: length => new Uint32Array(length) },
  { name: 'BigUint64Array', tag: 71, elementBytes: 8, make: length => new BigUint64Array(length) },
  { name: 'Int8Array', tag: 72, elementBytes: 1, make: length => new Int8Array(length) },
  { name: 'Int16Array', tag: 77, elementBytes: 2, make: length => new Int16Array(length) },
  { name: 'Int32Array', tag: 78, elementBytes: 4, make: length => new Int32Array(length) },
  { name: 'BigInt64Array', tag: 79, elementBytes: 8, make: length => new BigInt64Array(length) },
  { name: 'Float32Array', tag: 85, elementBytes: 4, make: length => new Float32Array(length) },
  { name: 'Float64Array', tag: 86, elementBytes: 8, make: length => new Float64Array(length) },
]

/** By the name of the typed array, as `Symbol.toStringTag` gives it: it holds for arrays of other realms too. */
export const arrayKindByName: ReadonlyMap<string, TaggedArrayKind> = new Map(kinds.map(kind => [kind.name, kind]))

/** By the CBOR tag. */
export const arrayKindByTag: ReadonlyMap<number, TaggedArrayKind> = new Map(kinds.map(kind => [kind.tag, kind]))

/** Turns elements from the machine's byte order into the wire's, which is little endian, or back. In place. */
export function swapToLittleEndian(bytes: Uint8Array, elementBytes: number): void {
  if (littleEndian) return
  for (let offset = 0; offset < bytes.length; offset += elementBytes) {
    bytes.subarray(offset, offset + elementBytes).reverse()
  }
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
