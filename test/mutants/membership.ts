import type { Mutant } from './mutant.js'

const full = 'src/membership/full.ts'
const farewells = 'src/membership/farewells.ts'
const table = 'src/membership/member-table.ts'

/** Who is in the cluster: the machine of the full mesh. */
export const membership: readonly Mutant[] = [
  {
    name: 'a peer is stale when its incarnation is later than the known one, not earlier',
    file: table,
    find: 'if (peer.incarnation < known.spec.incarnation) return',
    replace: 'if (peer.incarnation > known.spec.incarnation) return',
  },
  {
    name: 'who has left is let in again in the same incarnation',
    file: table,
    find: "return known.left && peer.incarnation === known.spec.incarnation ? { type: 'removed' } : undefined",
    replace: 'return undefined',
  },
  {
    name: 'who has left is not let in in a later incarnation either',
    file: table,
    find: 'return known.left && peer.incarnation === known.spec.incarnation ?',
    replace: 'return known.left ?',
  },
  {
    name: 'a new life begins with the members of the last',
    file: full,
    find: '    this.#table.clear()\n',
    replace: '',
  },
  {
    name: 'a new life begins departed, when the last one left',
    file: full,
    find: '    this.#departed = false\n    this.#isolation.reset()',
    replace: '    this.#isolation.reset()',
  },
  {
    name: 'a new life begins isolated, when the last one was',
    file: full,
    find: '    this.#isolation.reset()\n',
    replace: '',
  },
  {
    name: 'the first digest is never due',
    file: full,
    find: "    out.push({ type: 'arm', timer: 'digest', after: this.#jittered(this.#options.digestInterval) })\n    out.push({ type: 'arm', timer: 'sweep'",
    replace: "    out.push({ type: 'arm', timer: 'sweep'",
  },
  {
    name: 'only one digest is ever sent: its timer is not armed again',
    file: full,
    find: "    if (timer === 'digest') {\n      out.push({ type: 'arm', timer: 'digest', after: this.#jittered(this.#options.digestInterval) })\n",
    replace: "    if (timer === 'digest') {\n",
  },
  {
    name: 'who left is looked for once only: the sweep is not armed again',
    file: full,
    find: "#sweep(now: Instant, out: Effects): void {\n    out.push({ type: 'arm', timer: 'sweep', after: this.#downtimes.sweepInterval })\n",
    replace: '#sweep(now: Instant, out: Effects): void {\n',
  },
  {
    name: 'a node that has left joins, without a new life',
    file: full,
    find: '#join(peer: NodeSpec, now: Instant, out: Effects): void {\n    if (this.#departed) return\n',
    replace: '#join(peer: NodeSpec, now: Instant, out: Effects): void {\n',
  },
  {
    name: 'a joiner tells of the first 64 members that it knows, and of no others',
    file: full,
    find: '    this.#sendNews(peer.name, further, out)\n',
    replace: '',
  },
  {
    name: 'a node that leaves goes on as a member in its own eyes',
    file: full,
    find: "    this.#departed = true\n    out.push({ type: 'notify', event: { type: 'members' } })\n    this.#tellAll",
    replace: "    out.push({ type: 'notify', event: { type: 'members' } })\n    this.#tellAll",
  },
  {
    name: 'a removed node is disconnected before it is told',
    file: full,
    find: '    this.#tellAll(entry, out)\n    this.#learn([entry], undefined, now, out)\n',
    replace: '    this.#learn([entry], undefined, now, out)\n    this.#tellAll(entry, out)\n',
  },
  {
    name: 'a leave waits for ever for a peer that says nothing: its timer is not armed',
    file: farewells,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: "    out.push({ type: 'arm', timer: `${timerPrefix}${leaver}`, after: this.#timeout })\n",
    replace: '',
  },
  {
    name: 'a leave of which nobody has to be told does not end',
    file: farewells,
    find: 'after: this.#timeout })\n    this.#toldPerhaps(leaver, out)\n',
    replace: 'after: this.#timeout })\n',
  },
  {
    name: 'the time that a member was down is counted from its first loss, though it came back',
    file: full,
    find: '    this.#up.add(name)\n    this.#downtimes.end(name)\n',
    replace: '    this.#up.add(name)\n',
  },
  {
    name: 'nobody compares views when a connection opens',
    file: full,
    find: '    else if (!this.#isolation.lasts) this.#sendDigest(name, out)\n',
    replace: '',
  },
  {
    name: 'a stranger that connects is taken for a member',
    file: full,
    find: '    if (known === undefined || known.left) return\n    this.#learn',
    replace: '    this.#learn',
  },
  {
    name: 'a node that lost its last connection does not know that it is alone',
    file: full,
    find: 'if (this.#up.size === 0 || this.#isolation.teacher === node)',
    replace: 'if (this.#isolation.teacher === node)',
  },
  {
    name: 'a node whose teacher was lost waits for it for ever',
    file: full,
    find: 'if (this.#up.size === 0 || this.#isolation.teacher === node)',
    replace: 'if (this.#up.size === 0)',
  },
  {
    name: 'a leave waits for the note of a peer whose connection is lost',
    file: farewells,
    find: '      unnoted.delete(node)\n',
    replace: '',
  },
  {
    name: 'a node that has left answers nobody: those who missed its leave go on believing in it',
    file: full,
    find: 'if (this.#departed) return this.#sayGoodbye(from.name, out)',
    replace: 'if (this.#departed) return',
  },
  {
    name: 'a node that is leaving does not see who has taken note',
    file: full,
    find: "    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)\n    if (this.#departed) return this.#sayGoodbye(from.name, out)\n",
    replace:
      "    if (this.#departed) return this.#sayGoodbye(from.name, out)\n    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)\n",
  },
  {
    name: 'a note of one leave counts for all of them',
    file: farewells,
    find: 'this.#unnoted.get(leaver)?.delete(by)',
    replace: 'for (const unnoted of this.#unnoted.values()) unnoted.delete(by)',
  },
  {
    name: 'who asks to join is counted only where it names itself among those it knows',
    file: full,
    find: 'this.#learn([{ spec: from, left: false }, ...message.entries], from.name, now, out)',
    replace: 'this.#learn(message.entries, from.name, now, out)',
  },
  {
    name: 'who asks to join is not answered',
    file: full,
    find: '        return this.#welcome(from.name, out)',
    replace: '        return',
  },
  {
    name: 'any news counts as the answer to a join',
    file: full,
    find: 'if (message.counted) out.push(',
    replace: 'out.push(',
  },
  {
    name: 'who is told of a leave does not say that it took note',
    file: full,
    find: "        out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })\n",
    replace: '',
  },
  {
    name: 'a rumour is told to whoever is connected, members or not',
    file: full,
    find: 'const peers = [...this.#up].filter(name => this.#table.isMember(name))\n    const names',
    replace: 'const peers = [...this.#up]\n    const names',
  },
  {
    name: 'a teacher that has not answered is not asked again',
    file: full,
    find: '      if (this.#isolation.lasts) return this.#askTeacher(out)\n',
    replace: '',
  },
  {
    name: 'news goes back to whoever told it',
    file: full,
    find: 'this.#news.set(name, from)',
    replace: 'this.#news.set(name, undefined)',
  },
  {
    name: 'a generated name that was never connected here is never removed',
    file: full,
    find: '        if (!this.#up.has(name)) this.#downtimes.begin(name, now)\n',
    replace: '',
  },
  {
    name: 'the links to a node that left stay open',
    file: full,
    find: "        out.push({ type: 'disconnect', node: name, reason: 'left', incarnation })\n",
    replace: '',
  },
  {
    name: 'what was learnt is not passed on',
    file: full,
    find: "    out.push({ type: 'arm', timer: 'gossip', after: this.#options.gossipDelay })\n",
    replace: '',
  },
  {
    name: 'a node that hears of its own removal goes on with the rest of the news',
    file: full,
    find: 'if (this.#hearOfSelf(entry, self, from, out)) return\n',
    replace: 'this.#hearOfSelf(entry, self, from, out)\n',
  },
  {
    name: 'a later start of the own name is not noticed',
    file: full,
    find: "      out.push({ type: 'notify', event: { type: 'superseded', known: entry.spec.incarnation } })\n",
    replace: '',
  },
]
