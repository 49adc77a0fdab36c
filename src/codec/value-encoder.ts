import { types } from 'node:util'
import type { ByteWriter } from './byte-writer.js'
import { writeBigInt, writeDate, writeHead, writeNumber, writeText } from './value-atoms.js'
import { areKeysColliding, collisionsFrom } from './value-collisions.js'
import { refusalOf, threwWhenRead, UnencodableError } from './value-refusal.js'
import { arrayKindByName, swapToLittleEndian, tinyBytes, tinyMax, valueTags } from './value-tags.js'

// biome-ignore lint/performance/noBarrelFile: who encodes has to catch it
export { UnencodableError } from './value-refusal.js'

/** What a value may cost, the same for both ends of a link. */
export interface ValueLimits {
  /** How many arrays, objects, maps and sets may be nested in each other. */
  readonly depth: number
  /** How many values there may be in all of them together; an entry of an object or a map counts as two. */
  readonly items: number
}

export const defaultValueLimits: ValueLimits = { depth: 64, items: 1_000_000 }

// The value in hand: encoding is synchronous. Only a getter can encode another value meanwhile, which gets its own.
let busy: ByteWriter | undefined
let itemsLeft = 0
let tinyLeft = 0

/**
 * Appends `value` as CBOR. What it writes, `decodeValue` accepts under the same limits.
 *
 * Plain objects, arrays, Map, Set, Date, bigint (up to 512 bits), strings, byte strings, typed arrays and the
 * primitives arrive as what they are, with these exceptions: a hole in an array arrives as undefined, a Buffer or
 * ArrayBuffer as a Uint8Array, an object without a prototype as one with. Symbol keys and `toJSON` are ignored.
 * Everything else throws {@link UnencodableError}, with the writer back where it was.
 */
export function encodeValue(writer: ByteWriter, value: unknown, limits: ValueLimits = defaultValueLimits): void {
  if (writer === busy) throw new UnencodableError('a value with a getter that sends')
  const start = writer.position
  const outer = busy
  const outerItems = itemsLeft
  const outerTiny = tinyLeft
  busy = writer
  itemsLeft = limits.items
  tinyLeft = tinyMax
  try {
    writeValue(writer, value, limits.depth)
  } catch (error) {
    writer.position = start
    throw error instanceof UnencodableError ? error : threwWhenRead(error)
  } finally {
    busy = outer
    itemsLeft = outerItems
    tinyLeft = outerTiny
  }
}

function writeValue(writer: ByteWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value)
    case 'number':
      return writeNumber(writer, value)
    case 'object':
      return value === null ? writer.u8(0xf6) : writeObject(writer, value, depth)
    case 'boolean':
      return writer.u8(value ? 0xf5 : 0xf4)
    case 'undefined':
      return writer.u8(0xf7)
    case 'bigint':
      return writeBigInt(writer, value)
    case 'function':
    case 'symbol':
      throw refusalOf(value)
  }
}

function writeObject(writer: ByteWriter, value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return writeRecord(writer, value, depth)
  if (prototype === Array.prototype) return writeArray(writer, value as unknown[], depth)
  if (prototype === Uint8Array.prototype || prototype === Buffer.prototype)
    return writeBytes(writer, value as Uint8Array)
  return writeRare(writer, value, prototype as object, depth)
}

function writeRecord(writer: ByteWriter, value: object, depth: number): void {
  if (depth === 0) throw tooDeep()
  const record = value as Record<string, unknown>
  // The number of keys is known after the loop; up to 23 of them fit in the byte kept free here.
  writer.ensure(1)
  const head = writer.position++
  let count = 0
  let at = ''
  try {
    for (const key in record) {
      if (!Object.hasOwn(record, key)) continue
      at = key
      count++
      writeText(writer, key)
      writeValue(writer, record[key], depth - 1)
    }
  } catch (error) {
    throw UnencodableError.within(error, keySegment(at))
  }
  spend(2 * count)
  if (count < 24) writer.buffer[head] = 0xa0 | count
  else writeLateHead(writer, head, count)
}

function writeArray(writer: ByteWriter, array: readonly unknown[], depth: number): void {
  if (depth === 0) throw tooDeep()
  const length = array.length
  spend(length)
  writeHead(writer, 0x80, length)
  let index = 0
  try {
    for (; index < length; index++) writeValue(writer, array[index], depth - 1)
  } catch (error) {
    throw UnencodableError.within(error, `[${index}]`)
  }
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length < tinyBytes && tinyLeft-- === 0) {
    throw new UnencodableError(
      `more than ${tinyMax} byte strings of fewer than ${tinyBytes} bytes`,
      'join them into one',
    )
  }
  writeHead(writer, 0x40, bytes.length)
  writer.bytes(bytes)
}

