import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

const ack = { ack: true }

test.each([100, 2_500, 7_000, 9_000, 12_000, 100_000])(
  'messages with ack that are sent again are what they were, whatever of %d bytes is sent beside them',
  async size => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three')
    const heard = hear(b, 'inbox')
    for (const node of [b, c]) node.register('news', () => {})
    c.register('inbox', () => {})
    const order = (number: number): object => ({ order: String(1_000 + number), account: `DE${9_000 + number}` })
    const news = 'x'.repeat(size)
    cluster.split('a', 'b')
    const sent = [0, 1, 2, 3, 4, 5].map(number => {
      const acknowledged = a.forwardMessage('b', 'inbox', order(number), ack)
      void a.broadcast('news', news)
      void a.forwardMessage('c', 'inbox', order(100 + number), ack)
      return acknowledged
    })
    await cluster.pass(10)
    cluster.heal()
    await cluster.settle(Promise.all(sent))
    expect(heard).toEqual([0, 1, 2, 3, 4, 5].map(order))
    expect(b.counters()).toMatchObject({ violations: 0, duplicates: 0 })
  },
)

/** What becomes of messages over a narrow lane of which every third aborts its own signal when it is read. */
async function outcomes(monotonic: boolean, nth: number) {
  const cluster = new Cluster({
    network: { latency: 5 },
    options: { limits: { queueBytes: 4_000, windowBytes: 4_000 }, channels: { data: { monotonic } } },
  })
  const [a, b] = await cluster.pair()
  b.register('inbox', () => new Promise<void>(done => void cluster.clock.schedule(50, done)))
  const ends: string[] = []
  for (let number = 0; number < 60; number++) {
    const aborting = new AbortController()
    let read = 0
    const message = {
      number,
      pad: 'p'.repeat(900),
      get last() {
        if (number % 3 === 0 && ++read === nth) aborting.abort()
        return 2
      },
    }
    const options = { ...ack, channel: 'data', signal: aborting.signal }
    a.forwardMessage('b', 'inbox', message, options).then(
      () => ends.push('done'),
      (error: Error) => ends.push(error.name),
    )
    if (number % 10 === 0) await cluster.pass(20)
  }
  await cluster.pass(60_000)
  const queued = a.connections().map(({ queuedBytes, queuedMessages }) => [queuedBytes, queuedMessages])
  await cluster.settle(a.forwardMessage('b', 'inbox', 1, { ...ack, channel: 'data' }))
  return { ends, queued }
}

describe.each([false, true])(
  'a message with ack that aborts its own signal while it is encoded (monotonic: %s)',
  monotonic => {
    test.each([1, 2, 3])('takes no other message and no room with it, read %d times', async nth => {
      const { ends, queued } = await outcomes(monotonic, nth)
      expect(ends).toHaveLength(60)
      expect(queued.every(([bytes, messages]) => bytes === 0 && messages === 0)).toBe(true)
    })
  },
)
