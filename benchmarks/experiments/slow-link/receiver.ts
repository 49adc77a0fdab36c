import { fullMesh, type NodeSpec, type PeerServiceOptions, type Transport } from 'maquis'
import { answer, type Servers } from '../control-messages.js'
import { carryOut } from '../remote.js'

export type Channels = NonNullable<PeerServiceOptions['channels']>

export interface ReceiverOptions {
  readonly channels: Channels
  /** Where the link to this node begins. */
  readonly link: string
}

const tasks = {
  /** Starts a node that others know by the link to it. Returns what they have to know, and its own port. */
  async start({ channels, link }: ReceiverOptions): Promise<{ readonly spec: NodeSpec; readonly port: number }> {
    let url = ''
    const node = await fullMesh<Servers>({
      ...{ name: 'receiver', channels, advertise: [link] },
      wrapTransport: transport =>
        noting(transport, own => {
          url = own
        }),
    }).start()
    answer(node)
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
