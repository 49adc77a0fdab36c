import { isName } from '../core/name.js'
import { isIncarnation, type Life, type NodeName, nodeNameBytesMax } from '../core/node.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'

/** The name of a causal label: so many bytes of UTF-8 at most. */
export const causalLabelBytesMax = 64
/** The largest `causal` field of a message. */
export const causalBytesMax = 24_576

/** What a message of a causal label says of itself. */
export interface CausalField {
  readonly label: string
  /** Its number among the messages of the label from its sender's life to its receiver's. */
  readonly number: number
  /** What was sent before it, by whom to whom, up to which number, and how many seconds ago at least. */
  readonly dependencies: readonly {
    readonly from: Life
    readonly to: Life
    readonly number: number
    readonly age: number
  }[]
}

/** Asks what of a label may still come. */
export interface CausalQuery {
  readonly round: number
  readonly label: string
}

/** The answer, on one of several lanes: behind it on this lane comes nothing of the label below `floor`. */
export interface CausalFloor extends CausalQuery {
  /** On so many lanes it is answered. */
  readonly lanes: number
  readonly floor: number
  /** The last number that was given. */
  readonly last: number
}

/** The field of a message: see docs/protocol.md. Lives are named once, and referred to by their place. */
export function encodeCausalField({ label, number, dependencies }: CausalField): Uint8Array {
  const lives = new Map<string, { readonly life: Life; readonly place: number }>()
  const placeOf = (life: Life): number => {
    const key = `${life.incarnation}\n${life.name}`
    const known = lives.get(key)
    if (known !== undefined) return known.place
    const place = lives.size
    lives.set(key, { life, place })
    return place
  }
  const places = dependencies.map(({ from, to }) => [placeOf(from), placeOf(to)] as const)
  const writer = new ByteWriter(64)
  writer.string(label)
  writer.varint(number)
  writer.varint(lives.size)
  for (const { life } of lives.values()) {
    writer.string(life.name)
    writer.varint(life.incarnation)
  }
  writer.varint(dependencies.length)
  for (const [index, dependency] of dependencies.entries()) {
    const [from, to] = places[index] as readonly [number, number]
    writer.varint(from)
    writer.varint(to)
    writer.varint(dependency.number)
    writer.varint(dependency.age)
  }
  return writer.take()
}

/** Undefined: it is none. */
export function parseCausalField(bytes: Uint8Array): CausalField | undefined {
  if (bytes.length > causalBytesMax) return undefined
  const reader = new ByteReader(bytes)
  const label = reader.string(causalLabelBytesMax)
  const number = reader.varint()
  const lives: Life[] = []
  // Each takes at least three bytes, so a count that lies costs nothing.
  for (let count = reader.varint(); count > 0 && reader.ok; count--) {
    const name = reader.string(nodeNameBytesMax) as NodeName
    const incarnation = reader.varint()
    if (!isName(name, nodeNameBytesMax) || !isIncarnation(incarnation)) return undefined
    lives.push({ name, incarnation })
  }
  const dependencies: CausalField['dependencies'][number][] = []
  for (let count = reader.varint(); count > 0 && reader.ok; count--) {
    const from = lives[reader.varint()]
    const to = lives[reader.varint()]
    const upTo = reader.varint()
    const age = reader.varint()
    if (from === undefined || to === undefined || upTo < 1) return undefined
    dependencies.push({ from, to, number: upTo, age })
  }
  if (!reader.ok || reader.remaining > 0 || number < 1 || !isName(label, causalLabelBytesMax)) return undefined
  return { label, number, dependencies }
}

export function encodeCausalQuery({ round, label }: CausalQuery): Uint8Array {
  const writer = new ByteWriter(16)
  writer.varint(round)
  writer.string(label)
  return writer.take()
}

/** Undefined: it is none. */
export function parseCausalQuery(reader: ByteReader): CausalQuery | undefined {
  const round = reader.varint()
  const label = reader.string(causalLabelBytesMax)
  return reader.ok ? { round, label } : undefined
}

export function encodeCausalFloor({ round, label, lanes, floor, last }: CausalFloor): Uint8Array {
  const writer = new ByteWriter(16)
  writer.varint(round)
  writer.string(label)
  writer.varint(lanes)
  writer.varint(floor)
  writer.varint(last)
  return writer.take()
}

/** Undefined: it is none. */
export function parseCausalFloor(reader: ByteReader): CausalFloor | undefined {
  const query = parseCausalQuery(reader)
  const lanes = reader.varint()
  const floor = reader.varint()
  const last = reader.varint()
  if (query === undefined || !reader.ok || lanes < 1 || floor < 1 || floor > last + 1) return undefined
  return { ...query, lanes, floor, last }
}
