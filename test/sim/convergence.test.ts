import { describe, expect, test } from 'vitest'
import { sample } from '../../src/core/random.js'
import { simulate } from '../../src/testing/testing.js'

/** How many simulated milliseconds a mesh of so many nodes, split at random for a while, needs to be whole again. */
async function convergence(nodes: number, seed: number): Promise<number> {
  await using net = simulate({ nodes, seed })
  await net.settle()
  const some = sample(net.random, net.names, 1 + Math.floor(net.random.next() * (nodes - 1)))
  net.partition(
    some,
    net.names.filter(name => !some.includes(name)),
  )
  await net.pass(5_000 + net.random.next() * 20_000)
  net.heal()
  const healed = net.clock.now()
  await net.settle()
  for (const name of net.names) expect(net.node(name).members()).toEqual(net.names)
  return net.clock.now() - healed
}

describe('after a partition of any size and length heals', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('twenty nodes are whole within two simulated seconds (seed %i)', async seed => {
    expect(await convergence(20, seed)).toBeLessThanOrEqual(2_000)
  })

  test('a hundred nodes are whole within two simulated seconds', { timeout: 420_000 }, async () => {
    expect(await convergence(100, 1)).toBeLessThanOrEqual(2_000)
  })
})
