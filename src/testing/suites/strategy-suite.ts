import { clusterCases } from './strategy-cluster-cases.js'
import type { StrategyCase, StrategyHarness } from './strategy-harness.js'
import { leavingCases } from './strategy-leaving-cases.js'
import { machineCases } from './strategy-machine-cases.js'
import { registerSuite, type SuiteRunner } from './suite-runner.js'

/** Every promise of the interface, as a case of its own: for runners that {@link strategySuite} does not fit. */
export const strategyCases: readonly StrategyCase[] = [...machineCases, ...clusterCases, ...leavingCases]

/** Registers every case. `make` is called once for each. */
export function strategySuite(name: string, make: () => StrategyHarness, runner: SuiteRunner): void {
  registerSuite(
    { title: `${name} keeps what every membership strategy promises`, cases: strategyCases, setup: make },
    runner,
  )
}
