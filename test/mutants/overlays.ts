import type { Mutant } from './mutant.js'

const client = 'src/membership/client.ts'
const server = 'src/membership/server.ts'
const attachments = 'src/membership/attachments.ts'
const listings = 'src/membership/listings.ts'
const fixed = 'src/membership/static.ts'

/** Clients and servers, and peers that were given. */
export const overlays: readonly Mutant[] = [
  {
    name: 'a client that has left joins, without a new life',
    file: client,
    find: '    if (this.#departed) return\n    this.#learn([{ spec: server',
    replace: '    this.#learn([{ spec: server',
  },
  {
    name: 'a client removes others',
    file: client,
    find: "        return void out.push({ type: 'notify', event: { type: 'denied', node: input.node, why: removesNobody } })\n",
    replace: "        return void out.push({ type: 'notify', event: { type: 'told', node: input.node } })\n",
  },
  {
    name: 'a client leaves without telling the servers',
    file: client,
    find: '    for (const to of this.#up) this.#sayGoodbye(to, out)\n',
    replace: '',
  },
  {
    name: 'a client does not compare what it knows of the servers when one connects',
    file: client,
    find: '    this.#ask(server.name, out)\n',
    replace: '',
  },
  {
    name: 'a client that has left answers no server',
    file: client,
    find: 'if (this.#departed) return this.#sayGoodbye(from.name, out)',
    replace: 'if (this.#departed) return',
  },
  {
    name: 'a client goes on believing that a server left, though the others count it for long',
    file: client,
    find: '    for (const name of listed) this.#table.forgetLeft(name, now, this.#settleAfter)\n',
    replace: '',
  },
  {
    name: 'a client does not say that it took note of a leave',
    file: client,
    find: "        out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })\n",
    replace: '',
  },
  {
    name: 'a client that was removed goes on',
    file: client,
    find: "    this.#departed = true\n    out.push({ type: 'notify', event: { type: 'members' } })\n    out.push({ type: 'notify', event: { type: 'removed' } })",
    replace: "    out.push({ type: 'notify', event: { type: 'members' } })",
  },
  {
    name: 'a client compares with a server once only',
    file: client,
    find: '#check(now: Instant, out: Effects): void {\n    this.#armCheck(out)\n',
    replace: '#check(now: Instant, out: Effects): void {\n',
  },
  {
    name: 'a client forgets servers that it is connected with',
    file: client,
    find: 'this.#table.members().filter(({ name }) => !this.#up.has(name))',
    replace: 'this.#table.members()',
  },
  {
    name: 'a client goes on dialling servers that are gone for good',
    file: client,
    find: "      out.push({ type: 'disconnect', node, reason: 'unwanted' })\n",
    replace: '',
  },
  {
    name: 'a client takes another client for a peer',
    file: 'src/membership/roles.ts',
    find: "return ours === 'server' ? undefined : { type: 'role', why: bothClients }",
    replace: 'return undefined',
  },
  {
    name: 'a client is told of other clients',
    file: 'src/membership/client-server-messages.ts',
    find: 'isServer(spec) || (isClient(spec) && spec.name === self)',
    replace: 'isServer(spec) || isClient(spec)',
  },
  {
    name: 'a server believes what a client says of others',
    file: server,
    find: 'if (name !== from.name || incarnation !== from.incarnation) return\n',
    replace: '',
  },
  {
    name: 'a client that is connected elsewhere is sent to directly',
    file: server,
    find: 'return servers.length > 0 ? servers : direct',
    replace: 'return direct',
  },
  {
    name: 'the clients are not told which servers come and go',
    file: server,
    find: "    for (const to of attached) for (const message of news) out.push({ type: 'send', to, message })\n",
    replace: '',
  },
  {
    name: 'the servers are not told which clients come and go',
    file: server,
    find: "      for (const to of this.#servers) out.push({ type: 'send', to, message })\n",
    replace: '',
  },
  {
    name: 'the clients are told of a change once, and of none after it',
    file: server,
    find: '    this.#telling = false\n    const news',
    replace: '    const news',
  },
  {
    name: 'clients of a server that is lost count as connected with it for ever',
    file: server,
    find: 'if (this.#servers.delete(node)) this.#lost(this.#attachments.forget(node), now, out)',
    replace: 'this.#servers.delete(node)',
  },
  {
    name: 'a server takes what a lost one said of its clients',
    file: server,
    find: '    if (!this.#servers.has(from.name)) return\n',
    replace: '',
  },
  {
    name: 'a server that missed a change of clients does not ask',
    file: server,
    find: "    out.push({ type: 'send', to: from.name, message: { type: 'ask-clients' } })\n",
    replace: '',
  },
  {
    name: 'a server whose table is full says that a client is a member, which it is not',
    file: server,
    find: 'if (this.#count(from, now, out)) this.#welcome(from.name, out)',
    replace: 'this.#count(from, now, out)\n        this.#welcome(from.name, out)',
  },
  {
    name: 'a client that nobody is connected with counts as seen',
    file: server,
    find: 'return this.#clients.has(name) || (this.#isClient(name) && this.#attachments.serversOf(name).length > 0)',
    replace: 'return true',
  },
  {
    name: 'clients that are gone are not told of',
    file: attachments,
    find: 'const gone = this.#ours.list().filter(name => !clients.has(name))',
    replace: 'const gone: NodeName[] = []',
  },
  {
    name: 'what a server told before is not forgotten when it tells all anew',
    file: attachments,
    find: 'const now = whole || known === undefined ? new HashedNames() : known',
    replace: 'const now = known ?? new HashedNames()',
  },
  {
    name: 'a peer may tell of any number of clients',
    file: attachments,
    find: 'if (now.size < this.#most) now.add(name)',
    replace: 'now.add(name)',
  },
  {
    name: 'the hash over clients is not taken back with a client',
    file: attachments,
    find: '    this.#sum = (this.#sum - hashPartitionKey(name)) >>> 0\n',
    replace: '',
  },
  {
    name: 'a server is forgotten as soon as nobody counts it',
    file: listings,
    find: 'return now - since >= this.#forgetAfter',
    replace: 'return true',
  },
  {
    name: 'a server that was doubted once is doubted from then on',
    file: listings,
    find: '    for (const name of this.#doubted.keys()) if (!doubted.includes(name)) this.#doubted.delete(name)\n',
    replace: '',
  },
  {
    name: 'a server that is not connected any more goes on vouching for others',
    file: listings,
    find: '    this.#listed.delete(server)\n    this.#parts.delete(server)\n',
    replace: '',
  },
  {
    name: 'a closed mesh takes whoever comes',
    file: fixed,
    find: "    if (this.#listed?.has(peer.name) === false) return { type: 'role', why: notListed }\n",
    replace: '',
  },
  {
    name: 'a static mesh takes nodes of other overlays',
    file: fixed,
    find: "    if (peer.role !== staticRole) return { type: 'role', why: otherOverlay }\n",
    replace: '',
  },
  {
    name: 'a closed mesh does not dial those that it was given',
    file: fixed,
    find: "      out.push({ type: 'connect', peer: spec })\n    }",
    replace: '    }',
  },
  {
    name: 'a given peer that left is not dialled on for its next life',
    file: fixed,
    find: "    else out.push({ type: 'connect', peer: spec })\n",
    replace: '',
  },
  {
    name: 'a peer may speak for others',
    file: fixed,
    find: '    if (leaver === undefined) return\n',
    replace: '    if (leaver === undefined) return this.#gone({ ...from, name: node, incarnation }, now, out)\n',
  },
  {
    name: 'a member of a static mesh that restarted and knows nobody is not told that it is one',
    file: fixed,
    find: "    if (this.#count(peer, now, out)) out.push({ type: 'send', to: name, message: { type: 'counted' } })\n",
    replace: '    this.#count(peer, now, out)\n',
  },
  {
    name: 'the time that a member of a static mesh was down is counted from its first loss',
    file: fixed,
    find: '    this.#up.add(name)\n    this.#downtimes.end(name)\n',
    replace: '    this.#up.add(name)\n',
  },
  {
    name: 'who left a static mesh is remembered for ever',
    file: fixed,
    find: '    this.#table.sweep(now, this.#tombstoneAge)\n',
    replace: '',
  },
]
