import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'

const first = ({ message }: { readonly message: unknown }): { type: 'delay'; by: number } | { type: 'pass' } =>
  message === 'first' ? { type: 'delay', by: 1_000 } : { type: 'pass' }

describe('a message whose deadline passes where it has arrived is not handed over', () => {
  test('that a fault held back, with an acknowledgement', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    b.interpose(first)
    const late = endOf(a.forwardMessage('b', 'x', 'first', { ack: true, timeout: 500 }))
    const next = a.forwardMessage('b', 'x', 'second', { ack: true })
    await cluster.settle(next)
    await cluster.pass(2_000)
    expect([heard, late.end, b.counters().expired]).toEqual([['second'], 'ERR_DEADLINE unknown', 1])
  })

  test.each([{}, { ack: true }])('that waited for its turn in a causal order: %j', async options => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    b.interpose(first)
    const causal = { causalLabel: 'l', partitionKey: 1 }
    a.castMessage('b', 'x', 'first', causal)
    void a.forwardMessage('b', 'x', 'second', { ...causal, ...options, partitionKey: 2, timeout: 500 }).catch(() => {})
    a.castMessage('b', 'x', 'third', causal)
    await cluster.pass(2_000)
    expect([heard, b.counters().expired]).toEqual([['first', 'third'], 1])
  })
})

describe('a message that has not had its turn when its node stops', () => {
  test.each([{}, { ack: true }])('is not handled in the next life: %j', async options => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const handled: unknown[] = []
    let finish = (): void => {}
    const handler = (message: unknown): Promise<void> => {
      handled.push(message)
      return new Promise(resolve => {
        finish = resolve
      })
    }
    b.register('one', handler, { concurrency: 1 })
    for (const message of [1, 2]) void a.forwardMessage('b', 'one', message, options).catch(() => {})
    void a.request('b', 'one', 3).catch(() => {})
    await cluster.pass(100)
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    finish()
    await cluster.pass(1_000)
    expect(handled).toEqual([1])
    await cluster.settle(b.syncJoin(a.spec))
    void a.forwardMessage('b', 'one', 4).catch(() => {})
    await cluster.pass(100)
    expect(handled).toEqual([1, 4])
  })
})
