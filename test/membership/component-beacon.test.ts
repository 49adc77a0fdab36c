import { describe, expect, test } from 'vitest'
import type { NodeSpec } from '../../src/core/node.js'
import { ComponentBeacon } from '../../src/membership/component-beacon.js'
import { parseHyParViewMessage } from '../../src/membership/hyparview-messages.js'

const beat = 10_000

function beacon(name: string, incarnation: number): ComponentBeacon {
  const started = new ComponentBeacon(beat)
  started.start({ name, incarnation } as NodeSpec, 0)
  return started
}

describe('the count of a root', () => {
  test.each([2 ** 48, 2 ** 48 - 1, 2 ** 48 - 2])('that somebody set to %i can still be read, and be followed', last => {
    const root = beacon('a', 5)
    const other = beacon('b', 7)
    const poison = { ...root.mark, sequence: last }
    other.hear(poison, 1)
    root.hear(other.mark, 2)
    expect(root.mark.sequence).toBe(last)
    for (let count = 1; count <= 6; count++) {
      const now = count * beat
      root.tick(now)
      other.tick(now)
      expect(parseHyParViewMessage({ type: 'confirm', component: root.mark })).toBeDefined()
      other.hear(root.mark, now + 1)
      root.hear(other.mark, now + 2)
    }
    expect(root.isRoot).toBe(true)
    expect(other.mark).toEqual(root.mark)
    expect(other.isSilent(6 * beat + 2)).toBe(false)
  })
})
