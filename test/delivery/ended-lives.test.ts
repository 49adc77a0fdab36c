import { describe, expect, test } from 'vitest'
import type { Incarnation, Life, NodeName } from '../../src/core/node.js'
import { EndedLives, endedLifeMillis } from '../../src/delivery/ended-lives.js'

const life = (incarnation: number, name = 'a'): Life => ({
  name: name as NodeName,
  incarnation: incarnation as Incarnation,
})

describe('the ends of lives', () => {
  test('are those of all lives before them, and each keeps its time', () => {
    const ended = new EndedLives(10)
    expect(ended.add(life(5), 1_000)).toBe(true)
    expect(ended.add(life(5), 2_000)).toBe(false)
    expect(ended.add(life(3), 2_000)).toBe(false)
    expect(ended.add(life(8), 3_000)).toBe(true)
    expect([3, 5, 6, 8, 9].map(incarnation => ended.since(life(incarnation)))).toEqual([
      ...[1_000, 1_000, 3_000, 3_000, undefined],
    ])
  })

  test('of a node that dies again and again grow old all the same, in bounded memory', () => {
    const ended = new EndedLives(10)
    for (let death = 1; death <= 10_000; death++) ended.add(life(death), death * 100)
    const now = 10_000 * 100
    expect(now - (ended.since(life(1)) ?? now)).toBeGreaterThanOrEqual(endedLifeMillis)
    expect(now - (ended.since(life(9_000)) ?? now)).toBeGreaterThanOrEqual(endedLifeMillis)
    const recent = now - (ended.since(life(9_900)) ?? now)
    expect(recent).toBeGreaterThanOrEqual(10_000)
    expect(recent).toBeLessThan(11_100)
    const kept = new Set(Array.from({ length: 10_000 }, (_, index) => ended.since(life(index + 1))))
    expect(kept.size).toBeLessThan(70)
  })

  test('are forgotten of the node that was heard of longest ago', () => {
    const ended = new EndedLives(2)
    for (const [at, name] of ['a', 'b', 'c'].entries()) ended.add(life(1, name), at)
    expect(['a', 'b', 'c'].map(name => ended.since(life(1, name)))).toEqual([undefined, 1, 2])
  })
})
