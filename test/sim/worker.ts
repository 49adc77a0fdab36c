import { searchHistories } from 'maquis/testing'
import type { Order, Outcome } from './protocol.js'
import { scenarios } from './scenarios.js'

process.on('message', (order: Order) => void carryOut(order))
process.on('disconnect', () => process.exit())

async function carryOut(order: Order): Promise<void> {
  const { scenario, seed, shrink } = order
  const make = scenarios[scenario]
  if (make === undefined) throw new Error(`there is no scenario '${scenario}'`)
  const report = await searchHistories(make, { histories: 1, seed, shrink })
  const { digest, steps, simulated, outcomes } = report
  const [failure] = report.failures
  const outcome: Outcome = {
    ...{ ...order, digest, steps, simulated, outcomes },
    ...(failure !== undefined && { failure: `${failure.text}\n${stackOf(failure.cause)}` }),
  }
  process.send?.(outcome)
}

function stackOf(cause: unknown): string {
  return cause instanceof Error && cause.stack !== undefined ? `What was thrown: ${cause.stack}` : ''
}
