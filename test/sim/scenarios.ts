import type { MakeScenario, Scenario } from 'maquis/testing'
import { type Configuration, drawConfiguration, one } from './configuration.js'
import { type Overlay, overlays } from './overlays.js'
import { Workload } from './workload.js'

/** Clusters of whole managers under everything that can happen to them. */
export const scenarios: Readonly<Record<string, MakeScenario>> = {
  ...Object.fromEntries(Object.entries(overlays).map(([name, overlay]) => [name, whole(overlay)])),
  delivery: delivery(overlays['full-mesh'] as Overlay),
}

/** Everything that a cluster does, on one overlay. */
function whole(overlay: Overlay): MakeScenario {
  return random => scenario(overlay, drawConfiguration(random))
}

/** Messages with `ack` and with causal labels alone, between few nodes: short, so that very many can be run. */
function delivery(overlay: Overlay): MakeScenario {
  return random => {
    const drawn = drawConfiguration(random)
    const configuration = { ...drawn, nodes: drawn.nodes.slice(0, one(random, [2, 3, 3])) }
    return { ...scenario(overlay, configuration, ['acked burst', 'talk', 'stop and start']), steps: 16 }
  }
}

function scenario(overlay: Overlay, configuration: Configuration, only?: readonly string[]): Scenario {
  const { nodes, channels, limits, heartbeat, latency, secret } = configuration
  const { setup, operations, weights, check, atRest, settled } = new Workload(configuration, overlay, only)
  return {
    ...{ nodes, channels, latency, setup, operations, weights, check, atRest, settled },
    seeds: node => overlay.seeds(node, nodes),
    manager: options => {
      return overlay.manager({ ...options, limits, heartbeat, ...(secret !== undefined && { secret }) }, nodes)
    },
  }
}
