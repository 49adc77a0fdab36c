import { registerSuite, type SuiteRunner } from './suite-runner.js'
import { deliveryCases } from './transport-delivery-cases.js'
import { diallingCases } from './transport-dialling-cases.js'
import { endingCases } from './transport-ending-cases.js'
import type { TransportCase, TransportHarness } from './transport-harness.js'

/** Every promise of the interface, as a case of its own: for runners that {@link transportSuite} does not fit. */
export const transportCases: readonly TransportCase[] = [...deliveryCases, ...endingCases, ...diallingCases]

/** Registers every case. `setup` is called once for each. */
export function transportSuite(name: string, setup: () => Promise<TransportHarness>, runner: SuiteRunner): void {
  registerSuite(
    {
      title: `${name} keeps what every transport promises`,
      cases: transportCases,
      setup,
      dispose: harness => harness.dispose?.(),
    },
    runner,
  )
}
