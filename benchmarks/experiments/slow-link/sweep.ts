import { percentile } from '../../statistics.js'
import { type Line, number } from '../../table.js'
import type { Extent, Part } from '../experiment.js'
import { doubling, logarithmic } from '../line-plot.js'
import type { Remote } from '../remote.js'
import type { LinkOptions } from './direction.js'
import { overLink } from './over-link.js'
import type { Keys, SenderTasks } from './sender.js'

/** As in the paper on Partisan: 20 ms there and back. A window of 1 MiB carries 52 MB/s then, on one connection. */
const link: LinkOptions = { delay: 10, bytesPerSecond: Number.POSITIVE_INFINITY, window: 1_048_576 }

/** How messages are spread over connections. */
interface Spread {
  readonly name: string
  readonly lanes: number
  readonly keys: Keys
}

const [single, unkeyed, affine, scattered]: readonly [Spread, Spread, Spread, Spread] = [
  { name: '1 lane', lanes: 1, keys: 'none' },
  { name: '16 lanes, no key', lanes: 16, keys: 'none' },
  { name: '16 lanes, a key per sender', lanes: 16, keys: 'sender' },
  { name: '16 lanes, a key per message', lanes: 16, keys: 'message' },
]

interface Sweep {
  readonly spreads: readonly Spread[]
  readonly sizes: readonly number[]
  readonly senders: readonly number[]
  readonly warmUpMillis: number
  readonly millis: number
}

const sweeps: Readonly<Record<Extent, Sweep>> = {
  full: {
    ...{ spreads: [single, unkeyed, affine, scattered], sizes: [524_288, 8_388_608], senders: [16, 32, 64, 128] },
    ...{ warmUpMillis: 1_000, millis: 2_500 },
  },
  quick: {
    ...{ spreads: [single, affine], sizes: [524_288], senders: [8, 32], warmUpMillis: 300, millis: 700 },
  },
  smoke: {
    ...{ spreads: [single, affine], sizes: [65_536], senders: [4], warmUpMillis: 10, millis: 200 },
  },
}

/** What one load gave. */
interface Outcome {
  readonly spread: string
  readonly bytes: number
  readonly senders: number
  readonly megabytes: number
  /** Milliseconds, on average: of a closed loop it follows from the rate (Little's law), whatever was cut off. */
  readonly mean: number
  /** Undefined where the link is too slow for each sender to have had a turn: the slow ones would be left out. */
  readonly p50: number | undefined
  readonly p99: number | undefined
}

/** The paper's sweep: large messages over a link with a long way, from more and more senders. */
export async function sweep(extent: Extent, progress: (text: string) => void): Promise<Part> {
  const plan = sweeps[extent]
  const outcomes: Outcome[] = []
  const trips: number[] = []
  for (const lanes of new Set(plan.spreads.map(spread => spread.lanes))) {
    await overLink(link, { default: { parallelism: lanes } }, async sender => {
      trips.push(await sender.ask('ping', 11))
      for (const spread of plan.spreads.filter(each => each.lanes === lanes)) {
        for (const bytes of plan.sizes) {
          for (const senders of plan.senders) {
            progress(`${spread.name}, ${senders} senders of ${sizeOf(bytes)}`)
            outcomes.push(await measure(sender, spread, bytes, senders, plan))
          }
        }
      }
    })
  }
  return findings(outcomes, plan, Math.min(...trips))
}

async function measure(
  sender: Remote<SenderTasks>,
  { name, keys }: Spread,
  bytes: number,
  senders: number,
  { warmUpMillis, millis }: Sweep,
): Promise<Outcome> {
  const { latencies, seconds } = await sender.ask('load', { senders, bytes, keys, warmUpMillis, millis })
  const turns = latencies.length >= senders
  return {
    ...{ spread: name, bytes, senders, megabytes: (latencies.length * bytes) / seconds / 1e6 },
    mean: (senders * seconds * 1_000) / latencies.length,
    p50: turns ? percentile(latencies, 0.5) : undefined,
    p99: turns ? percentile(latencies, 0.99) : undefined,
  }
}

function findings(outcomes: readonly Outcome[], { sizes, senders, spreads }: Sweep, trip: number): Part {
  const lines: Line[] = sizes.flatMap(bytes => [
    [`${sizeOf(bytes)} over a link of 20 ms there and back`, 'senders', 'MB/s', 'mean ms', 'p50', 'p99'],
    ...outcomes
      .filter(outcome => outcome.bytes === bytes)
      .map(({ spread, senders, megabytes, mean, p50 = Number.NaN, p99 = Number.NaN }) => [
        ...[`  ${spread}`, String(senders), ...[megabytes, mean, p50, p99].map(number)],
      ]),
    '',
  ])
  const finite = outcomes.map(({ mean }) => mean).filter(Number.isFinite)
  const y = logarithmic('milliseconds, on average', Math.min(...finite), Math.max(...finite))
  const x = doubling('senders at a time', senders)
  const panels = sizes.map(bytes => ({
    ...{ title: `${sizeOf(bytes)} over a link of 20 ms there and back`, x, y },
    lines: spreads.map(({ name }) => ({ name, points: pointsOf(outcomes, name, bytes) })),
  }))
  lines.push([`a byte and its answer: ${number(trip)} ms`])
  return { lines, data: { link, roundTrip: trip, outcomes }, panels }
}

function pointsOf(outcomes: readonly Outcome[], name: string, bytes: number): readonly (readonly [number, number])[] {
  return outcomes
    .filter(outcome => outcome.spread === name && outcome.bytes === bytes && Number.isFinite(outcome.mean))
    .map(({ senders, mean }) => [senders, mean] as const)
}

function sizeOf(bytes: number): string {
  return bytes >= 1_048_576 ? `${bytes / 1_048_576} MiB` : `${bytes / 1_024} KiB`
}
