import { hashPartitionKey, streamOf } from '../core/stream.js'
import type { LinkChannel } from '../link/channel.js'
import type { ForwardOptions } from './manager.js'
import { checkKey } from './message-options.js'
import { broadcastServer, checkServer, monitorServer, relayServer } from './server-ref.js'

/** Names of servers whose hash is remembered. */
const hashedServersMax = 4_096

/** Which stream of its channel a message is of: that of its partition key, or of its server's name. */
export class Streams {
  readonly #hashes = new Map(
    [broadcastServer, monitorServer, relayServer].map(server => [server, hashPartitionKey(server)]),
  )

  /** Throws for a name that no server can have. */
  of({ streams }: LinkChannel, server: string, options: ForwardOptions | undefined): number {
    const hash = this.#hashOf(server)
    if (streams === 1) return 0
    const key = options?.partitionKey
    return streamOf(key === undefined ? hash : hashPartitionKey(checkKey(key)), streams)
  }

  /** A name is checked when it is first used: a peer would close the connection for a bad one. */
  #hashOf(server: string): number {
    const known = this.#hashes.get(server)
    if (known !== undefined) return known
    const hash = hashPartitionKey(checkServer(server))
    if (this.#hashes.size < hashedServersMax) this.#hashes.set(server, hash)
    return hash
  }
}
