import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/index.js'
import { Turns } from '../../src/manager/turns.js'

describe('turns', () => {
  test('pass over who has given up', async () => {
    const turns = new Turns(1, new SeededRandom(1))
    const { signal } = new AbortController()
    const end = await turns.take(signal)
    const given = new AbortController()
    const givenUp = Array.from({ length: 5 }, () => turns.take(given.signal))
    const last = turns.take(signal)
    given.abort(new Error('enough'))
    for (const one of givenUp) await expect(one).rejects.toThrow('enough')
    end()
    const endLast = await last
    endLast()
    // Nobody waits: it is free again, once.
    await turns.take(signal)
    const next = turns.take(signal)
    expect(await Promise.race([next.then(() => 'taken'), Promise.resolve('waits')])).toBe('waits')
  })

  test('are not for who has given up before', async () => {
    const turns = new Turns(1, new SeededRandom(1))
    await expect(turns.take(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    await turns.take(new AbortController().signal)
  })
})
