import { type Random, sample } from '../../core/random.js'

/** What a peer may send in the place of a message: whatever the codec carries. */
export const hostileValues: readonly unknown[] = [
  ...[undefined, null, true, false, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 12n],
  ...['', 'x', 'join', 'hello', '__proto__', '\ud800', 'x'.repeat(10_000)],
  ...[[], [[]], [undefined], [null], ['join'], Array.from({ length: 10_000 }, (_, index) => index)],
  ...[{}, { type: undefined }, { type: null }, { type: 'toString' }, { type: '__proto__' }, { type: {} }],
  ...[new Map(), new Map([['type', 'join']]), new Set(['type']), new Date(0), new Date(Number.NaN), new Uint8Array(9)],
  ...[Object.create(null) as object, { entries: [] }, { type: 'nonsense', entries: 'none' }, { length: 5 }, nested(50)],
]

/** What a peer may send in the place of a message of its own: a part of it is missing, another, or there twice. */
export function mutated(value: unknown, random: Random): unknown {
  if (random.next() < 0.15) return sample(random, hostileValues, 1)[0]
  if (Array.isArray(value)) return mutatedArray(value, random)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return mutatedRecord(value as Record<string, unknown>, random)
  }
  if (typeof value === 'number') return [value + 1, -value - 1, value * 1.5, 0, String(value)][pick(random, 5)]
  if (typeof value === 'string') return [`${value}x`, '', value.slice(1), value.length, '*'][pick(random, 5)]
  if (typeof value === 'boolean') return !value
  return sample(random, hostileValues, 1)[0]
}

function mutatedArray(items: readonly unknown[], random: Random): unknown[] {
  const at = pick(random, items.length + 1)
  const roll = random.next()
  if (roll < 0.2) return items.filter((_, index) => index !== at)
  if (roll < 0.4) return [...items, ...items]
  if (roll < 0.5) return [...items, sample(random, hostileValues, 1)[0]]
  return items.map((item, index) => (index === at ? mutated(item, random) : item))
}

function mutatedRecord(record: Readonly<Record<string, unknown>>, random: Random): Record<string, unknown> {
  const keys = Object.keys(record)
  const key = keys[pick(random, keys.length)]
  if (key === undefined || random.next() < 0.1) return { ...record, more: sample(random, hostileValues, 1)[0] }
  const { [key]: taken, ...rest } = record
  return random.next() < 0.2 ? rest : { ...rest, [key]: mutated(taken, random) }
}

function pick(random: Random, count: number): number {
  return Math.floor(random.next() * count)
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { entries: value }
  return value
}
