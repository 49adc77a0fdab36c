import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import { type CausalAction, CausalNetwork, causalActionKinds } from '../support/causal-network.js'

/** How many histories are searched. For more: `CAUSAL_HISTORIES=100000 npx vitest run test/delivery/causality-sim`. */
const histories = Number(process.env.CAUSAL_HISTORIES ?? 2_000)

/** What was drawn from a seed; the network when all of it has happened. */
function run(seed: number, hasLiar = false): CausalNetwork {
  const random = new SeededRandom(seed)
  const below = (count: number): number => Math.floor(random.next() * count)
  const network = new CausalNetwork(2 + below(4), hasLiar)
  // Each history has rates of its own: some faults are frequent in it, and some do not happen.
  const kinds = Array.from({ length: 4 + below(40) }, () => below(causalActionKinds))
  for (let count = 20 + below(200); count > 0; count--) {
    network.act([kinds[below(kinds.length)] ?? 0, below(60), below(60), below(1_000)])
  }
  network.settle()
  return network
}

describe('messages of one label', () => {
  test('are handed over in causal order in every history, and none waits for ever', { timeout: 3_600_000 }, () => {
    let delivered = 0
    let late = 0
    for (let seed = 1; seed <= histories; seed++) {
      const network = run(seed)
      if (network.wrong.length > 0) expect.fail(`seed ${seed}: ${network.wrong.slice(0, 3).join('\n')}`)
      delivered += network.delivered
      late += network.late
    }
    // Otherwise nothing was tested.
    expect(delivered).toBeGreaterThan(10 * histories)
    expect(late).toBeGreaterThan(0)
  })

  test('are so, too, where one of the nodes lies, and it silences nobody', { timeout: 3_600_000 }, () => {
    for (let seed = 1; seed <= histories; seed++) {
      const { wrong } = run(seed, true)
      if (wrong.length > 0) expect.fail(`seed ${seed}: ${wrong.slice(0, 3).join('\n')}`)
    }
  })

  test('are handed over in causal order whatever happens in which order', () => {
    const natural = fc.nat({ max: 999 })
    const action: fc.Arbitrary<CausalAction> = fc.tuple(natural, natural, natural, natural)
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(action, { maxLength: 150 }), (nodes, actions) => {
        const network = new CausalNetwork(nodes)
        for (const next of actions) network.act(next)
        network.settle()
        expect(network.wrong).toEqual([])
      }),
      { seed: 11, numRuns: 300 },
    )
  })
})
