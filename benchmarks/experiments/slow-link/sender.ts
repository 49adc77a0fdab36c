import { setMaxListeners } from 'node:events'
import { fullMesh, type NodeSpec, type PeerServiceManager } from 'maquis'
import { type Case, type Course, controlMessages, type Servers } from '../control-messages.js'
import { carryOut } from '../remote.js'
import type { Channels } from './receiver.js'

/** Which messages have to stay in order: all, those of one sender, or none. */
export type Keys = 'none' | 'sender' | 'message'

export interface Load {
  /** Closed loops: each sends a message as soon as the last one was answered. */
  readonly senders: number
  readonly bytes: number
  readonly keys: Keys
  /** What is sent and answered before this does not count. */
  readonly warmUpMillis: number
  readonly millis: number
}

export interface Yield {
  /** Milliseconds that each message took that was answered in time, ascending. */
  readonly latencies: Float64Array
  readonly seconds: number
}

let node: PeerServiceManager<Servers> | undefined

const tasks = {
  async connect({ receiver, channels }: { readonly receiver: NodeSpec; readonly channels: Channels }): Promise<void> {
    // It only dials, and the receiver is known by the link alone: nothing goes past the link.
    node = await fullMesh<Servers>({ name: 'sender', listen: false, channels }).start()
    await node.syncJoin(receiver)
  },

  /** Messages of one byte, one after another: the median in milliseconds. */
  async ping(count: number): Promise<number> {
    const latencies = new Float64Array(count)
    for (let seq = 0; seq < count; seq++) latencies[seq] = await timed(new Uint8Array(1), {})
    return latencies.sort()[Math.floor(count / 2)] ?? Number.NaN
  },

  async load({ senders, bytes, keys, warmUpMillis, millis }: Load): Promise<Yield> {
    const payload = new Uint8Array(bytes)
    const latencies: number[] = []
    const stop = new AbortController()
    const { signal } = stop
    setMaxListeners(0, signal)
    let [counts, messages] = [false, 0]
    const loop = async (sender: number): Promise<void> => {
      while (!signal.aborted) {
        const partitionKey = keys === 'sender' ? sender : messages++
        const took = await timed(payload, keys === 'none' ? { signal } : { partitionKey, signal })
        if (counts) latencies.push(took)
      }
    }
    const loops = Array.from({ length: senders }, (_, sender) => loop(sender))
    const sent = Promise.all(loops).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    await Promise.race([sent, sleep(warmUpMillis)])
    counts = true
    const start = performance.now()
    await Promise.race([sent, sleep(millis)])
    counts = false
    const seconds = (performance.now() - start) / 1_000
    stop.abort()
    await sent
    return { latencies: Float64Array.from(latencies).sort(), seconds }
  },

  /** Control messages beside bulk. */
  async control(given: Case): Promise<Course> {
    if (node === undefined) throw new Error('nothing is connected')
    return controlMessages(node, given)
  },
}

export type SenderTasks = typeof tasks

carryOut(tasks)

async function timed(
  payload: Uint8Array,
  options: { readonly partitionKey?: number; readonly signal?: AbortSignal },
): Promise<number> {
  const start = performance.now()
  const length = await node?.request('receiver', 'bulk', payload, options)
  if (length !== payload.length) throw new Error(`${length} bytes came of ${payload.length}`)
  return performance.now() - start
}

function sleep(millis: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, millis))
}
