import type { PeerServiceManager } from 'maquis'
import { openLoop } from '../open-loop.js'
import { echo, maker, type Order, tripPayload } from '../workload.js'

/** What a receiver answers: control messages, and bulk with how much it was. */
export interface Servers {
  echo: { message: Order; reply: Order }
  bulk: { message: Uint8Array; reply: number }
}

/** Beside the channel `default`, which carries the control messages. */
export const channels = { bulk: {} }

/** What is sent at once with the control messages. */
export interface Bulk {
  readonly channel: 'default' | 'bulk'
  readonly inFlight: number
}

export interface Case {
  /** Undefined: the control messages are alone. */
  readonly bulk: Bulk | undefined
  readonly bulkBytes: number
  /** Control messages: how many, and how many a second. */
  readonly count: number
  readonly perSecond: number
}

export interface Course {
  /** Milliseconds from the instant at which each control message was to be sent, until its answer was there. */
  readonly latencies: Float64Array
  /** Megabytes of bulk a second. */
  readonly megabytes: number
}

type Node = PeerServiceManager<Servers>

/** Answers what is sent to the node. */
export function answer(node: Node): void {
  node.register(echo, order => order)
  node.register('bulk', bytes => bytes.length)
}

const order = maker(tripPayload, echo) as (seq: number) => Order

/** Asks the node `receiver` again and again, while bulk goes the same way. */
export async function controlMessages(node: Node, { bulk, bulkBytes, count, perSecond }: Case): Promise<Course> {
  let [seq, bytes, over] = [0, 0, false]
  const payload = new Uint8Array(bulkBytes)
  const stream = async (channel: Bulk['channel']): Promise<void> => {
    while (!over) {
      const taken = await node.request('receiver', 'bulk', payload, { channel })
      bytes += taken
    }
  }
  const start = performance.now()
  const streams = bulk === undefined ? [] : Array.from({ length: bulk.inFlight }, () => stream(bulk.channel))
  // One that fails is told in the end.
  for (const each of streams) each.catch(() => {})
  const latencies = await openLoop(count, perSecond, () => node.request('receiver', echo, order(seq++)))
  over = true
  await Promise.all(streams)
  return { latencies, megabytes: bytes / 1_000 / (performance.now() - start) }
}
