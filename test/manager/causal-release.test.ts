import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'

const causal = { causalLabel: 'chat' }

describe('very many messages that wait for a single one', () => {
  test('are all handed over when it comes, in order, with breaks between them', async () => {
    const room = 256 * 1024 * 1024
    const cluster = new Cluster({ options: { limits: { windowBytes: room, queueBytes: room } } })
    const [a, b] = await cluster.pair()
    const count = 140_000
    let heard = 0
    let last = -1
    let ordered = true
    let inTurn = 0
    let most = 0
    b.register('chat', message => {
      ordered &&= message === last + 1
      last = message as number
      heard++
      if (inTurn++ === 0) cluster.clock.defer(() => (inTurn = 0))
      most = Math.max(most, inTurn)
    })
    let arrived = 0
    b.interpose(({ direction, kind }) => {
      const isFirst = direction === 'receive' && kind === 'message' && arrived++ === 0
      return isFirst ? { type: 'delay', by: 3_000 } : { type: 'pass' }
    })
    for (let id = 0; id < count; id++) {
      a.castMessage('b', 'chat', id, causal)
      if (id % 5_000 === 0) await cluster.turn()
    }
    await cluster.pass(1_000)
    expect(heard).toBe(0)
    await cluster.pass(3_000)
    expect(heard).toBe(count)
    expect(ordered).toBe(true)
    expect(most).toBeLessThanOrEqual(2_048)
    expect(b.counters().causalGaps).toBe(0)
  }, 60_000)
})
