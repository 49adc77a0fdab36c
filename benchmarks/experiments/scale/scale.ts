import type { Experiment } from '../experiment.js'
import { idleConnections, idleLines } from './idle-connections.js'
import { idleTraffic, trafficJudgements, trafficLines, trafficPlot } from './idle-traffic.js'
import { meshes, meshLines } from './mesh.js'

/** What a cluster takes when it is large, and does nothing. */
export const scale: Experiment = {
  name: 'scale',
  async run(extent, progress) {
    const idle = await idleConnections(extent, progress)
    const mesh = await meshes(extent, progress)
    const traffic = await idleTraffic(extent, progress)
    return {
      lines: [...idleLines(idle), '', ...meshLines(mesh), '', ...trafficLines(traffic)],
      judgements: trafficJudgements(traffic),
      data: { idle, mesh, traffic },
      plot: trafficPlot(traffic),
    }
  },
}
