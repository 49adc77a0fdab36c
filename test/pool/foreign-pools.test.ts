import { expect, test, vi } from 'vitest'
import { Allocation } from '../../src/pool/allocation.js'
import { WorkPool } from '../../src/pool/work-pool.js'
import { WorkPools } from '../../src/pool/work-pools.js'

test('pools of other nodes that are as they were are not reckoned with anew', () => {
  const pools = new WorkPools({
    ...{ self: 'a', options: {}, awaitsNodes: true, nodes: [{ name: 'a', type: 'worker' }] },
    make: (spec, context) => new WorkPool(spec, context),
  })
  const { spec } = pools.worker
  const claims = (maxNodes: number) => [{ spec: { ...spec, topic: 'own', exclusive: true, maxNodes }, node: 'b' }]
  const allocate = vi.spyOn(Allocation.prototype, 'allocate')
  const counts = [1, 1, 2, 2].map(maxNodes => {
    pools.foreignAre(claims(maxNodes))
    return allocate.mock.calls.length
  })
  allocate.mockRestore()
  expect(counts).toEqual([1, 1, 2, 2])
})
