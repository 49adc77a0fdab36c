import { isNodeName, type NodeName, type NodeSpec, parseNodeSpec } from '../core/node.js'

/** Whatever is counted on the wire is counted up to here: a greater number is refused. */
export const sequenceMax: number = 2 ** 48
/** What nodes say of themselves in their specs is nested at most so deep. */
const specDepthMax = 16

/** The items of what a peer sent, at most `most`; undefined when one of them is none. */
export function list<Item>(
  value: unknown,
  most: number,
  parse: (item: unknown) => Item | undefined,
): readonly Item[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined
  const items: Item[] = []
  for (const raw of value as unknown[]) {
    const item = parse(raw)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

/** Whether a peer sent a whole number from `least` to `most`. */
export function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

export function parseName(value: unknown): NodeName | undefined {
  return isNodeName(value) ? value : undefined
}

/** A spec that can travel on, however deep it came: what its owner made of it may be anything. */
export function parsePeer(value: unknown): NodeSpec | undefined {
  const spec = parseNodeSpec(value)
  return spec !== undefined && canTravel(spec, specDepthMax) ? spec : undefined
}

function canTravel(value: unknown, depth: number): boolean {
  // It is in every supported version of Node.js, though not yet in the library that this is compiled against.
  if (typeof value === 'string') return (value as string & { isWellFormed(): boolean }).isWellFormed()
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true
  if (value instanceof Date) return !Number.isNaN(value.getTime())
  if (depth === 0) return false
  const parts: Iterable<unknown> = value instanceof Map || value instanceof Set ? value : Object.values(value)
  for (const part of parts) if (!canTravel(part, depth - 1)) return false
  return true
}
