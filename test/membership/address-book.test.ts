import { expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { AddressBook } from '../../src/membership/address-book.js'
import { peerOf } from '../support/hyparview-machine.js'

const most = 20

/** A book that has heard of so many nodes, one after another. */
function book(nodes: number, seed = 1): AddressBook {
  const all = new AddressBook(most, new SeededRandom(seed))
  for (let index = 0; index < nodes; index++) all.note(peerOf(`n${index}`))
  return all
}

test('whoever was heard of is as likely to be there as any other, however early', () => {
  const ages = Array.from({ length: 200 }, (_, seed) => book(400, seed + 1).names()).flat()
  expect(ages).toHaveLength(200 * most)
  const indices = ages.map(name => Number(name.slice(1)))
  // Of each tenth of those that were heard of there are as many, within four standard deviations.
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = indices.filter(index => Math.floor(index / 40) === tenth).length
    expect(Math.abs(count - 400)).toBeLessThan(76)
  }
})

test('that a node is told of again and again does not make it likelier', () => {
  const counts = Array.from({ length: 300 }, (_, seed) => {
    const all = book(200, seed + 1)
    for (let times = 0; times < 50; times++) all.note(peerOf('loud'))
    return Number(all.names().includes('loud' as NodeName))
  })
  expect(counts.reduce((sum, each) => sum + each, 0) / 300).toBeCloseTo(most / 201, 1)
})

test('those that were joined stay, whoever comes', () => {
  const all = new AddressBook(most, new SeededRandom(1))
  all.pin(peerOf('seed'))
  for (let index = 0; index < 500; index++) all.note(peerOf(`n${index}`))
  all.pin(peerOf('late'))
  expect(all.names()).toHaveLength(most)
  expect(all.pinned().map(({ name }) => name)).toEqual(['seed', 'late'])
})

test('half of it is for nodes that do not answer, and these make room for each other', () => {
  const all = book(most)
  const failed = all.names().slice(0, 15)
  for (const name of failed) all.failed(name, 0)
  for (let index = 100; index < 200; index++) all.note(peerOf(`n${index}`))
  expect(all.names()).toHaveLength(most)
  expect(all.names().filter(name => failed.includes(name))).toHaveLength(most / 2)
  expect(all.sound('nobody' as NodeName)).toHaveLength(most / 2)
  for (const name of failed) all.answered(name)
  expect(all.sound('nobody' as NodeName)).toHaveLength(most)
})

test('those are tried first that never failed, and of these whoever was not heard of for longest', () => {
  const all = book(6)
  const any = (): boolean => true
  all.note(peerOf('n0'))
  all.failed('n1' as NodeName, 0)
  expect(all.stalest(3, 100_000, any).map(({ name }) => name)).toEqual(['n2', 'n3', 'n4'])
  expect(all.stalest(9, 100_000, any).map(({ name }) => name)).toEqual(['n2', 'n3', 'n4', 'n5', 'n0', 'n1'])
  expect(all.stalest(9, 1_000, name => name !== 'n3').map(({ name }) => name)).toEqual(['n2', 'n4', 'n5', 'n0'])
  expect(all.stalest(0, 100_000, any)).toEqual([])
})
