import { isUtf8 } from 'node:buffer'
import { invariant } from '../core/invariant.js'
import { readShortAscii, readUtf8 } from './utf8.js'
import { areKeysColliding } from './value-collisions.js'
import { defaultValueLimits, type ValueLimits } from './value-encoder.js'
import { rootKey } from './value-keys.js'
import { arrayKindByTag, bigIntBytesMax, swapToLittleEndian, tinyBytes, tinyMax, valueTags } from './value-tags.js'
import { isWorthAView, sharedView } from './value-views.js'

/** What a peer sent is not a value that we accept. `message` says what it is and at which offset of the bytes. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/** So many keys may be new at once; decoding earns back one for each 64 bytes. */
const noveltiesMax = 256

// The value in hand. Decoding is synchronous and runs no code of others, so there is only ever one.
const nothing = new Uint8Array(0)
let source: Uint8Array = nothing
// Made for the first float: most small values have none.
let view: DataView | undefined
let position = 0
let limit = 0
let itemsLeft = 0
let tinyLeft = 0
let novelties = noveltiesMax

/**
 * The value whose CBOR is exactly `start..end` of `bytes`. Throws {@link MalformedError}, and nothing else, for what
 * is not well-formed or goes beyond the limits. A depth of some thousands would exhaust the stack.
 *
 * A byte string that is large for the chunk it came in (1 KiB, and a 64th of the buffer) is a view of `bytes`, which
 * must not be written to afterwards; any other is a copy, so that a small value does not keep a large chunk alive.
 *
 * Stricter than RFC 8949: definite lengths, no 64-bit integers beyond 2^53 - 1, the tags of `value-tags.ts` on what
 * they are for, string keys in objects, no key twice, valid UTF-8, and nothing after the value. Wider heads than
 * needed and floats of any size are accepted.
 */
export function decodeValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: ValueLimits = defaultValueLimits,
): unknown {
  invariant(start >= 0 && end <= bytes.length, 'a value lies within its bytes')
  source = bytes
  position = start
  limit = end
  // Every item takes a byte: so nothing is allocated for items that cannot come, however they are nested.
  itemsLeft = Math.min(limits.items, end - start)
  tinyLeft = tinyMax
  novelties = Math.min(noveltiesMax, novelties + ((end - start) >> 6))
  try {
    const value = readValue(limits.depth)
    if (position !== end) throw malformed('bytes after the value')
    return value
  } finally {
    source = nothing
    view = undefined
  }
}

function readValue(depth: number): unknown {
  if (position >= limit) throw malformed('an end in the middle of a value')
  const initial = source[position++] as number
  if (initial < 24) return initial
  const low = initial & 0x1f
  switch (initial >> 5) {
    case 0:
      return readArgument(low)
    case 1:
      return -1 - (low < 24 ? low : readArgument(low))
    case 2:
      return readBytes(readLength(low))
    case 3:
      return readText(readLength(low))
    case 4:
      return readArray(readLength(low), depth)
    case 5:
      return readRecord(readLength(low), depth)
    case 6:
      return readTagged(readArgument(low), depth)
    default:
      return readSimple(low)
  }
}

/** The argument of an initial byte. Wider encodings than needed are accepted: they cost us nothing. */
function readArgument(low: number): number {
  if (low < 24) return low
  if (low > 27) throw malformed(low === 31 ? 'an indefinite length' : 'a reserved initial byte')
  const start = position
  const bytes = 1 << (low - 24)
  if (limit - start < bytes) throw malformed('an end in the middle of a head')
  position = start + bytes
  if (low === 24) return source[start] as number
  if (low === 25) return ((source[start] as number) << 8) | (source[start + 1] as number)
  const argument = low === 26 ? uint32At(start) : uint32At(start) * 0x1_0000_0000 + uint32At(start + 4)
  if (argument > Number.MAX_SAFE_INTEGER) throw malformed('an integer beyond 2^53 - 1 that is not a bigint')
  return argument
}

function uint32At(at: number): number {
  const high = ((source[at] as number) << 8) | (source[at + 1] as number)
  const low = ((source[at + 2] as number) << 8) | (source[at + 3] as number)
  return ((high << 16) | low) >>> 0
}

/** The length of what follows: never more than the bytes there are, so that nothing is allocated for a lie. */
function readLength(low: number): number {
  const length = low < 24 ? low : readArgument(low)
  if (length > limit - position) throw malformed('a length beyond the end')
  return length
}

