import assert from 'node:assert/strict'
import { broadcastCases } from './manager-broadcast-cases.js'
import { bytesCases } from './manager-bytes-cases.js'
import { connectionCases } from './manager-connection-cases.js'
import { flowCases } from './manager-flow-cases.js'
import type { ManagerCase, ManagerHarness } from './manager-harness.js'
import { record } from './manager-harness.js'
import { interpositionCases } from './manager-interposition-cases.js'
import { lifecycleCases } from './manager-lifecycle-cases.js'
import { membershipCases } from './manager-membership-cases.js'
import { messagingCases } from './manager-messaging-cases.js'
import { monitorCases } from './manager-monitor-cases.js'
import { partitionCases } from './manager-partition-cases.js'
import { relayCases } from './manager-relay-cases.js'
import { requestCases } from './manager-request-cases.js'
import { watchingCases } from './manager-watching-cases.js'
import { registerSuite, type SuiteRunner } from './suite-runner.js'
import { unheeded } from './unheeded.js'

/** Every promise of the interface, as a case of its own: for runners that {@link managerSuite} does not fit. */
export const managerCases: readonly ManagerCase[] = [
  ...[lifecycleCases, membershipCases, watchingCases, messagingCases, requestCases, flowCases].flat(),
  ...[connectionCases, partitionCases, interpositionCases, broadcastCases, monitorCases, relayCases].flat(),
  ...bytesCases,
].map(({ run, ...rest }) => ({ ...rest, run: harness => withoutViolations(harness, run) }))

/**
 * Registers every case. `setup` is called once for each: `simulatedManagers` and `webSocketManagers` make one of a
 * factory of managers.
 */
export function managerSuite(name: string, setup: () => Promise<ManagerHarness>, runner: SuiteRunner): void {
  registerSuite(
    {
      title: `${name} keeps what every manager promises`,
      cases: managerCases,
      setup,
      dispose: harness => harness.dispose(),
    },
    runner,
  )
}

/** Managers of one kind do not break the protocol towards each other, whatever a case does with them. */
async function withoutViolations(harness: ManagerHarness, run: ManagerCase['run']): Promise<void> {
  const violations: unknown[][][] = []
  const watched: ManagerHarness = {
    traits: harness.traits,
    node: (name, options) => {
      const manager = unheeded(harness.node(name, options))
      violations.push(record(manager, 'violation'))
      return manager
    },
    eventually: promise => harness.eventually(promise),
    until: condition => harness.until(condition),
    now: () => harness.now(),
    crash: name => harness.crash(name),
    dispose: () => harness.dispose(),
  }
  await run(unheeded(watched))
  assert.deepEqual(violations.flat(), [])
}
