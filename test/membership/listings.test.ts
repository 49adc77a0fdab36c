import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { Listings } from '../../src/membership/listings.js'

const names = (...all: string[]): NodeName[] => all as NodeName[]
const [s1, s2] = names('s1', 's2') as [NodeName, NodeName]

describe('what servers list', () => {
  test('keeps whom any of them lists, and doubts the others for a while', () => {
    const listings = new Listings(1_000)
    listings.heard(s1, names('s1', 'x'), true)
    listings.heard(s2, names('s2', 'y'), true)
    expect(listings.unlisted(names('x', 'y', 'z'), 0)).toEqual([])
    expect(listings.unlisted(names('x', 'y', 'z'), 999)).toEqual([])
    expect(listings.unlisted(names('x', 'y', 'z'), 1_000)).toEqual(['z'])
  })

  test('doubts nobody while no server has told anything', () => {
    const listings = new Listings(1_000)
    expect(listings.unlisted(names('x'), 0)).toEqual([])
    listings.heard(s1, names('s1'), true)
    expect(listings.unlisted(names('x'), 500)).toEqual([])
    listings.down(s1)
    expect(listings.unlisted(names('x'), 2_000)).toEqual([])
    // The doubt begins anew.
    listings.heard(s1, names('s1'), true)
    expect(listings.unlisted(names('x'), 2_000)).toEqual([])
    expect(listings.unlisted(names('x'), 2_999)).toEqual([])
    expect(listings.unlisted(names('x'), 3_000)).toEqual(['x'])
  })

  test('ends a doubt when somebody lists the name after all', () => {
    const listings = new Listings(1_000)
    listings.heard(s1, names('s1'), true)
    listings.unlisted(names('x'), 0)
    listings.heard(s1, names('x'), false)
    expect(listings.unlisted(names('x'), 5_000)).toEqual([])
    listings.asked(s1)
    listings.heard(s1, names('s1'), true)
    expect(listings.unlisted(names('x'), 5_500)).toEqual([])
    expect(listings.unlisted(names('x'), 6_500)).toEqual(['x'])
  })

  test('is, of a server, all parts of its last answer, and what it told since', () => {
    const listings = new Listings(0)
    const all = names('a', 'b', 'c', 'd')
    listings.asked(s1)
    listings.heard(s1, names('a'), false)
    listings.heard(s1, names('b'), true)
    expect(listings.unlisted(all, 0)).toEqual(['c', 'd'])
    listings.heard(s1, names('c'), false)
    expect(listings.unlisted(all, 0)).toEqual(['d'])
    listings.asked(s1)
    listings.heard(s1, names('b', 'd'), true)
    expect(listings.unlisted(all, 0)).toEqual(['a', 'c'])
  })

  test('is forgotten when the server is down, and with the life of the node', () => {
    const listings = new Listings(0)
    listings.heard(s1, names('a'), true)
    listings.heard(s2, names('b'), true)
    listings.down(s1)
    expect(listings.unlisted(names('a', 'b'), 0)).toEqual(['a'])
    listings.clear()
    expect(listings.unlisted(names('a', 'b'), 0)).toEqual([])
    // Of an answer that had begun nothing is left either.
    listings.heard(s1, names('a'), false)
    listings.clear()
    listings.heard(s1, names('b'), true)
    expect(listings.unlisted(names('a', 'b'), 0)).toEqual(['a'])
  })
})
