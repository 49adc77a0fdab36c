import { deliveryCases } from './transport-delivery-cases.js'
import { diallingCases } from './transport-dialling-cases.js'
import { endingCases } from './transport-ending-cases.js'
import type { TransportCase, TransportHarness } from './transport-harness.js'

/** Every promise of the interface, as a case of its own: for runners that {@link transportSuite} does not fit. */
export const transportCases: readonly TransportCase[] = [...deliveryCases, ...endingCases, ...diallingCases]

/** Any test runner: vitest's and node:test's functions both fit. */
export interface SuiteRunner {
  /** Groups what `body` registers. */
  readonly describe: (name: string, body: () => void) => unknown
  /** Registers one test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown
}

/** Registers every case. `setup` is called once for each. */
export function transportSuite(name: string, setup: () => Promise<TransportHarness>, runner: SuiteRunner): void {
  runner.describe(`${name} keeps what every transport promises`, () => {
    for (const { name: promise, run } of transportCases) {
      runner.test(promise, async () => {
        const harness = await setup()
        try {
          await run(harness)
        } finally {
          await harness.dispose?.()
        }
      })
    }
  })
}
