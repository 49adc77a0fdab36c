import { InvalidOptionError } from '../core/errors.js'
import { fnv1a32 } from '../core/fnv.js'
import { addressBytes, addressText, masked } from './zeek-address.js'

/** A key of one of Zeek's types, as the bytes that Zeek hashes. Made by {@link zeekKey}. */
export class ZeekKey {
  readonly bytes: Uint8Array

  /** @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/**
 * What work is distributed by: a text (its UTF-8), bytes, or one of {@link zeekKey}. No bare number: Zeek hashes its
 * numbers with their types.
 */
export type PoolKey = string | Uint8Array | ZeekKey

/** The hash of a key, from 0 to 2^32 - 1: FNV-1a over its bytes, in both hashes of pools. */
export function digestOf(key: PoolKey): number {
  if (typeof key === 'string') return fnv1a32(key)
  if (key instanceof Uint8Array) return fnv1a32(key)
  if (key instanceof ZeekKey) return fnv1a32(key.bytes)
  throw new InvalidOptionError('key', 'a text, bytes, or a typed key such as zeekKey.count(1)', key)
}

/** The numbers of Zeek's types: of `TypeTag` in its `Type.h`, since 4.1. */
const tags = { bool: 1, int: 2, count: 3, double: 4, time: 5, enum: 9, port: 10, addr: 11, subnet: 12 } as const

const utf8 = new TextEncoder()

/**
 * Keys of Zeek's types, as Zeek 7.1 hashes them: a type's number, then the value, little-endian. A text needs none of
 * these: a string is its own bytes. Not here are records and tables, whose bytes depend on their declarations.
 */
export const zeekKey = {
  /** A `count`: from 0 to 2^64 - 1. */
  count: (value: number | bigint): ZeekKey => integer('count', value, 0n, 2n ** 64n),
  /** An `int`: from -2^63 to 2^63 - 1. */
  int: (value: number | bigint): ZeekKey => integer('int', value, -(2n ** 63n), 2n ** 63n),
  /** A `bool`. */
  bool: (value: boolean): ZeekKey => {
    if (typeof value !== 'boolean') throw new InvalidOptionError('zeekKey.bool', 'a boolean', value)
    return integer('bool', value ? 1 : 0, 0n, 2n)
  },
  /** A `double`. */
  double: (value: number): ZeekKey => real('double', value),
  /** A `time`: seconds of the epoch. */
  time: (value: number): ZeekKey => real('time', value),
  /** An `addr`: an IPv4 or IPv6 address, in any spelling. */
  addr: (text: string): ZeekKey => {
    const bytes = typeof text === 'string' ? addressBytes(text) : undefined
    if (bytes === undefined) throw new InvalidOptionError('zeekKey.addr', 'an IPv4 or IPv6 address', text)
    return typed('addr', terminated(addressText(bytes)))
  },
  /** A `subnet`, such as `10.0.0.0/8`. What lies beyond its length does not count. */
  subnet: (text: string): ZeekKey => {
    const [, prefix = '', digits = ''] = typeof text === 'string' ? (/^(.*)\/(\d{1,3})$/.exec(text) ?? []) : []
    const bytes = addressBytes(prefix)
    const length = Number(digits)
    if (bytes === undefined || length > bytes.length * 8) {
      throw new InvalidOptionError('zeekKey.subnet', 'an address and its length, as in 10.0.0.0/8', text)
    }
    return typed('subnet', terminated(`${addressText(masked(bytes, length))}/${length}`))
  },
  /** A `port`: its number, and `tcp`, `udp`, `icmp` or `unknown`. */
  port: (number: number, protocol: 'tcp' | 'udp' | 'icmp' | 'unknown'): ZeekKey => {
    if (!['tcp', 'udp', 'icmp', 'unknown'].includes(protocol)) {
      throw new InvalidOptionError('zeekKey.port', `'tcp', 'udp', 'icmp' or 'unknown'`, protocol)
    }
    if (!(Number.isInteger(number) && number >= 0 && number <= 65_535)) {
      throw new InvalidOptionError('zeekKey.port', 'a number from 0 to 65,535', number)
    }
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, number, true)
    return typed('port', joined(bytes, terminated('/'), utf8.encode(protocol)))
  },
  /** A value of an `enum`, both by their full names: `('Notice::Type', 'Weird::Activity')`. */
  enum: (type: string, value: string): ZeekKey => typed('enum', joined(utf8.encode(type), terminated(value))),
} as const

function integer(type: 'bool' | 'int' | 'count', value: number | bigint, least: bigint, over: bigint): ZeekKey {
  // The number may be another than was written.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new InvalidOptionError(`zeekKey.${type}`, `a bigint beyond 2^53 - 1, such as ${2n ** 53n}n`, value)
  }
  const isWhole = typeof value === 'bigint' || Number.isInteger(value)
  const whole = isWhole ? BigInt(value) : over
  if (whole < least || whole >= over) {
    throw new InvalidOptionError(`zeekKey.${type}`, `a whole number from ${least} to ${over - 1n}`, value)
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, whole), true)
  return typed(type, bytes)
}

function real(type: 'double' | 'time', value: number): ZeekKey {
  if (typeof value !== 'number') throw new InvalidOptionError(`zeekKey.${type}`, 'a number', value)
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return typed(type, bytes)
}

function typed(type: keyof typeof tags, value: Uint8Array): ZeekKey {
  const tag = new Uint8Array(4)
  new DataView(tag.buffer).setUint32(0, tags[type], true)
  return new ZeekKey(joined(tag, value))
}

function terminated(text: string): Uint8Array {
  return utf8.encode(`${text}\0`)
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
