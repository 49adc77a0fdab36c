import { describe, expect, test } from 'vitest'
import { NoSuchServerError, UnknownOutcomeError } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { endOf } from '../support/hearing.js'

describe('an iterator of messages', () => {
  test.each(['b', 'a'])(
    'that ends refuses the requests it has not taken: of those it has, nobody knows: %s',
    async at => {
      const cluster = new Cluster()
      const [a, b] = await cluster.pair()
      const orders = (at === 'b' ? b : a).receive('orders')
      const asked = [1, 2, 3].map(id => cluster.failure(a.request(at, 'orders', id)))
      await cluster.settle(orders.next())
      await cluster.turn()
      const waiting = b.receive('other').next()
      // As a loop does whose body throws.
      await orders[Symbol.asyncDispose]()
      const [taken, ...others] = await Promise.all(asked)
      expect(taken).toBeInstanceOf(UnknownOutcomeError)
      expect(taken).toMatchObject({ name: 'UnknownOutcomeError', node: at, outcome: 'unknown' })
      for (const failure of others) expect(failure).toBeInstanceOf(NoSuchServerError)
      expect((await orders.next()).done).toBe(true)
      void waiting
    },
  )

  test('that waits is told of a request at once, whose answer is not known either when it ends', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const orders = b.receive('orders')
    const next = orders.next()
    const asked = cluster.failure(a.request('b', 'orders', 1))
    await cluster.settle(next)
    await orders.return?.()
    expect(await asked).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME', outcome: 'unknown' })
  })

  test.each(['b', 'a'])('is not handed what has passed its deadline before it is taken: %s', async at => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const node = at === 'b' ? b : a
    const orders = node.receive('orders')
    a.castMessage(at, 'orders', 'cast', { timeout: 100 })
    const ends = [
      endOf(a.forwardMessage(at, 'orders', 'acked', { ack: true, timeout: 100 })),
      endOf(a.request(at, 'orders', 'asked', { timeout: 100 })),
    ]
    a.castMessage(at, 'orders', 'in time', { timeout: 300 })
    a.castMessage(at, 'orders', 'any time')
    await cluster.pass(200)
    const before = node.counters().expired
    expect((await orders.next()).value).toMatchObject({ message: 'in time' })
    expect((await orders.next()).value).toMatchObject({ message: 'any time' })
    expect(node.counters().expired - before).toBe(3)
    expect(ends.map(({ end }) => end)).toEqual(['ERR_DEADLINE unknown', 'ERR_DEADLINE unknown'])
  })
})
