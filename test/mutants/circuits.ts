import type { Mutant } from './mutant.js'

const machine = 'src/delivery/circuits.ts'
const relayer = 'src/manager/relayer.ts'
const side = 'src/manager/circuit-side.ts'
const arrivals = 'src/manager/relay-arrivals.ts'
const connection = 'src/manager/circuit-connection.ts'
const seeker = 'src/manager/seeker.ts'
const sender = 'src/manager/sender.ts'

/** Ways through other nodes. */
export const circuits: readonly Mutant[] = [
  {
    name: 'a handshake over a long way has no more time than one to a neighbour',
    file: 'src/link/ways.ts',
    find: 'relayed === true ? circuitHandshakeMillis : handshakeMillis',
    replace: 'relayed === true ? handshakeMillis : handshakeMillis',
    tests: ['test/manager/relay-far.test.ts'],
  },
  {
    name: 'the time that a caller gives for a way is cut short',
    file: seeker,
    find: ' && !(isOpenEnded && isTimed(entry))',
    replace: '',
    tests: ['test/manager/relay-far.test.ts'],
  },
  {
    name: 'a circuit is passed on as often as it comes',
    file: machine,
    find: 'if (this.#circuits.has(circuit) || this.#seen.has(circuit)) return',
    replace: 'if (this.#circuits.has(circuit)) return',
  },
  {
    name: 'a copy that comes late takes the place of an open circuit',
    file: machine,
    find: 'if (this.#circuits.has(circuit) || this.#seen.has(circuit)) return',
    replace: 'if (this.#seen.has(circuit)) return',
  },
  {
    name: 'whoever sends on a circuit that does not lead on is not told',
    file: machine,
    find: '    this.#strays.set(key, now)\n    out.push(',
    replace: '    this.#strays.set(key, now)\n    if (now < 0) out.push(',
  },
  {
    name: 'nobody is asked for a way to a node that the overlay has not heard of',
    file: relayer,
    find: '(named.length > 0 ? named : others())',
    replace: '(named.length > 0 || overlay.route(to).length === 0 ? named : others())',
    tests: ['test/manager/relay-faults.test.ts'],
  },
  {
    name: 'a circuit is as long as it likes',
    file: machine,
    find: "    if (hops === 0) return refuse('hops')\n",
    replace: '',
  },
  {
    name: 'the first branch that ends ends the search',
    file: machine,
    find: '    if (known.asked.size > 0) return\n',
    replace: '',
  },
  {
    name: 'a search that nobody answers for is kept for ever',
    file: machine,
    find: 'if (known.asked === undefined || known.expires > now) continue',
    replace: 'if (known.asked === undefined || known.expires > 0) continue',
  },
  {
    name: 'whoever may not have noticed a loss is not told of it',
    file: machine,
    find: 'if (to === undefined || (to === by && lost === undefined)) continue',
    replace: 'if (to === undefined || to === by) continue',
  },
  {
    name: 'a circuit that ended counts for ever',
    file: machine,
    find: '    if (up !== undefined) this.#carried--\n',
    replace: '',
  },
  {
    name: 'a node takes part in as many circuits as there are',
    file: machine,
    find: 'if (this.#carried >= carried) {',
    replace: 'if (this.#carried > seenMax) {',
  },
  {
    name: 'anybody closes the circuits of others',
    file: machine,
    find: 'if (from === known.up || from === known.down) this.#close',
    replace: 'if (from !== undefined) this.#close',
  },
  {
    name: 'bytes of anybody go on along a circuit',
    file: machine,
    find: "return from === known.down ? (known.up ?? 'here') : undefined",
    replace: "return known.up ?? 'here'",
  },
  {
    name: 'what was seen is remembered for ever',
    file: machine,
    find: '    if (now - since < seenMillis) return\n',
    replace: '    if (since >= 0) return\n',
  },
  {
    name: 'a circuit goes on when a connection that it led over is lost',
    file: relayer,
    find: "    for (const circuit of circuits) this.#step({ type: 'lost', circuit, peer: lane.link.name })\n",
    replace: '',
  },
  {
    name: 'a circuit that is stuck keeps the credit of others',
    file: relayer,
    find: 'if (now - (waitsSince ?? now) >= stallMillis)',
    replace: 'if (now - (waitsSince ?? now) >= 1e9)',
  },
  {
    name: 'a relay returns credit for what it has not passed on',
    file: relayer,
    find: '    if (over) return undefined\n',
    replace: '    if (over || kept.end === undefined) return undefined\n',
  },
  {
    name: 'a circuit goes on without what an interposition took on arrival',
    file: relayer,
    find: "if (isCircuitRef(circuit)) this.#step({ type: 'lost'",
    replace: "if (isCircuitRef(circuit) && lane.index < 0) this.#step({ type: 'lost'",
  },
  {
    name: 'a circuit goes on without what an interposition took before it left',
    file: sender,
    find: "return kind === 'relay' ? outgoing.settler?.failed(new Error('dropped')) : outgoing.settler?.sent()",
    replace: 'return outgoing.settler?.sent()',
  },
  {
    name: 'what an interposition delays is overtaken on its circuit',
    file: side,
    find: 'if (this.#line.length > 0 || (interpositions.active && this.#underWay > 0))',
    replace: 'if (this.#line.length > 0 && interpositions.active)',
  },
  {
    name: 'what an interposition delays on arrival is overtaken on its circuit',
    file: arrivals,
    find: 'if (!held && before === undefined) return this',
    replace: 'if (!held) return this',
  },
  {
    name: 'a reader that pauses is handed what comes',
    file: connection,
    find: 'if (this.#paused || this.#held.length > 0) {',
    replace: 'if (this.#held.length > 0) {',
  },
  {
    name: 'a circuit takes whatever is sent, and never says that it is enough',
    file: connection,
    find: '    if (this.#waiting > highWaterMark) this.#blocked = true\n',
    replace: '',
  },
  {
    name: 'a relayed connection is closed while an answer is waited for',
    file: seeker,
    find: '    return this.#context.pending(link.name) > 0\n',
    replace: '    return false\n',
  },
  {
    name: 'who waits for a way is not told that there is none',
    file: seeker,
    find: '    for (const { settler } of entries) settler?.failed(error)\n',
    replace: '',
  },
  {
    name: 'a message that may not be relayed uses a relayed connection',
    file: 'src/link/peer-state.ts',
    find: "    if (this.#direct > 0) return 'send'\n",
    replace: "    if (this.#lanes > 0) return 'send'\n",
  },
  {
    name: 'two clients refuse each other also through their server',
    file: 'src/manager/link-events.ts',
    find: 'return relayed && refusal?.code === CloseCode.role ? undefined : refusal',
    replace: 'return refusal',
  },
  {
    name: 'what the overlay no longer wants stays for ever once it was used',
    file: seeker,
    find: "if (effect.direct) return peer.close('disconnected', 'nothing goes over it')",
    replace: '',
    tests: ['test/manager/kept-connections.test.ts'],
  },
  {
    name: 'a peer that is connected is searched for, over the lane that is missing',
    file: 'src/link/ways.ts',
    find: '    directLanes === 0 &&\n',
    replace: '    (directLanes === 0 || !wanted) &&\n',
    tests: ['test/manager/kept-connections.test.ts'],
  },
  {
    name: 'an answer that is lost is taken for a no',
    file: machine,
    find: "      return this.#refused(circuit, known, peer, 'lost', out)\n",
    replace: "      return this.#refused(circuit, known, peer, 'unknown', out)\n",
  },
  {
    name: 'of two reasons the lost answer counts least',
    file: machine,
    find: 'busy: 2, lost: 3 }',
    replace: 'busy: 2, lost: 0 }',
  },
  {
    name: 'circuits of who is connected, and no neighbour, are refused where nobody knows all',
    file: relayer,
    find: 'if (!knowsAll(overlay)) return this.#context.hub.links.get(from)?.state.direct === true\n',
    replace: '',
    tests: ['test/manager/kept-connections.test.ts'],
  },
]
