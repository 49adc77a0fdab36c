import { describe, expect, test } from 'vitest'
import { hyParView, type PeerServiceOptions, scamp } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'

const overlays = {
  hyparview: (given: PeerServiceOptions) => hyParView({ ...given, removeDownAfter: 60_000 }),
  scamp: (given: PeerServiceOptions) => scamp({ ...given, copies: 0, lease: 8_000, heartbeatInterval: 800 }),
}

/** A node of an overlay at rest, and one of its neighbours, whose handlers take 5 s. */
async function neighbours(overlay: keyof typeof overlays, seed: number) {
  const handled: string[] = []
  const net = simulate({
    ...{ nodes: 10, seed, historyMax: 10, manager: overlays[overlay] },
    setup: (node, { clock }) => {
      node.register('slow', (value: string) => {
        handled.push(value)
        return new Promise<void>(resolve => void clock.schedule(5_000, resolve))
      })
    },
  })
  await net.pass(20_000)
  const from = net.live[0] as string
  const node = net.node(from)
  const to = node.members().find(name => name !== from && node.isConnected(name)) as string
  const ends: string[] = []
  const send = (value: string, transitive: boolean): void => {
    const options = { transitive, partitionKey: value, ack: { when: 'handled' } } as const
    void node.forwardMessage(to, 'slow', value, options).then(
      () => ends.push(value),
      (error: { code: string }) => ends.push(`${value}: ${error.code}`),
    )
  }
  return { net, node, from, to, handled, ends, send }
}

describe('a neighbour that the overlay replaces while it is away', () => {
  const cases = (['hyparview', 'scamp'] as const).flatMap(overlay => [1, 2, 3, 4].map(seed => [overlay, seed] as const))

  test.each(cases)('acknowledges what it was sent, as soon as there is a way: %s, seed %i', async (overlay, seed) => {
    const transitive = seed % 2 === 0
    const { net, from, to, handled, ends, send } = await neighbours(overlay, seed)
    await using _ = net
    send('message', transitive)
    await net.pass(100)
    net.partition([from], [to])
    await net.pass(20_000)
    // Others reach both. Where the overlay still wants it, it is waited for as a member that is down.
    if (!transitive) expect(ends).toEqual([])
    else if (overlay === 'hyparview') expect(ends).toEqual(['message'])
    net.heal()
    await net.pass(60_000)
    expect([ends, handled]).toEqual([['message'], ['message']])
  })

  test('is not waited for longer than members that are down', async () => {
    const { net, node, to, ends, send } = await neighbours('hyparview', 1)
    await using _ = net
    send('relayed', true)
    send('direct', false)
    await net.pass(100)
    net.crash(to)
    await net.pass(50_000)
    expect(ends).toEqual([])
    await net.pass(30_000)
    expect(ends.sort()).toEqual(['direct: ERR_UNKNOWN_OUTCOME', 'relayed: ERR_UNKNOWN_OUTCOME'])
    expect(node.members()).not.toContain(to)
    await net.pass(10_000)
    expect(node.connections().filter(({ node: peer }) => peer === to)).toEqual([])
  })
})
