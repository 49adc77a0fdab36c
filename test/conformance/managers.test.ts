import { describe, test } from 'vitest'
import { managerSuite } from '../../src/testing/suites/manager-suite.js'
import { simulatedManagers } from '../../src/testing/suites/managers.js'
import { overlays } from '../support/overlays.js'

for (const { name, make, traits } of overlays) {
  managerSuite(`${name}, simulated,`, simulatedManagers(make, traits), { describe, test })
}
