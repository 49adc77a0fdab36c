import { type Judgement, judgementOf } from '../../judgement.js'
import { joined, percentile, ratio, supportedPercentile } from '../../statistics.js'
import { type Line, number } from '../../table.js'
import type { Bulk } from '../control-messages.js'
import type { Experiment, Extent, Findings } from '../experiment.js'
import { linePlot } from '../line-plot.js'
import { percentilePanel } from '../percentile-plot.js'
import { Remote } from '../remote.js'
import type { ReceiverTasks } from './receiver.js'
import { others } from './references.js'
import type { SenderTasks } from './sender.js'

/** What passes while control messages do. */
const cases: readonly { readonly name: string; readonly bulk: Bulk | undefined }[] = [
  { name: 'idle', bulk: undefined },
  ...([1, 4] as const).flatMap(inFlight => [
    { name: `same channel, ${inFlight} in flight`, bulk: { channel: 'default', inFlight } as const },
    { name: `separate channel, ${inFlight} in flight`, bulk: { channel: 'bulk', inFlight } as const },
  ]),
]

/** How often each case has its turn, and for how long. */
const lengths: Readonly<Record<Extent, { readonly passes: number; readonly seconds: number }>> = {
  full: { passes: 3, seconds: 7 },
  quick: { passes: 2, seconds: 1 },
  smoke: { passes: 1, seconds: 0.05 },
}
const perSecond = 500
const bulkBytes = 8_388_608

/** What one case gave, over all its turns. */
interface Outcome {
  readonly name: string
  readonly sorted: Float64Array
  /** The p99 of each turn, by pass. */
  readonly passes: ReadonlyMap<number, number>
  /** Megabytes of bulk a second, on average. */
  readonly megabytes: number
}

/** The latency of small messages while large ones stream between the same two nodes. */
export const headOfLine: Experiment = {
  name: 'head-of-line',
  async run(extent, progress) {
    using receiver = new Remote<ReceiverTasks>(new URL('receiver.js', import.meta.url))
    using sender = new Remote<SenderTasks>(new URL('sender.js', import.meta.url))
    await sender.ask('connect', await receiver.ask('start', undefined))
    const { passes, seconds } = lengths[extent]
    const count = perSecond * seconds
    const turns = cases.map(() => ({ latencies: [] as Float64Array[], megabytes: 0 }))
    // The first pass warms up.
    for (let pass = 0; pass <= passes; pass++) {
      for (const [index, { name, bulk }] of rotated(pass)) {
        progress(pass === 0 ? `warming up: ${name}` : `pass ${pass} of ${passes}: ${name}`)
        const length = pass === 0 ? Math.ceil(count / 4) : count
        const course = await sender.ask('measure', { bulk, bulkBytes, count: length, perSecond })
        if (pass === 0) continue
        turns[index]?.latencies.push(course.latencies)
        if (turns[index]) turns[index].megabytes += course.megabytes / passes
      }
    }
    return findings(
      turns.map(({ latencies, megabytes }, index) => ({
        ...{ name: cases[index]?.name ?? '', megabytes, sorted: joined(latencies) },
        passes: new Map(latencies.map((one, pass) => [pass, percentile(one.sort(), 0.99)])),
      })),
    )
  },
}

/** Each pass begins with another case. */
function rotated(pass: number): readonly (readonly [number, (typeof cases)[number]])[] {
  const all = [...cases.entries()]
  return [...all.slice(pass % all.length), ...all.slice(0, pass % all.length)]
}

/** What a control message may wait for bulk that has a channel of its own, at the rare worst. */
const idleMax = 5

function judgementsOf([idle, ...others]: readonly Outcome[]): readonly Judgement[] {
  if (idle === undefined) return []
  return others
    .filter(({ name }) => name.startsWith('separate'))
    .map(({ name, sorted, passes }) => {
      const median = supportedPercentile(sorted, 0.99) / supportedPercentile(idle.sorted, 0.99)
      const measured = { ...ratio(passes, idle.passes), median }
      return judgementOf(`control p99 beside bulk, ${name}: times idle`, { most: idleMax }, measured)
    })
}

const shares = [0.5, 0.9, 0.99, 0.999]

function findings(outcomes: readonly Outcome[]): Findings {
  const title = 'control messages of 64 B while 8 MiB messages stream'
  const idle = supportedPercentile(outcomes[0]?.sorted ?? new Float64Array(), 0.99)
  const lines: Line[] = [
    [`${title}, ms`, 'p50', 'p90', 'p99', 'p99.9', 'p99 x idle', 'bulk MB/s'],
    ...outcomes.map(({ name, sorted, megabytes }) => {
      const values = shares.map(share => supportedPercentile(sorted, share))
      return [`  ${name}`, ...values.map(number), number((values[2] ?? Number.NaN) / idle), number(megabytes)]
    }),
    '  measured elsewhere, another time:',
    ...others.map(({ name, idleP99, p50, p99 }) => [
      ...[`  ${name}`, number(p50), '-', number(p99), '-', number(p99 / idleP99), ''],
    ]),
  ]
  const data = {
    cases: outcomes.map(({ name, sorted, megabytes }) => ({
      ...{ name, count: sorted.length, megabytes },
      ...Object.fromEntries(shares.map(share => [`p${share * 100}`, supportedPercentile(sorted, share)])),
    })),
    elsewhere: others,
  }
  const levels = others
    .filter(({ level }) => level)
    .map(({ name, p99 }) => ({ name: `p99 elsewhere: ${name}`, millis: p99 }))
  const plot = linePlot(title, [percentilePanel(title, outcomes, levels)])
  return { lines, judgements: judgementsOf(outcomes), data, plot }
}
