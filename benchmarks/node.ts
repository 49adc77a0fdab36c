import { fullMesh, type NodeSpec, type PeerServiceManager } from 'maquis'
import { type Figures, median, messages, type Order, order, perSecond, turn } from './workload.js'

interface Servers {
  sink: { message: Order | Uint8Array }
  count: { message: null; reply: number }
  echo: { message: Order; reply: Order }
}

const large = new Uint8Array(524_288)
const largeMessages = 500
const trips = 2_000

export async function serveNode(announce: (spec: NodeSpec) => void): Promise<void> {
  const node = await fullMesh<Servers>({ name: 'receiver' }).start()
  let taken = 0
  node.register('sink', () => {
    taken++
  })
  node.register('count', () => taken)
  node.register('echo', message => message)
  announce(node.spec)
}

export async function runNode(spec: NodeSpec): Promise<Figures> {
  const node = await fullMesh<Servers>({ name: `sender-${Math.random()}` }).start()
  await node.syncJoin(spec)
  const figures = {
    'cast, msg/s': await casts(node),
    'forward awaited, msg/s': await forwards(node),
    'request, 1 in flight, us': await roundTrips(node),
    'forward of 512 KiB, MB/s': await largeForwards(node),
  }
  await node.leave()
  await node.stop()
  return figures
}

type Manager = PeerServiceManager<Servers>

async function casts(node: Manager): Promise<number> {
  const start = performance.now()
  for (let sent = 0; sent < messages; ) {
    for (let index = 0; index < 500 && sent < messages; index++) node.castMessage('receiver', 'sink', order(sent++))
    await turn()
  }
  await node.request('receiver', 'count', null)
  return perSecond(messages, start)
}

async function forwards(node: Manager): Promise<number> {
  const start = performance.now()
  for (let sent = 0; sent < messages; sent++) await node.forwardMessage('receiver', 'sink', order(sent))
  await node.request('receiver', 'count', null)
  return perSecond(messages, start)
}

async function roundTrips(node: Manager): Promise<number> {
  const times: number[] = []
  for (let trip = 0; trip < trips; trip++) {
    const start = performance.now()
    await node.request('receiver', 'echo', order(trip))
    times.push((performance.now() - start) * 1_000)
  }
  return Math.round(median(times))
}

async function largeForwards(node: Manager): Promise<number> {
  const start = performance.now()
  for (let sent = 0; sent < largeMessages; sent++) await node.forwardMessage('receiver', 'sink', large)
  await node.request('receiver', 'count', null)
  return Math.round(perSecond(largeMessages, start) * 0.524_288)
}