function readText(length: number): string {
  const start = position
  position = start + length
  if (length <= 16) {
    const text = readShortAscii(source, start, length)
    if (text !== undefined) return text
  }
  const text = readUtf8(source, start, position)
  // Only text that has U+FFFD itself pays for a second look.
  if (text.includes('\ufffd') && !isUtf8(source.subarray(start, position)))
    throw malformed('a string that is not UTF-8')
  return text
}

function readBytes(length: number): Uint8Array {
  const start = position
  position = start + length
  if (length < tinyBytes) spendTiny()
  if (isWorthAView(source, length)) return sharedView(source, start, position)
  const copy = new Uint8Array(length)
  if (length <= 32) for (let index = 0; index < length; index++) copy[index] = source[start + index] as number
  else copy.set(source.subarray(start, position))
  return copy
}

function readArray(length: number, depth: number): unknown[] {
  if (depth === 0) throw malformed('a value nested too deep')
  spend(length)
  const array = arrayOf(length)
  for (let index = 0; index < length; index++) array[index] = readValue(depth - 1)
  return array
}

/**
 * Room for exactly `length`: an array that grows takes seventeen times what one item needs, which nesting multiplies.
 */
function arrayOf(length: number): unknown[] {
  // oxlint-disable-next-line unicorn/no-new-array -- a literal cannot be given its capacity
  return new Array<unknown>(length)
}

function readRecord(size: number, depth: number): Record<string, unknown> {
  enterMap(size, depth)
  let record: Record<string, unknown> = {}
  let node = rootKey
  for (let index = 0; index < size; index++) {
    const next = node.next
    let known = next?.matches(source, position, limit) ? next : node.child(source, position, limit)
    if (known !== undefined) {
      position += known.bytes.length
    } else {
      const start = position
      const key = readKey()
      if (index > 0 && Object.hasOwn(record, key)) throw malformed('a key that comes twice')
      if (isArrayIndex(key)) {
        record[key] = readValue(depth - 1)
        continue
      }
      if (novelties > 0) known = node.remember(key, source, start, position)
      if (known === undefined) return readUnknownRecord(record, key, size - index, depth)
      novelties--
    }
    node = known
    const value = readValue(depth - 1)
    // A literal makes it the object's own, where assignment might call a setter (`__proto__`) or fail on a frozen
    // property.
    if (known.inherited) record = { ...record, [known.key]: value }
    else record[known.key] = value
  }
  return record
}

/** Index keys are elements to the engine and cost no hidden class; a shape of them would hardly come again. */
function isArrayIndex(key: string): boolean {
  if (key.length > 10 || key.length === 0) return false
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index)
    if (code < 0x30 || code > 0x39) return false
  }
  // With a leading zero, or above 2^32 - 2, it would be a name after all.
  return key === '0' || (key.charCodeAt(0) !== 0x30 && Number(key) < 0xffff_ffff)
}

/**
 * The last `size` entries, the first key of which has been read, of an object of a new shape, when too many were new of
 * late: each key costs the engine a hidden class (a microsecond, and memory that outlives the object), so a peer that
 * invents keys gets objects without one.
 */
function readUnknownRecord(
  known: Record<string, unknown>,
  firstKey: string,
  size: number,
  depth: number,
): Record<string, unknown> {
  // Without a prototype there is nothing yet to get in the way of any key.
  const record = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(known)) record[key] = known[key]
  record[firstKey] = readValue(depth - 1)
  for (let index = 1; index < size; index++) {
    const key = readKey()
    if (Object.hasOwn(record, key)) throw malformed('a key that comes twice')
    record[key] = readValue(depth - 1)
  }
  return Object.setPrototypeOf(record, Object.prototype) as Record<string, unknown>
}

function readKey(): string {
  if (position >= limit) throw malformed('an end in the middle of an object')
  const initial = source[position++] as number
  if (initial >> 5 !== 3) throw malformed('an object key that is not a string')
  return readText(readLength(initial & 0x1f))
}

function readTagged(tag: number, depth: number): unknown {
  if (position >= limit) throw malformed('an end in the middle of a tag')
  const initial = source[position] as number
  const major = initial >> 5
  switch (tag) {
    case valueTags.date:
      return readDate(major, depth)
    case valueTags.positiveBigInt:
      return readBigInt(major)
    case valueTags.negativeBigInt:
      return -1n - readBigInt(major)
    case valueTags.set:
      return readSet(major, depth)
    case valueTags.map:
      return readMap(major, depth)
    default:
      return readTypedArray(tag, major)
  }
}

