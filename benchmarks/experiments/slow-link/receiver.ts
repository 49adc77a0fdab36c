import { fullMesh, type NodeSpec, type Transport } from 'maquis'
import { carryOut } from '../remote.js'

export interface Servers {
  sink: { message: Uint8Array; reply: number }
}

export interface ReceiverOptions {
  readonly lanes: number
  /** Where the link to this node begins. */
  readonly link: string
}

const tasks = {
  /** Starts a node that others know by the link to it. Returns what they have to know, and its own port. */
  async start({ lanes, link }: ReceiverOptions): Promise<{ readonly spec: NodeSpec; readonly port: number }> {
    let url = ''
    const node = await fullMesh<Servers>({
      ...{ name: 'receiver', channels: { default: { parallelism: lanes } }, advertise: [link] },
      wrapTransport: transport =>
        noting(transport, own => {
          url = own
        }),
    }).start()
    node.register('sink', bytes => bytes.length)
    return { spec: node.spec, port: Number(new URL(url).port) }
  },
}

export type ReceiverTasks = typeof tasks

carryOut(tasks)

/** A transport that tells where it listens: a node tells what it advertises. */
function noting(transport: Transport, tell: (url: string) => void): Transport {
  return {
    schemes: transport.schemes,
    dial: (...call) => transport.dial(...call),
    async listen(...call) {
      const listener = await transport.listen(...call)
      tell(listener.url)
      return listener
    },
  }
}
