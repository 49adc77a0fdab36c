import { fullMesh, type NodeSpec, type PeerServiceManager, type PeerServiceOptions } from 'maquis'
import { closedLoop } from '../closed-loop.js'
import { type Connection, type Stack, turn } from '../stack.js'
import { echo, type Message, orders, within } from '../workload.js'

interface Servers {
  orders: { message: Message }
  echo: { message: Message; reply: Message }
}

type Node = PeerServiceManager<Servers>

/** How messages are sent. Round trips are requests, whichever it is. */
type Way = 'cast' | 'forward' | 'acked'

const lanes4 = { channels: { default: { parallelism: 4 } } }

/** Each stack of this module: the way, and options of both nodes. */
const variants: Readonly<Record<string, { readonly way: Way; readonly options: PeerServiceOptions }>> = {
  maquis: { way: 'cast', options: {} },
  'maquis-trusted': { way: 'cast', options: { trustPeers: true } },
  'maquis-4-lanes': { way: 'cast', options: lanes4 },
  'maquis-forward': { way: 'forward', options: {} },
  'maquis-acked': { way: 'acked', options: {} },
}

export function stackOf(name: string): Stack {
  const { way, options } = variants[name] ?? { way: 'cast', options: {} }
  return {
    supports: ({ type }) => type === 'one-way' || way === 'cast',
    async serve(receive) {
      const node = await fullMesh<Servers>({ name: 'server', ...options }).start()
      node.register(orders, receive)
      node.register(echo, message => message)
      return { address: node.spec, close: () => node.stop() }
    },
    async connect(address) {
      const node = await fullMesh<Servers>({ name: 'client', ...options }).start()
      await node.syncJoin(address as NodeSpec)
      const spread = options === lanes4
      const send = way === 'cast' ? casts(node, spread) : way === 'forward' ? forwards(node) : acked(node)
      let trips = 0
      return {
        send,
        trip: message => node.request('server', echo, message, spread ? keyed[trips++ & 15] : undefined),
      }
    },
  }
}

/** With several lanes each message has one of 16 partition keys, which is what spreads them. */
const keyed = Array.from({ length: 16 }, (_, partitionKey) => ({ partitionKey }))
/** What a turn of the event loop sends at the most; of messages above it, what `ws` lets wait in its socket. */
const [turnBytes, largeTurnBytes] = [262_144, 1_048_576]

/**
 * A cast cannot wait. The last message of each turn, or of each key in it, is forwarded, and awaited until there is room
 * for more: asking how much waits would be work of the benchmark, and not of what it measures.
 */
function casts(node: Node, spread: boolean): Connection['send'] {
  const lastOnes = spread ? keyed.length : 1
  return async (payload, make, count) => {
    const perTurn = within(payload.size > turnBytes ? largeTurnBytes : turnBytes, payload, 500)
    for (let sent = 0; sent < count; ) {
      const end = Math.min(count, sent + perTurn)
      for (; sent < end - lastOnes; sent++) {
        if (spread) node.castMessage('server', orders, make(sent), keyed[sent & 15])
        else node.castMessage('server', orders, make(sent))
      }
      const left: Promise<void>[] = []
      for (; sent < end; sent++) {
        left.push(node.forwardMessage('server', orders, make(sent), spread ? keyed[sent & 15] : undefined))
      }
      await Promise.all(left)
      await turn()
    }
    const { overflowed } = node.counters()
    if (overflowed > 0) throw new Error(`${overflowed} casts did not fit into the queue`)
  }
}

function forwards(node: Node): Connection['send'] {
  return async (_payload, make, count) => {
    for (let sent = 0; sent < count; sent++) await node.forwardMessage('server', orders, make(sent))
  }
}

/** A thousand under way at a time, or 16 MiB of them. */
function acked(node: Node): Connection['send'] {
  const ack = { ack: true }
  return (payload, make, count) =>
    closedLoop(count, within(16_777_216, payload, 1_000), seq => node.forwardMessage('server', orders, make(seq), ack))
}
