import { clusterCases } from './strategy-cluster-cases.js'
import type { StrategyCase, StrategyHarness } from './strategy-harness.js'
import { leavingCases } from './strategy-leaving-cases.js'
import { machineCases } from './strategy-machine-cases.js'
import type { SuiteRunner } from './transport-suite.js'

/** Every promise of the interface, as a case of its own: for runners that {@link strategySuite} does not fit. */
export const strategyCases: readonly StrategyCase[] = [...machineCases, ...clusterCases, ...leavingCases]

/** Registers every case. `make` is called once for each. */
export function strategySuite(name: string, make: () => StrategyHarness, runner: SuiteRunner): void {
  runner.describe(`${name} keeps what every membership strategy promises`, () => {
    for (const { name: promise, run } of strategyCases) {
      runner.test(promise, async () => run(make()))
    }
  })
}
