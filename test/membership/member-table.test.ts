import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeName, NodeSpec } from '../../src/core/node.js'
import type { MemberEntry } from '../../src/membership/full-messages.js'
import { MemberTable, supersedes } from '../../src/membership/member-table.js'

const names = ['ann', 'bob', 'cid'] as const

const attribute = fc.oneof(
  fc.constantFrom(1, '1', 1n, '1n', null, undefined, true, Number.NaN, 0),
  fc.constantFrom(new Uint8Array([1]), new Map([['x', 1]]), [1], { x: 1, y: 2 }, { y: 2, x: 1 }),
)

const entries: fc.Arbitrary<MemberEntry> = fc.record({
  spec: fc.record({
    name: fc.constantFrom(...names),
    incarnation: fc.integer({ min: 0, max: 2 }),
    version: fc.integer({ min: 0, max: 2 }),
    addresses: fc.subarray(['ws://one', 'ws://two']),
    channels: fc.constant({}),
    attributes: fc.record({ hint: attribute }),
  }) as unknown as fc.Arbitrary<NodeSpec>,
  left: fc.boolean(),
})

function entry(name: string, incarnation: number, { left = false, version = 0, type = '' } = {}): MemberEntry {
  const spec: unknown = { name, incarnation, version, addresses: [], channels: {}, attributes: { type } }
  return { spec: spec as NodeSpec, left }
}

function tableOf(all: readonly MemberEntry[], most = 16): MemberTable {
  const table = new MemberTable(most)
  for (const one of all) table.merge(one, 0)
  return table
}

function viewOf(table: MemberTable): unknown[] {
  return names.map(name => {
    const found = table.get(name as NodeName)
    return found && [found.spec, found.left]
  })
}

describe('a member table', () => {
  test('merges in any order', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 6 }), fc.array(entries, { maxLength: 6 }), (ours, theirs) => {
        expect(viewOf(tableOf([...ours, ...theirs]))).toEqual(viewOf(tableOf([...theirs, ...ours])))
      }),
      { numRuns: 1_000 },
    )
  })

  test('merges in any grouping', () => {
    const some = fc.array(entries, { maxLength: 4 })
    const merged = (into: readonly MemberEntry[], from: MemberTable): MemberTable => {
      const table = tableOf(into)
      for (const name of names) {
        const found = from.get(name as NodeName)
        if (found !== undefined) table.merge({ spec: found.spec, left: found.left }, 0)
      }
      return table
    }
    fc.assert(
      fc.property(some, some, some, (first, second, third) => {
        const left = tableOf([...first, ...second])
        for (const one of third) left.merge(one, 0)
        expect(viewOf(left)).toEqual(viewOf(merged(first, tableOf([...second, ...third]))))
      }),
      { numRuns: 1_000 },
    )
  })

  test('merges a view with itself and finds nothing new', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 8 }), all => {
        const table = tableOf(all)
        const before = viewOf(table)
        expect(all.some(one => table.merge(structuredClone(one), 0))).toBe(false)
        expect(viewOf(table)).toEqual(before)
      }),
      { numRuns: 1_000 },
    )
  })

  test('orders what it hears strictly: of two entries of a name at most one supersedes the other', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        fc.pre(one.spec.name === other.spec.name)
        const [forth, back] = [supersedes(one, other), supersedes(other, one)]
        expect(forth && back).toBe(false)
        const { incarnation, version } = one.spec
        if (incarnation !== other.spec.incarnation) expect(forth).toBe(incarnation > other.spec.incarnation)
        else if (one.left !== other.left) expect(forth).toBe(one.left)
        else if (version !== other.spec.version) expect(forth).toBe(version > other.spec.version)
      }),
      { numRuns: 2_000 },
    )
  })

  test('takes a later incarnation over a leave, and a leave over a later version', () => {
    const table = tableOf([entry('ann', 1, { version: 9 }), entry('ann', 1, { left: true })])
    expect(table.isMember('ann' as NodeName)).toBe(false)
    expect(table.merge(entry('ann', 1, { version: 10 }), 0)).toBe(false)
    expect(table.merge(entry('ann', 2), 0)).toBe(true)
    expect(table.isMember('ann' as NodeName)).toBe(true)
  })

  test('chooses between equal marks by their text, whatever the order of the keys', () => {
    const one = entry('ann', 1, { type: 'manager' })
    const other = entry('ann', 1, { type: 'worker' })
    expect(viewOf(tableOf([one, other]))).toEqual(viewOf(tableOf([other, one])))
    fc.assert(
      fc.property(attribute, attribute, (hint, hint2) => {
        const both = [hint, hint2].map(given => ({ ...one, spec: { ...one.spec, attributes: { hint: given } } }))
        expect(viewOf(tableOf(both))).toEqual(viewOf(tableOf(both.reverse())))
      }),
      { numRuns: 1_000 },
    )
    const { spec } = one
    const turned: unknown = Object.fromEntries(Object.entries(spec).reverse())
    expect(tableOf([one]).merge({ spec: turned as NodeSpec, left: false }, 0)).toBe(false)
  })

  test('has the digest of another table exactly when live names, incarnations and versions are the same', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 6 }), fc.array(entries, { maxLength: 6 }), (ours, theirs) => {
        const [one, other] = [tableOf(ours), tableOf(theirs)]
        const same = JSON.stringify(one.marks()) === JSON.stringify(other.marks())
        const digests = [one.digest(), other.digest()]
        expect(JSON.stringify(digests[0]) === JSON.stringify(digests[1])).toBe(same)
      }),
      { numRuns: 2_000 },
    )
  })

  test('has a digest that follows every change', () => {
    const table = tableOf([entry('ann', 1)])
    const digests = [table.digest()]
    table.merge(entry('bob', 1), 0)
    digests.push(table.digest())
    table.merge(entry('bob', 1, { version: 1 }), 0)
    digests.push(table.digest())
    table.merge(entry('bob', 1, { left: true }), 0)
    expect(table.digest()).toEqual(digests[0])
    expect(new Set(digests.map(digest => JSON.stringify(digest))).size).toBe(3)
  })

  test('keeps so many names and takes no further one, but what is newer of those it has', () => {
    const table = tableOf([entry('ann', 1), entry('bob', 1)], 2)
    expect(table.merge(entry('cid', 1), 0)).toBe(false)
    expect(table.merge(entry('bob', 2), 0)).toBe(true)
    expect(table.members().map(({ name }) => name)).toEqual(['ann', 'bob'])
    table.forget('ann' as NodeName)
    expect(table.merge(entry('cid', 1), 0)).toBe(true)
  })

  test('lists members by name, and forgets who left when that is long ago', () => {
    const table = tableOf([entry('cid', 1), entry('ann', 1)])
    table.merge(entry('bob', 1, { left: true }), 1_000)
    expect(table.members().map(({ name }) => name)).toEqual(['ann', 'cid'])
    table.sweep(1_999, 1_000)
    expect(table.get('bob' as NodeName)?.left).toBe(true)
    table.sweep(2_000, 1_000)
    expect(table.get('bob' as NodeName)).toBeUndefined()
    expect(table.isMember('ann' as NodeName)).toBe(true)
  })
})
