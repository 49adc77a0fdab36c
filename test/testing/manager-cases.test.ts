import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { fullMesh } from '../../src/index.js'
import { type ManagerHarness, managerCases, simulatedManagers } from '../../src/testing/testing.js'

/** Lets the case fail where it waits for the time of that number. */
async function failing(run: (harness: ManagerHarness) => Promise<void>, wait: number): Promise<void> {
  const harness = await simulatedManagers(options => fullMesh(options))()
  let waited = 0
  const perhaps = (): void => {
    if (++waited === wait) throw new Error('this case fails here')
  }
  await run({
    ...{ traits: harness.traits, now: () => harness.now(), dispose: () => harness.dispose() },
    node: (name, options) => harness.node(name, options),
    eventually: async promise => {
      // As the harness does: it listens before it gives up.
      promise.catch(() => {})
      perhaps()
      return harness.eventually(promise)
    },
    until: async condition => {
      perhaps()
      return harness.until(condition)
    },
    crash: name => harness.crash(name),
  }).catch(() => {})
  await harness.dispose()
}

test('a case of managerSuite leaves no promise behind that rejects unheard, wherever it fails', async () => {
  const unheard: string[] = []
  let where = ''
  const hear = (reason: unknown): void => void unheard.push(`${where}: ${String(reason)}`)
  // Those of the test runner would end the run.
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', hear)
  try {
    for (const [index, { name, run }] of managerCases.entries()) {
      // Its nodes run after the third wait. To fail at all of the later ones would take long.
      where = `${name}, at wait ${4 + (index % waits)}`
      await failing(run, 4 + (index % waits))
      // Node tells of them in the next turn.
      await setImmediate()
    }
    await setImmediate()
  } finally {
    process.off('unhandledRejection', hear)
    for (const listener of others) process.on('unhandledRejection', listener)
  }
  expect(unheard).toEqual([])
})

/** Each case is let fail at one of so many of its waits. */
const waits = 6
