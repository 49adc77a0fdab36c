import type { Figure, Results } from './results.js'
import { oneWay, type Workload } from './workload.js'

/** A ratio that maquis is to hold. */
export interface Target {
  readonly name: string
  readonly of: string
  readonly to: string
  readonly workload: Workload
  readonly figure: Figure
  readonly wanted: { readonly least: number } | { readonly most: number }
}

const [small, kibibyte, large] = [oneWay('object', 64), oneWay('bytes', 1_024), oneWay('bytes', 524_288)]
const trip = (inFlight: number): Workload => ({ type: 'round-trip', inFlight })
const rate = { workload: small, figure: 'messages' } as const

/** What is meant by fast, whatever the machine. */
export const targets: readonly Target[] = [
  { name: 'cast, trusted peers', of: 'maquis-trusted', to: 'ws-batched', ...rate, wanted: { least: 0.9 } },
  { name: 'cast', of: 'maquis', to: 'ws-batched', ...rate, wanted: { least: 0.7 } },
  { name: 'cast, bytes of 1 KiB', of: 'maquis', to: 'ws-batched', ...rate, workload: kibibyte, wanted: { least: 0.8 } },
  { name: 'forward, awaited', of: 'maquis-forward', to: 'maquis', ...rate, wanted: { least: 0.65 } },
  { name: 'acked, 1,000 in flight', of: 'maquis-acked', to: 'maquis', ...rate, wanted: { least: 0.5 } },
  {
    name: 'forward, bytes of 512 KiB',
    ...{ of: 'maquis-forward', to: 'ws', workload: large, figure: 'megabytes', wanted: { least: 0.9 } },
  },
  {
    name: 'cast, bytes of 512 KiB',
    ...{ of: 'maquis', to: 'ws', workload: large, figure: 'megabytes', wanted: { least: 0.9 } },
  },
  {
    name: 'round trip p50, 1 in flight',
    ...{ of: 'maquis', to: 'ws', workload: trip(1), figure: 'p50', wanted: { most: 1.3 } },
  },
  {
    name: 'round trips, 128 in flight',
    ...{ of: 'maquis', to: 'ws', workload: trip(128), figure: 'messages', wanted: { least: 1.5 } },
  },
  { name: 'cast', of: 'maquis', to: 'socket.io', ...rate, wanted: { least: 8 } },
  { name: 'cast', of: 'maquis', to: 'moleculer', ...rate, wanted: { least: 15 } },
  { name: 'cast', of: 'maquis', to: 'nats', ...rate, wanted: { least: 3 } },
  { name: 'cast', of: 'maquis', to: 'zeromq', ...rate, wanted: { least: 4 } },
]

/** What was measured of a target, and whether it holds; NaN and undefined where a side of it was not measured. */
export interface Judgement {
  readonly target: Target
  readonly measured: number
  /** The same by CPU of the busier process, which neighbours disturb less. */
  readonly byCpu: number
  readonly holds: boolean | undefined
}

export function judge(target: Target, results: Results): Judgement {
  const { of, to, workload, figure, wanted } = target
  const measured = results.ratio(of, to, workload, figure)
  const byCpu = figure === 'p50' ? Number.NaN : results.ratio(to, of, workload, 'busierCpu')
  if (Number.isNaN(measured)) return { target, measured, byCpu, holds: undefined }
  return { target, measured, byCpu, holds: 'least' in wanted ? measured >= wanted.least : measured <= wanted.most }
}
