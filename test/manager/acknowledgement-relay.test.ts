import { describe, expect, test } from 'vitest'
import { hear, line, relayed } from '../support/relays.js'

const never = (): Promise<never> => new Promise(() => {})

describe('messages with ack that go through other nodes', () => {
  test('end when their receiver is down, if that is asked for: what was sent with an unknown outcome', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    c.register('slow', never)
    const sent = a.forwardMessage('c', 'slow', 1, { ...relayed, ack: { when: 'handled', onDown: 'reject' } })
    const failure = cluster.failure(sent)
    await cluster.pass(500)
    await cluster.settle(c.stop())
    expect(await failure).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME' })
    expect(a.isConnected('c')).toBe(false)
  })

  test.each([
    ['handled', { when: 'handled' }],
    ['given to a handler in its turn', true],
  ] as const)(
    'are acknowledged when their way was lost meanwhile, and nothing else is sent: %s',
    async (_when, ack) => {
      const { cluster, row } = await line(3)
      const [a, , c] = row
      hear(c)
      let end = (): void => {}
      let given = 0
      c.register(
        'slow',
        () => {
          given++
          return new Promise<void>(resolve => {
            end = resolve
          })
        },
        { concurrency: 1 },
      )
      const options = { ...relayed, ack }
      // For whoever acknowledges a message when its handler is given it, one that waits for its turn is open.
      const sent = a.forwardMessage('c', 'slow', 1, options)
      const second = a.forwardMessage('c', 'slow', 2, options)
      let settled = 0
      for (const one of [sent, second]) one.then(() => settled++, never)
      await cluster.until(() => given === 1)
      // Long enough for c to forget that it was connected with a.
      cluster.split('b', 'c')
      cluster.sever('b', 'c')
      await cluster.pass(10_000)
      cluster.heal()
      await cluster.pass(20_000)
      end()
      await cluster.until(() => given === 2, 1_000)
      end()
      await cluster.until(() => settled === 2, 1_000)
      expect(given).toBe(2)
    },
  )
})
