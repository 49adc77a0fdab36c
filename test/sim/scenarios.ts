import type { Random } from 'maquis'
import type { MakeScenario, Scenario } from 'maquis/testing'
import { drawConfiguration } from './configuration.js'
import { overlays } from './overlays.js'
import { Workload } from './workload.js'

/** A cluster of whole managers under everything that can happen to it, one scenario for each overlay. */
export const scenarios: Readonly<Record<string, MakeScenario>> = Object.fromEntries(
  Object.entries(overlays).map(([name, overlay]) => [
    name,
    (random: Random): Scenario => {
      const configuration = drawConfiguration(random)
      const { nodes, channels, limits, heartbeat, latency, secret } = configuration
      const { setup, operations, weights, check, atRest, settled } = new Workload(configuration, overlay)
      return {
        ...{ nodes, channels, latency, setup, operations, weights, check, atRest, settled },
        seeds: node => overlay.seeds(node, nodes),
        manager: options => {
          return overlay.manager({ ...options, limits, heartbeat, ...(secret !== undefined && { secret }) }, nodes)
        },
      }
    },
  ]),
)
