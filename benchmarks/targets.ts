import { type Bound, type Judgement, judgementOf } from './judgement.js'
import type { Figure, Results } from './results.js'
import { oneWay, type Workload } from './workload.js'

/** A ratio that maquis is to hold. */
export interface Target {
  readonly name: string
  readonly of: string
  readonly to: string
  readonly workload: Workload
  readonly figure: Figure
  readonly wanted: Bound
}

const [small, kibibyte] = [oneWay('object', 64), oneWay('bytes', 1_024)]
const [large, largeObject] = [oneWay('bytes', 524_288), oneWay('object', 524_288)]
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
    name: 'cast, objects of 512 KiB',
    ...{ of: 'maquis', to: 'ws', workload: largeObject, figure: 'megabytes', wanted: { least: 0.9 } },
  },
  {
    name: 'round trip p50, 1 in flight',
    ...{ of: 'maquis', to: 'ws', workload: trip(1), figure: 'p50', wanted: { most: 1.3 } },
  },
  {
    name: 'round trips, 128 in flight',
    ...{ of: 'maquis', to: 'ws', workload: trip(128), figure: 'messages', wanted: { least: 1.5 } },
  },
  { name: 'cast beside Socket.IO', of: 'maquis', to: 'socket.io', ...rate, wanted: { least: 8 } },
  { name: 'cast beside Moleculer', of: 'maquis', to: 'moleculer', ...rate, wanted: { least: 15 } },
  { name: 'cast beside NATS', of: 'maquis', to: 'nats', ...rate, wanted: { least: 3 } },
  { name: 'cast beside ZeroMQ', of: 'maquis', to: 'zeromq', ...rate, wanted: { least: 4 } },
]

export function judge({ name, of, to, workload, figure, wanted }: Target, results: Results): Judgement {
  const byCpu = figure === 'p50' ? Number.NaN : results.ratio(to, of, workload, 'busierCpu').median
  return judgementOf(`${name}: ${of} / ${to}`, wanted, results.ratio(of, to, workload, figure), byCpu)
}
