import type { ChannelOptions, HeartbeatOptions, Limits, Millis, Random } from 'maquis'
import type { LatencyOptions } from 'maquis/testing'

/** What the nodes of one history are like: drawn, like everything else, so that every combination has its turn. */
export interface Configuration {
  readonly nodes: readonly string[]
  readonly channels: Readonly<Record<string, ChannelOptions>>
  readonly limits: Partial<Limits>
  readonly heartbeat: HeartbeatOptions
  readonly latency: LatencyOptions
  readonly secret: string | undefined
  /** How long a handler takes on average; 0: it answers at once. */
  readonly handling: Millis
  /** How many handlers of a server may run at a time; 0: any number. */
  readonly concurrency: number
}

const allNames = ['a', 'b', 'c', 'd', 'e', 'f']

export function drawConfiguration(random: Random): Configuration {
  const tight = chance(random, 0.35)
  const alert = chance(random, 0.25)
  const slow = !alert && chance(random, 0.3)
  const mean = alert ? 0.5 : slow ? magnitude(random, 5, 40) : magnitude(random, 0.05, 5)
  return {
    nodes: allNames.slice(0, one(random, [2, 3, 3, 3, 4, 4, 5, 6])),
    channels: drawChannels(random),
    limits: tight ? drawLimits(random) : {},
    heartbeat: alert ? { interval: 200, timeout: 1_000 } : {},
    // What takes twenty times as long must not take longer than a heartbeat waits.
    latency: { least: mean / 4, mean, tail: slow || chance(random, 0.5) ? 0 : 0.01 },
    secret: chance(random, 0.2) ? 'open sesame' : undefined,
    handling: chance(random, 0.5) ? 0 : magnitude(random, 1, 200),
    concurrency: one(random, [0, 1, 3]),
  }
}

/** `default` always exists; `latest` is monotonic, with one value for each key. */
function drawChannels(random: Random): Record<string, ChannelOptions> {
  const channels: Record<string, ChannelOptions> = {}
  if (chance(random, 0.8)) channels.data = drawChannel(random)
  if (chance(random, 0.5)) channels.bulk = drawChannel(random)
  if (chance(random, 0.5)) channels.latest = { ...drawChannel(random), monotonic: message => (message as Keyed).key }
  return channels
}

interface Keyed {
  readonly key: string
}

function drawChannel(random: Random): ChannelOptions {
  return {
    parallelism: one(random, [1, 1, 2, 3, 4]),
    overflow: one(random, ['block', 'block', 'reject', 'drop-newest', 'drop-oldest'] as const),
  }
}

function drawLimits(random: Random): Partial<Limits> {
  return {
    queueBytes: Math.ceil(magnitude(random, 1_024, 20_000)),
    blockedCalls: one(random, [0, 1, 5, 1_024]),
    windowBytes: Math.ceil(magnitude(random, 1_024, 20_000)),
    replyBytes: Math.ceil(magnitude(random, 1_024, 20_000)),
    requests: one(random, [1, 4, 65_536]),
  }
}

export function chance(random: Random, probability: number): boolean {
  return random.next() < probability
}

export function one<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random.next() * items.length)] as Item
}

/** Each order of magnitude is equally likely. */
function magnitude(random: Random, least: number, most: number): number {
  return least * (most / least) ** random.next()
}
