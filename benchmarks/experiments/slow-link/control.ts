import { supportedPercentile } from '../../statistics.js'
import { number } from '../../table.js'
import { type Bulk, channels } from '../control-messages.js'
import type { Extent, Part } from '../experiment.js'
import { type Latencies, percentilePanel } from '../percentile-plot.js'
import type { LinkOptions } from './direction.js'
import { overLink } from './over-link.js'

/** 100 Mbit/s, 20 ms there and back, and a window of twice what is under way then, as systems choose it. */
const link: LinkOptions = { delay: 10, bytesPerSecond: 12_500_000, window: 500_000 }

const cases: readonly { readonly name: string; readonly bulk: Bulk | undefined }[] = [
  { name: 'idle', bulk: undefined },
  { name: 'same channel', bulk: { channel: 'default', inFlight: 1 } },
  { name: 'separate channel', bulk: { channel: 'bulk', inFlight: 1 } },
]

const perSecond = 500
const bulkBytes = 8_388_608
const seconds: Readonly<Record<Extent, number>> = { full: 7, quick: 2, smoke: 0.05 }

/** What one case gave. */
interface Outcome extends Latencies {
  /** Megabytes of bulk a second. */
  readonly megabytes: number
}

const rate = `${(link.bytesPerSecond * 8) / 1e6} Mbit/s`
const title = `64 B beside messages of 8 MiB over ${rate}, ${2 * link.delay} ms there and back`
const shares = [0.5, 0.9, 0.99]

/** The latency of small messages while large ones fill a link that carries little. */
export async function control(extent: Extent, progress: (text: string) => void): Promise<Part> {
  const outcomes: Outcome[] = []
  const count = Math.ceil(perSecond * seconds[extent])
  await overLink(link, channels, async sender => {
    const given = { bulkBytes, perSecond }
    // Warms up.
    await sender.ask('control', { ...given, bulk: undefined, count: Math.ceil(count / 4) })
    for (const { name, bulk } of cases) {
      progress(`control messages over ${rate}: ${name}`)
      const { latencies, megabytes } = await sender.ask('control', { ...given, bulk, count })
      outcomes.push({ name, sorted: latencies.sort(), megabytes })
    }
  })
  return findings(outcomes)
}

function findings(outcomes: readonly Outcome[]): Part {
  const lines = outcomes.map(({ name, sorted, megabytes }) => [
    ...[`  ${name}`, ...shares.map(share => number(supportedPercentile(sorted, share))), number(megabytes)],
  ])
  const data = outcomes.map(({ name, sorted, megabytes }) => ({
    ...{ name, count: sorted.length, megabytes },
    ...Object.fromEntries(shares.map(share => [`p${share * 100}`, supportedPercentile(sorted, share)])),
  }))
  return {
    lines: [[`${title}; ms`, 'p50', 'p90', 'p99', 'bulk MB/s'], ...lines],
    data: { link, cases: data },
    panels: [percentilePanel(title, outcomes)],
  }
}
