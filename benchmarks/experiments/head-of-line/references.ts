/** What others were measured at, in milliseconds. */
interface Reference {
  readonly name: string
  readonly p50: number
  readonly p99: number
  /** Without bulk, in the same run. */
  readonly idleP99: number
  /** Whether it is drawn. */
  readonly level: boolean
}

const erlang = { idleP99: 2.1 }
const partisan = { idleP99: 2.7 }

/**
 * Distributed Erlang (OTP 25) and Partisan 5.0.3, measured in November 2026: two processes on loopback on two shared
 * cores, pings of 64 B while messages of 8 MiB stream, medians of six runs. They were not measured in the run that they
 * are shown beside: compare how many times the idle figure they are.
 */
export const others: readonly Reference[] = [
  { ...erlang, name: 'distributed Erlang, idle', p50: 0.13, p99: 2.1, level: false },
  { ...erlang, name: 'distributed Erlang, 1 in flight', p50: 1, p99: 3.1, level: true },
  { ...erlang, name: 'distributed Erlang, 4 in flight', p50: 4.5, p99: 17.4, level: false },
  { ...partisan, name: 'Partisan, idle', p50: 0.38, p99: 2.7, level: false },
  { ...partisan, name: 'Partisan, same channel, 1 in flight', p50: 3.8, p99: 9.6, level: false },
  { ...partisan, name: 'Partisan, same channel, 4 in flight', p50: 13.5, p99: 28.6, level: false },
  { ...partisan, name: 'Partisan, separate channels, 1 in flight', p50: 1.7, p99: 6.4, level: true },
  { ...partisan, name: 'Partisan, separate channels, 4 in flight', p50: 3.2, p99: 9.3, level: false },
]
