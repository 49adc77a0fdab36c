import { expect, test } from 'vitest'
import { NodeTable } from '../../src/pool/node-table.js'

test('forgets a stranger that is down, also where a later life of it was told of and never came up', () => {
  const table = new NodeTable()
  table.up('x', 1)
  table.join({ name: 'x', type: 'worker', incarnation: 2 })
  table.leave('x')
  table.down('x', 1)
  expect([table.lifeOf('x'), table.stale]).toEqual([undefined, 0])
})
