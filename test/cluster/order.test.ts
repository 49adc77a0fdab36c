import { expect, test } from 'vitest'
import { within } from '../support/deadline.js'
import { startMesh } from '../support/processes.js'

interface Received {
  readonly received: number
  readonly wrong: number
  readonly keys: number
}

test('100,000 messages of mixed keys over four lanes arrive once, and in order for each key', async () => {
  const channels = { data: { parallelism: 4 } }
  await using peers = await startMesh({ name: 'a', channels }, { name: 'b', channels })
  const [a, b] = peers
  const keys = 97
  const messages = 100_000
  const startedAt = performance.now()
  await a.command('sendOrdered', { to: 'b', channel: 'data', keys, messages }, 60_000)
  const arrived = async (): Promise<Received> => {
    for (;;) {
      const answer = (await b.command('received')) as Received
      if (answer.received >= messages) return answer
    }
  }
  const received = await within(arrived(), 30_000, 'the arrival of all')
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(`${Math.round(messages / seconds)} messages/s`)
  // Each key's messages are numbered, so one too many, too few or out of order would be a wrong number.
  expect(received).toMatchObject({ received: messages, wrong: 0, keys })
  const lanes = (await a.connections()).filter(({ node, channel }) => node === 'b' && channel === 'data')
  expect(lanes.map(({ lane, state }) => `${lane} ${state}`)).toEqual(['0 open', '1 open', '2 open', '3 open'])
})
