import { expect, test } from 'vitest'
import { StoppedError } from '../../src/core/errors.js'
import type { Life, NodeSpec } from '../../src/core/node.js'
import type { LinkHub } from '../../src/link/hub.js'
import { CausalLabels } from '../../src/manager/causal-labels.js'
import type { Counters } from '../../src/manager/counters.js'
import { SimulatedClock } from '../../src/testing/testing.js'

const [a, b] = ['a', 'b'].map(name => ({ name, incarnation: 1 })) as unknown as [Life, Life]

test('a message that waits when the life of its node ends is not handed over, and its sender told', async () => {
  const labels = new CausalLabels({
    hub: { links: new Map() } as unknown as LinkHub,
    clock: new SimulatedClock(),
    counters: { add: () => {} } as unknown as Counters,
    self: () => b as unknown as NodeSpec,
    peers: 10,
    missed: () => {},
  })
  const told: unknown[] = []
  const acceptor = {
    given: () => {},
    held: () => {},
    handled: () => void told.push('handled'),
    failed: (error: unknown) => told.push(error) > 0,
  }
  const field = { label: 'chat', number: 2, dependencies: [] }
  const over = labels.take(a, field, acceptor, () => {
    told.push('handed over')
    return undefined
  })
  expect(over).toBeDefined()
  const stopped = new StoppedError('b', 'over')
  labels.clear(() => stopped)
  // The credit of its sender goes with this promise.
  await over
  expect(told).toEqual([stopped])
})
