import { expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import { World } from '../support/hubs.js'

test('a connection is not attached when the one that it replaces takes the link with it', async () => {
  const world = new World()
  const [a, b] = await world.pair({ channels: {} }, { channels: {} })
  b.down = () => {
    b.hub.clear('it has left')
    b.judge = () => ({ code: CloseCode.removed, text: 'it has left' })
  }
  // `b` believes in the connection until that of the next dial takes its place.
  for (const wire of world.network.wires) wire.lose('a')
  await world.pass(3_000)
  expect(a.told('down').length).toBe(a.told('up').length)
  expect([b.hub.links.size, b.wire.open.length]).toEqual([0, 0])
})
