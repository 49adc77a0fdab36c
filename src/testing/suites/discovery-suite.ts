import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { DiscoveryError } from '../../core/errors.js'
import type { Millis } from '../../core/time.js'
import type { Discovery } from '../../discovery/discovery.js'
import { keepAlive } from '../../runtime/keep-alive.js'
import { SystemClock } from '../../runtime/system-clock.js'
import type { DiscoveryCase, DiscoveryHarness } from './discovery-harness.js'
import { registerSuite, type SuiteRunner } from './suite-runner.js'

/** Every promise of the interface, as a case of its own: for runners that {@link discoverySuite} does not fit. */
export const discoveryCases: readonly DiscoveryCase[] = [
  {
    name: 'finds every address, as a URL, and none twice',
    async run({ discovery, addresses }) {
      const found = await lookUp(discovery)
      assert.deepEqual(sorted(found), sorted(addresses))
      for (const address of found) assert.ok(URL.canParse(address) && address.includes('://'), address)
    },
  },
  {
    name: 'finds the same when asked again',
    async run({ discovery, addresses }) {
      const first = [...(await lookUp(discovery))]
      assert.deepEqual(sorted(first), sorted(addresses))
      assert.deepEqual(sorted(await lookUp(discovery)), sorted(addresses))
    },
  },
  {
    name: 'finds what is published by the time it is asked, also nobody',
    async run({ discovery, addresses, publish }) {
      if (publish === undefined) return
      assert.deepEqual(sorted(await lookUp(discovery)), sorted(addresses))
      for (const fewer of [addresses.slice(1), [], addresses.slice(0, 1), addresses]) {
        await publish(fewer)
        assert.deepEqual(sorted(await lookUp(discovery)), sorted(fewer))
      }
    },
  },
  {
    name: 'rejects with a DiscoveryError when it cannot tell, and finds again when it can',
    async run({ discovery, addresses, breakDown, publish }) {
      if (breakDown === undefined) return
      await breakDown()
      for (let time = 0; time < 2; time++) {
        const error = await failure(discovery.lookup(new AbortController().signal))
        assert.ok(error instanceof DiscoveryError, String(error))
        assert.equal(error.code, 'ERR_DISCOVERY')
      }
      if (publish === undefined) return
      await publish(addresses)
      assert.deepEqual(sorted(await lookUp(discovery)), sorted(addresses))
    },
  },
  {
    name: 'rejects with the reason of a signal that has aborted',
    async run({ discovery, addresses }) {
      const enough = new Error('enough')
      assert.equal(await failure(discovery.lookup(AbortSignal.abort(enough))), enough)
      assert.deepEqual(sorted(await lookUp(discovery)), sorted(addresses))
    },
  },
  {
    name: 'ends with the reason of a signal that aborts while nobody answers, and finds again afterwards',
    async run({ discovery, addresses, fallSilent, publish }) {
      if (fallSilent === undefined) return
      await fallSilent()
      const controller = new AbortController()
      const enough = new Error('enough')
      const looking = failure(discovery.lookup(controller.signal))
      await wait(50)
      controller.abort(enough)
      assert.equal(await looking, enough)
      if (publish === undefined) return
      await publish(addresses)
      assert.deepEqual(sorted(await lookUp(discovery)), sorted(addresses))
    },
  },
  {
    name: 'leaves nothing at a signal that outlives the lookup',
    async run({ discovery, breakDown }) {
      const { signal } = new AbortController()
      for (let time = 0; time < 3; time++) await discovery.lookup(signal)
      await breakDown?.()
      if (breakDown !== undefined) await failure(discovery.lookup(signal))
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    },
  },
]

/** Registers every case. `setup` is called once for each. Runs in real time. */
export function discoverySuite(name: string, setup: () => Promise<DiscoveryHarness>, runner: SuiteRunner): void {
  registerSuite(
    {
      title: `${name} keeps what every discovery promises`,
      cases: discoveryCases,
      setup,
      dispose: harness => harness.dispose?.(),
    },
    runner,
  )
}

/** What it finds, within five seconds. */
async function lookUp(discovery: Discovery): Promise<readonly string[]> {
  const controller = new AbortController()
  const cancel = new SystemClock().schedule(5_000, () => controller.abort(new Error('it does not answer')))
  try {
    return await discovery.lookup(controller.signal)
  } finally {
    cancel()
  }
}

async function failure(lookup: Promise<unknown>): Promise<unknown> {
  return lookup.then(
    found => assert.fail(`it rejects, and does not find ${String(found)}`),
    (error: unknown) => error,
  )
}

async function wait(millis: Millis): Promise<void> {
  const letGo = keepAlive()
  await new Promise<void>(resolve => new SystemClock().schedule(millis, resolve))
  letGo()
}

function sorted(addresses: readonly string[]): string[] {
  return [...addresses].sort()
}
