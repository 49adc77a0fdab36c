import { describe, expect, test } from 'vitest'
import { strategyCases } from '../../src/testing/testing.js'
import { guideOverlay } from '../support/guide-overlay.js'

/** What each case of the suite that begins so says of the overlay of the guide with a mistake in it. */
async function verdicts(find: string, replace: string, beginning: string): Promise<string[]> {
  const Mistaken = await guideOverlay(find, replace)
  return strategyCases
    .filter(({ name }) => name.startsWith(beginning))
    .flatMap(({ name, run }) => {
      try {
        run({ machine: () => new Mistaken(), idleMessages: 4 })
        return []
      } catch (error) {
        return [`${name}: ${(error as Error).message}`]
      }
    })
}

describe('the suite of strategies finds an overlay', () => {
  test('that claims more than its members list each other', async () => {
    const [first, ...others] = await verdicts(`['full-membership']`, `['full-membership', 'relay']`, 'it ')
    expect(first).toMatch(/^it claims what it can do, and nothing else: /)
    expect(others).toEqual([])
  })

  test('whose machines answer each other without end', async () => {
    const [first] = await verdicts('later <= 0', 'later === 0', 'whatever happens to a cluster, it does not throw')
    expect(first).toMatch(/: messages without end: \d+ messages and \d+ events in \d+ ms$/)
  })

  test('whose timers follow each other at one time', async () => {
    const [first] = await verdicts(`timer: 'tell', after: 1_000 })\n `, `timer: 'tell', after: 0 })\n `, 'an idle')
    expect(first).toMatch(/: messages without end: /)
  })

  test.each([
    ['an earlier life of a member', `if (peer.incarnation < spec.incarnation)`, `if (peer.incarnation < -1)`],
    ['a life that was removed', `return left && peer.incarnation === spec.incarnation`, `return left && !left`],
  ])('that admits %s', async (_what, find, replace) => {
    const [first] = await verdicts(find, replace, 'where it knows all')
    expect(first).toMatch(/it refuses earlier lives of theirs as stale.* on /)
  })
})
