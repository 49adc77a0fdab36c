import { type Judgement, judgementOf } from '../../judgement.js'
import { spreadOf } from '../../statistics.js'
import { type Line, number } from '../../table.js'
import type { Extent } from '../experiment.js'
import { doubling, linePlot, logarithmic } from '../line-plot.js'
import { Remote } from '../remote.js'
import { exponentOf } from './growth.js'
import type { OverlayName, Traffic, TrafficTasks } from './traffic.js'

const sizes: Readonly<Record<Extent, Readonly<Record<OverlayName, readonly number[]>>>> = {
  full: { 'full mesh': [16, 32, 64, 128], HyParView: [16, 64, 256, 1_000] },
  quick: { 'full mesh': [8, 16, 24], HyParView: [16, 48] },
  smoke: { 'full mesh': [2, 4], HyParView: [2, 4] },
}

/** How many nodes there are, against what one of them sends: the cluster as a whole sends one power more. */
interface Growth {
  readonly overlay: OverlayName
  readonly traffic: readonly Traffic[]
  readonly exponent: number
}

/** What idle nodes send in clusters of several sizes. */
export async function idleTraffic(extent: Extent, progress: (text: string) => void): Promise<readonly Growth[]> {
  const found: Growth[] = []
  for (const [overlay, counts] of Object.entries(sizes[extent]) as [OverlayName, readonly number[]][]) {
    const traffic: Traffic[] = []
    for (const nodes of counts) {
      progress(`${overlay}, ${nodes} simulated nodes`)
      using remote = new Remote<TrafficTasks>(new URL('traffic.js', import.meta.url))
      traffic.push(await remote.ask('idle', { overlay, nodes }))
    }
    const exponent = exponentOf(traffic.map(({ nodes, bytes }) => [nodes, bytes]))
    found.push({ overlay, traffic, exponent })
  }
  return found
}

export function trafficLines(found: readonly Growth[]): Line[] {
  return [
    ['idle, per node and second', 'peers', 'batches', 'bytes', 'bytes per peer'],
    ...found.flatMap(({ overlay, traffic, exponent }) => [
      ...traffic.map(({ nodes, peers, batches, bytes }) => [
        ...[
          `  ${overlay}, ${number(nodes)} nodes`,
          number(peers),
          number(batches),
          number(bytes),
          number(bytes / peers),
        ],
      ]),
      `  ${overlay}: bytes per node grow with the number of nodes to the power of ${exponent.toFixed(2)}`,
    ]),
  ]
}

/**
 * What a node sends may grow with its peers: of a mesh those are all nodes, of HyParView as many as ever, so that what
 * the cluster sends as a whole stays far from the square.
 */
const exponentMax: Readonly<Record<OverlayName, number>> = { 'full mesh': 1, HyParView: 0.5 }

export function trafficJudgements(found: readonly Growth[]): readonly Judgement[] {
  return found.map(({ overlay, exponent }) => {
    const name = `idle traffic of a node, ${overlay}: power of the number of nodes`
    return judgementOf(name, { most: exponentMax[overlay] }, spreadOf([exponent]))
  })
}

export function trafficPlot(found: readonly Growth[]): string {
  const all = found.flatMap(({ traffic }) => traffic)
  const counts = [...new Set(all.map(({ nodes }) => nodes))].sort((a, b) => a - b)
  const bytes = all.map(each => each.bytes)
  const title = 'what an idle node sends, by the size of its cluster (simulated)'
  return linePlot(title, [
    {
      title,
      x: doubling('nodes', counts),
      y: logarithmic('bytes a second', Math.min(...bytes), Math.max(...bytes)),
      lines: found.map(({ overlay, traffic, exponent }) => ({
        name: `${overlay}: nodes to the power of ${exponent.toFixed(2)}`,
        points: traffic.map(each => [each.nodes, each.bytes] as const),
      })),
    },
  ])
}
