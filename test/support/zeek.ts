import { readFileSync } from 'node:fs'
import {
  createPools,
  type PoolKey,
  type PoolSpec,
  type PoolsOptions,
  type PurePools,
  zeekKey,
} from '../../src/pool/pool.js'

/** A file of vectors. Its shape is what the test that reads it says. */
export function vectors<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(`../vectors/zeek/${name}.json`, import.meta.url), 'utf8')) as Shape
}

/** Names of nodes with Zeek's types. */
export type Layout = Readonly<Record<string, string>>

/** A spec as Zeek has it. */
export interface ZeekSpec {
  readonly topic: string
  readonly node_type: string
  readonly max_nodes?: number
  readonly exclusive?: boolean
}

export function specOf({ topic, node_type, max_nodes, exclusive }: ZeekSpec): PoolSpec {
  return { topic, nodeType: node_type.toLowerCase(), maxNodes: max_nodes, exclusive }
}

/** The pools of a node of that layout, as Zeek would have them. */
export function zeekPools(layout: Layout, self: string, options: PoolsOptions = {}): PurePools {
  const nodes = Object.entries(layout).map(([name, type]) => ({ name, type: type.toLowerCase() }))
  return createPools({ self, nodes, hash: 'zeek-7.1', includeSelf: false, ...options })
}

/** A key as the vectors write it. */
export function keyOf(kind: string, value: unknown): PoolKey {
  const text = String(value)
  if (kind === 'string') return text
  if (kind === 'bytes_hex') return Uint8Array.from(Buffer.from(text, 'hex'))
  if (kind === 'count') return zeekKey.count(BigInt(text))
  if (kind === 'int') return zeekKey.int(BigInt(text))
  if (kind === 'bool') return zeekKey.bool(value === true)
  if (kind === 'double')
    return zeekKey.double(typeof value === 'number' ? value : Buffer.from(text, 'hex').readDoubleBE())
  if (kind === 'addr') return zeekKey.addr(text)
  if (kind === 'subnet') return zeekKey.subnet(text)
  if (kind === 'port') {
    const [number, protocol] = text.split('/')
    return zeekKey.port(Number(number), protocol as 'tcp')
  }
  throw new Error(`no such kind: ${kind}`)
}

/** The bytes that are hashed of a key. */
export function bytesOf(key: PoolKey): Uint8Array {
  if (typeof key === 'string') return new TextEncoder().encode(key)
  return key instanceof Uint8Array ? key : key.bytes
}
