import { describe, test } from 'vitest'
import { managerSuite } from '../../src/testing/suites/manager-suite.js'
import { webSocketManagers } from '../../src/testing/suites/managers.js'
import { overlays } from '../support/overlays.js'

// Each case waits for its own sockets and timers most of the time, and has nothing in common with the others.
const runner = { describe, test: test.concurrent }

for (const { name, make, traits } of overlays) {
  managerSuite(`${name} over WebSockets`, webSocketManagers(make, traits), runner)
}
