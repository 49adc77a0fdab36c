import { type Context, ServiceBroker } from 'moleculer'
import { closedLoop } from '../closed-loop.js'
import type { Stack } from '../stack.js'
import { type Message, type Order, within } from '../workload.js'

/** Parameters are objects: bytes travel in one. */
interface Parameters {
  readonly bytes?: Uint8Array
}

/**
 * Moleculer over its TCP transporter: events, and calls for round trips. With its own serializer, which is JSON and
 * takes no bytes, or with the one for CBOR.
 */
export function stackOf(name: string): Stack {
  const serializer = name === 'moleculer-cbor' ? 'CBOR' : 'JSON'
  return {
    supports: workload => workload.type === 'round-trip' || workload.payload.kind === 'object' || serializer === 'CBOR',
    async serve(receive) {
      const broker = brokerOf('server', serializer)
      broker.createService({
        name: 'server',
        events: { orders: ({ params }: Context<Order & Parameters>) => receive(params.bytes ?? params) },
        actions: { echo: ({ params }: Context<Order>) => params },
      })
      await broker.start()
      return { address: portOf(broker), close: () => broker.stop() }
    },
    async connect(address) {
      const broker = brokerOf('client', serializer, `tcp://127.0.0.1:${address as number}/server`)
      await broker.start()
      await broker.waitForServices('server')
      return {
        // The promise of an event resolves when its socket has written it.
        send: (payload, make, count) =>
          closedLoop(count, within(1_048_576, payload, 500), seq => {
            const message = make(seq)
            return broker.emit('orders', message instanceof Uint8Array ? { bytes: message } : message)
          }),
        trip: message => broker.call<Message, Message>('server.echo', message),
      }
    },
  }
}

function brokerOf(nodeID: string, serializer: 'CBOR' | 'JSON', urls = ''): ServiceBroker {
  const options = { udpDiscovery: false, urls, useHostname: false, maxPacketSize: 67_108_864 }
  return new ServiceBroker({ nodeID, logger: false, serializer, transporter: { type: 'TCP', options } })
}

/** Its transporter chose one, and tells it to peers alone. */
function portOf(broker: ServiceBroker): number {
  return (broker.registry.nodes.localNode as { port: number }).port
}
