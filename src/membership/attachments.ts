import type { NodeName } from '../core/node.js'
import { hashPartitionKey } from '../core/stream.js'
import { type ClientsMessage, clientsPerMessage } from './client-server-messages.js'
import { parts } from './summary.js'

/**
 * Which client is connected with which server. Each server tells all others of its own clients, and nobody repeats it:
 * hearsay would be wrong just when it matters, when that server is gone.
 */
export class Attachments {
  readonly #most: number
  /** What the other servers were told of ours. */
  #ours = new HashedNames()
  readonly #theirs = new Map<NodeName, HashedNames>()
  #everTold = false

  /** At most `most` clients of a server are kept: further ones are not taken. */
  constructor(most: number) {
    this.#most = most
  }

  clear(): void {
    this.#ours = new HashedNames()
    this.#theirs.clear()
    this.#everTold = false
  }

  /** Takes the clients that are connected with this server now. Gives what the others have to be told. */
  change(clients: ReadonlySet<NodeName>): ClientsMessage[] {
    const here = [...clients].filter(name => !this.#ours.has(name))
    const gone = this.#ours.list().filter(name => !clients.has(name))
    for (const name of here) this.#ours.add(name)
    for (const name of gone) this.#ours.delete(name)
    if (here.length + gone.length === 0) return []
    this.#everTold = true
    const changes = [
      ...parts(gone, clientsPerMessage).map(part => ({ here: [], gone: part })),
      ...parts(here, clientsPerMessage).map(part => ({ here: part, gone: [] })),
    ]
    return changes.map((change, index) => this.#message(false, change, index === changes.length - 1))
  }

  /** All that the others were told of ours. */
  whole(): ClientsMessage[] {
    const all = parts(this.#ours.list(), clientsPerMessage)
    if (all.length === 0) return [this.#message(true, { here: [], gone: [] }, true)]
    return all.map((here, index) => this.#message(index === 0, { here, gone: [] }, index === all.length - 1))
  }

  /** Lets another server compare what it was told; undefined when nobody was told anything yet. */
  check(): ClientsMessage | undefined {
    return this.#everTold ? this.#message(false, { here: [], gone: [] }, true) : undefined
  }

  /** Takes what another server tells of its clients. Gives those that are no longer connected with it. */
  heard(server: NodeName, { whole, here, gone }: ClientsMessage): readonly NodeName[] {
    const known = this.#theirs.get(server)
    const before = whole ? (known?.list() ?? []) : gone.filter(name => known?.has(name))
    const now = whole || known === undefined ? new HashedNames() : known
    this.#theirs.set(server, now)
    for (const name of gone) now.delete(name)
    for (const name of here) if (now.size < this.#most) now.add(name)
    return before.filter(name => !now.has(name))
  }

  /** Whether what is known of a server's clients is what that server says it is. */
  agrees(server: NodeName, { hash }: ClientsMessage): boolean {
    return hash === undefined || hash === (this.#theirs.get(server) ?? noNames).hash
  }

  /** A server is no longer connected. Gives its clients. */
  forget(server: NodeName): readonly NodeName[] {
    const names = this.#theirs.get(server)?.list() ?? []
    this.#theirs.delete(server)
    return names
  }

  /** The other servers that say so, in order. */
  serversOf(client: NodeName): NodeName[] {
    const servers: NodeName[] = []
    for (const [server, names] of this.#theirs) if (names.has(client)) servers.push(server)
    return servers.sort()
  }

  #message(whole: boolean, change: Pick<ClientsMessage, 'here' | 'gone'>, last: boolean): ClientsMessage {
    return { type: 'clients', whole, ...change, ...(last && { hash: this.#ours.hash }) }
  }
}

/** A set of names with a hash over them, in any order. */
class HashedNames {
  readonly #names = new Set<NodeName>()
  #sum = 0

  get size(): number {
    return this.#names.size
  }

  get hash(): number {
    return (this.#sum + this.#names.size) >>> 0
  }

  has(name: NodeName): boolean {
    return this.#names.has(name)
  }

  list(): NodeName[] {
    return [...this.#names]
  }

  add(name: NodeName): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    this.#sum = (this.#sum + hashPartitionKey(name)) >>> 0
  }

  delete(name: NodeName): void {
    if (!this.#names.delete(name)) return
    this.#sum = (this.#sum - hashPartitionKey(name)) >>> 0
  }
}

const noNames = new HashedNames()
