import type { ChannelOptions, PeerServiceOptions } from 'maquis'

/** What the workers' servers take and answer; the compiler checks every message of the demo against this. */
export interface Servers {
  /** Words to count, at a worker. */
  count: { message: Batch; reply: { readonly words: number } }
  /** What a worker has counted, a page at a time. */
  page: { message: { readonly from: number }; reply: Page }
  /** A worker tells the driver how far it is. */
  progress: { message: Progress }
  /** A worker tells the driver what it sees of the others. */
  seen: { message: Sighting }
}

export interface Batch {
  /** Unique for one worker, and rising. A batch that is sent again keeps its id. */
  readonly id: number
  /** All batches below this id have been answered: the worker may forget that it knows them. */
  readonly settled: number
  readonly words: readonly string[]
}

export interface Page {
  readonly words: readonly string[]
  readonly counts: readonly number[]
  /** How many different words the worker has in all. */
  readonly different: number
  /** Batches that came again after they had been counted. */
  readonly repeats: number
}

export interface Progress {
  readonly words: number
}

export interface Sighting {
  readonly what: 'up' | 'down'
  readonly node: string
}

/** What a worker is told by whoever starts it. */
export interface WorkerSettings {
  readonly name: string
  readonly seed: string
  readonly secret: string
}

export const driverName = 'driver'
export const workerNames: readonly string[] = ['ash', 'birch', 'cedar']

/** Words travel on `data`, over four connections to each worker; `control` has its own, and never waits behind them. */
const channels: Record<string, ChannelOptions> = { data: { parallelism: 4 }, control: {} }

/** What all four nodes have in common. */
export function commonOptions(secret: string): PeerServiceOptions {
  return { cluster: 'demo', secret, channels }
}