function readDate(major: number, depth: number): Date {
  if (major !== 0 && major !== 1 && major !== 7) throw malformed('a date that is not a number')
  const content = readValue(depth)
  const seconds = typeof content === 'number' ? content : Number.NaN
  // In two parts, or the product would be off by a millisecond some 140,000 years from now.
  const whole = Math.trunc(seconds)
  const date = new Date(whole * 1000 + Math.round((seconds - whole) * 1000))
  if (Number.isNaN(date.getTime())) throw malformed('a date that is none')
  return date
}

function readBigInt(major: number): bigint {
  const length = tagContent(major, 2)
  if (length > bigIntBytesMax) throw malformed('a bigint that is too long')
  const end = position + length
  const limbs = sourceView()
  let magnitude = 0n
  for (; (end - position) % 8 !== 0; position++) magnitude = (magnitude << 8n) | BigInt(source[position] as number)
  for (; position < end; position += 8) magnitude = (magnitude << 64n) | limbs.getBigUint64(position)
  return magnitude
}

function readSet(major: number, depth: number): Set<unknown> {
  const size = tagContent(major, 4)
  const items = readArray(size, depth)
  if (areKeysColliding(items)) throw malformed('a Set with items chosen to collide')
  const set = new Set(items)
  if (set.size !== size) throw malformed('a Set with an item that comes twice')
  return set
}

function readMap(major: number, depth: number): Map<unknown, unknown> {
  const size = tagContent(major, 5)
  enterMap(size, depth)
  const keys = arrayOf(size)
  const values = arrayOf(size)
  for (let index = 0; index < size; index++) {
    keys[index] = readValue(depth - 1)
    values[index] = readValue(depth - 1)
  }
  if (areKeysColliding(keys)) throw malformed('a Map with keys chosen to collide')
  const map = new Map<unknown, unknown>()
  for (let index = 0; index < size; index++) map.set(keys[index], values[index])
  if (map.size !== size) throw malformed('a key that comes twice')
  return map
}

/** The bytes after a tag, copied: where they are they need not be aligned. */
function readTypedArray(tag: number, major: number): unknown {
  const kind = arrayKindByTag.get(tag)
  if (kind === undefined) throw malformed(`a tag that is not allowed, ${tag},`)
  const length = tagContent(major, 2)
  if (length % kind.elementBytes !== 0) throw malformed('a typed array with a part of an element')
  if (length < tinyBytes) spendTiny()
  const array = kind.make(length / kind.elementBytes)
  const bytes = new Uint8Array(array.buffer)
  bytes.set(source.subarray(position, position + length))
  position += length
  swapToLittleEndian(bytes, kind.elementBytes)
  return array
}

/** The length of what a tag is about, which must be of one major type. */
function tagContent(major: number, expected: number): number {
  if (major !== expected) throw malformed('a tag on something else than it is for')
  return readLength((source[position++] as number) & 0x1f)
}

function readSimple(low: number): unknown {
  switch (low) {
    case 20:
      return false
    case 21:
      return true
    case 22:
      return null
    case 23:
      return undefined
    case 25:
      return readFloat16()
    case 26:
      return readFloat32()
    case 27:
      return readFloat64()
    default:
      throw malformed('a simple value that is not allowed')
  }
}

function readFloat64(): number {
  const start = position
  if (limit - start < 8) throw malformed('an end in the middle of a number')
  position = start + 8
  return sourceView().getFloat64(start)
}

function readFloat32(): number {
  const start = position
  if (limit - start < 4) throw malformed('an end in the middle of a number')
  position = start + 4
  return sourceView().getFloat32(start)
}

function sourceView(): DataView {
  view ??= new DataView(source.buffer, source.byteOffset, source.byteLength)
  return view
}

function readFloat16(): number {
  const start = position
  if (limit - start < 2) throw malformed('an end in the middle of a number')
  position = start + 2
  const half = ((source[start] as number) << 8) | (source[start + 1] as number)
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  // 2^(exponent - 15) as a quotient of two powers that fit in 32 bits.
  return (sign * (1024 + fraction) * ((2 << exponent) >>> 0)) / 0x400_0000
}

function enterMap(size: number, depth: number): void {
  if (depth === 0) throw malformed('a value nested too deep')
  if (2 * size > limit - position) throw malformed('a length beyond the end')
  spend(2 * size)
}

function spend(items: number): void {
  itemsLeft -= items
  if (itemsLeft < 0) throw malformed('more items than one value may have')
}

function spendTiny(): void {
  if (tinyLeft-- === 0) throw malformed('too many tiny byte strings')
}

function malformed(what: string): MalformedError {
  return new MalformedError(`${what} at byte ${position}`)
}