function writeRare(writer: ByteWriter, value: object, prototype: object, depth: number): void {
  // Values of another realm have other prototypes with the same names.
  const name = (prototype as { constructor?: { name?: unknown } }).constructor?.name
  if (Object.getPrototypeOf(prototype) === null && name === 'Object') return writeRecord(writer, value, depth)
  if (name === 'Array' && Array.isArray(value)) return writeArray(writer, value, depth)
  if (name === 'Map' && types.isMap(value)) return writeMap(writer, value, depth)
  if (name === 'Set' && types.isSet(value)) return writeSet(writer, value, depth)
  if (name === 'Date' && types.isDate(value)) return writeDate(writer, value)
  if (types.isUint8Array(value)) return writeBytes(writer, value)
  if (types.isTypedArray(value)) return writeTypedArray(writer, value)
  if (name === 'ArrayBuffer' && types.isArrayBuffer(value)) {
    return writeBytes(writer, new Uint8Array(value))
  }
  throw refusalOf(value)
}

function writeMap(writer: ByteWriter, map: ReadonlyMap<unknown, unknown>, depth: number): void {
  if (depth === 0) throw tooDeep()
  const size = map.size
  spend(2 * size)
  if (size > collisionsFrom && areKeysColliding([...map.keys()])) throw colliding()
  writeHead(writer, 0xc0, valueTags.map)
  writeHead(writer, 0xa0, size)
  let index = 0
  let part = 'key'
  try {
    for (const [key, value] of map) {
      part = 'key'
      writeValue(writer, key, depth - 1)
      part = 'value'
      writeValue(writer, value, depth - 1)
      index++
    }
  } catch (error) {
    throw UnencodableError.within(error, `<${part} ${index}>`)
  }
  if (index !== size) throw new UnencodableError('a Map that changed while it was read')
}

function writeSet(writer: ByteWriter, set: ReadonlySet<unknown>, depth: number): void {
  if (depth === 0) throw tooDeep()
  const size = set.size
  spend(size)
  if (size > collisionsFrom && areKeysColliding([...set])) throw colliding()
  writeHead(writer, 0xc0, valueTags.set)
  writeHead(writer, 0x80, size)
  let index = 0
  try {
    for (const item of set) {
      writeValue(writer, item, depth - 1)
      index++
    }
  } catch (error) {
    throw UnencodableError.within(error, `<item ${index}>`)
  }
  if (index !== size) throw new UnencodableError('a Set that changed while it was read')
}

function writeTypedArray(writer: ByteWriter, array: NodeJS.TypedArray): void {
  const kind = arrayKindByName.get(array[Symbol.toStringTag])
  if (kind === undefined) throw refusalOf(array)
  writeHead(writer, 0xc0, kind.tag)
  writeBytes(writer, new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  const { buffer, position } = writer
  swapToLittleEndian(buffer.subarray(position - array.byteLength, position), kind.elementBytes)
}

/** Puts the head of an object with 24 or more keys where one byte was kept free for it. */
function writeLateHead(writer: ByteWriter, head: number, count: number): void {
  const end = writer.position
  const extra = count < 0x100 ? 1 : count < 0x1_0000 ? 2 : 4
  writer.ensure(extra + 9)
  writer.buffer.copyWithin(head + 1 + extra, head + 1, end)
  // Never into what was moved: the head has exactly the bytes that were made free.
  writer.position = head
  writeHead(writer, 0xa0, count)
  writer.position = end + extra
}

function spend(items: number): void {
  itemsLeft -= items
  if (itemsLeft < 0)
    throw new UnencodableError('more items than one value may have (does it share much, or contain itself?)')
}

function colliding(): UnencodableError {
  return new UnencodableError(
    'numbers as keys that all have one hash, as an attacker would choose them',
    'send an array',
  )
}

function tooDeep(): UnencodableError {
  return new UnencodableError(
    'a value nested too deep',
    'raise limits.depth here and at the peer, if it does not contain itself',
  )
}

function keySegment(key: string): string {
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `.${key}`
  return `[${JSON.stringify(key)}]`
}
