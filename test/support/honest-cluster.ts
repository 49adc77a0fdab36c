import type { Incarnation, NodeName } from '../../src/core/node.js'
import { SeededRandom, sample } from '../../src/core/random.js'
import type { Millis } from '../../src/core/time.js'
import type { HistoryEvent, MemberLife } from '../../src/testing/histories/history-event.js'

interface Message {
  readonly channel: string
  readonly key: string
  readonly id: number
  readonly fromLife: Incarnation
}

interface Entry {
  readonly life: Incarnation
  readonly left: boolean
}

interface Node {
  readonly name: NodeName
  life: Incarnation
  running: boolean
  /** It left, or was removed, in this life. */
  departed: boolean
  table: Map<NodeName, Entry>
  /** Peers that are up, in which life. */
  ups: Map<NodeName, Incarnation>
  cuts: Map<NodeName, Set<string>>
}

const names = ['a', 'b', 'c', 'd'] as NodeName[]
const channels = ['one', 'two']
const keys = ['k', 'l']
const monotonicChannel = 'two'
/** Losses are noticed within so long. */
const noticeMillis: Millis = 5_000

/**
 * A cluster that keeps every promise, in two hundred lines: not how the real one works, but what it may show. Messages
 * are lost with connections, ends are noticed late, views lag behind, partitions overlap.
 */
export class HonestCluster {
  readonly history: HistoryEvent[] = []
  readonly #random: SeededRandom
  readonly #nodes = new Map<NodeName, Node>()
  readonly #ids = new Map<string, number>()
  /** In flight, or waiting: one line for each direction of a pair and channel. */
  readonly #lines = new Map<string, Message[]>()
  /** Pairs whose connection is open, or was and is not yet noticed to be gone. */
  readonly #links = new Map<string, { open: boolean }>()
  readonly #parted = new Map<string, readonly [NodeName, NodeName]>()
  #later: { readonly at: Millis; readonly run: () => void }[] = []
  readonly #refs: string[] = []
  #refCount = 0
  #now: Millis = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    for (const name of names) {
      const node = { name, life: 0 as Incarnation, running: false, departed: false }
      this.#nodes.set(name, { ...node, table: new Map(), ups: new Map(), cuts: new Map() })
    }
  }

  run(steps: number): readonly HistoryEvent[] {
    for (const name of names) this.#start(this.#node(name))
    for (let step = 0; step < steps; step++) {
      this.#act()
      this.#pass(this.#random.next() < 0.2 ? this.#random.next() * 3_000 : this.#random.next() * 50)
      this.#gossip(0.3)
      this.#connect(0.5)
      for (let count = 0; count < 12; count++) this.#deliver()
    }
    this.#settle()
    return this.history
  }

  #act(): void {
    const roll = this.#random.next()
    const [one, other] = this.#two()
    if (roll < 0.55) for (let count = 0; count < 5; count++) this.#send(one, other)
    else if (roll < 0.62) this.#lose(one, other)
    else if (roll < 0.68) this.#part(one, other)
    else if (roll < 0.74) this.#heal()
    else if (roll < 0.78) this.#end(one, this.#random.next() < 0.5 ? 'crashed' : 'stopped')
    else if (roll < 0.86 && !one.running) this.#start(one)
    else if (roll < 0.87) this.#leave(one)
    else if (roll < 0.88) this.#remove(one, other)
    else if (roll < 0.92 && one.departed) this.#rejoin(one)
    else if (roll < 0.98) this.#cut(one, other)
    else this.#resolve()
  }

  // Lives.

  #start(node: Node): void {
    node.life = (node.life + 1) as Incarnation
    node.running = true
    node.departed = false
    node.table = new Map([[node.name, { life: node.life, left: false }]])
    node.ups.clear()
    node.cuts.clear()
    this.#record({ type: 'started', ...this.#head(node) })
    this.#tellMembers(node)
  }

  #end(node: Node, type: 'crashed' | 'stopped'): void {
    if (!node.running) return
    if (type === 'stopped') for (const peer of node.ups.keys()) this.#down(node, peer, 'lost')
    this.#record({ type, ...this.#head(node) })
    node.running = false
    node.ups.clear()
    for (const peer of this.#peers(node)) this.#break(node, peer)
  }

  /** A node that left begins another life without ending its process. */
  #rejoin(node: Node): void {
    if (!node.running) return
    if (this.#random.next() < 0.5) this.#record({ type: 'stopped', ...this.#head(node) })
    this.#start(node)
  }

  // Membership.

  #leave(node: Node): void {
    if (!node.running || node.departed) return
    const { name, life } = node
    this.#record({ type: 'leave', ...this.#head(node), leaver: name, leaverLife: life })
    const told = [...node.ups.keys()].map(peer => this.#node(peer))
    this.#depart(node)
    for (const peer of told) this.#merge(peer, new Map([[name, { life, left: true }]]))
  }

  #remove(node: Node, peer: Node): void {
    const known = node.table.get(peer.name)
    if (!node.running || node.departed || known === undefined || known.left) return
    this.#record({ type: 'leave', ...this.#head(node), leaver: peer.name, leaverLife: known.life })
    const reachable = node.ups.has(peer.name) && peer.running
    this.#merge(node, new Map([[peer.name, { ...known, left: true }]]))
    if (reachable) this.#merge(peer, new Map([[peer.name, { ...known, left: true }]]))
  }

  /** It is alone from now. */
  #depart(node: Node): void {
    node.departed = true
    this.#tellMembers(node)
    for (const peer of this.#peers(node)) {
      if (node.ups.has(peer.name)) this.#down(node, peer.name, 'left')
      this.#break(node, peer)
    }
  }

  /** Takes what is newer: by life, then leaving. */
  #merge(node: Node, entries: ReadonlyMap<NodeName, Entry>): boolean {
    if (!node.running || node.departed) return false
    let changed = false
    for (const [name, entry] of entries) {
      const known = node.table.get(name)
      const newer =
        known === undefined || entry.life > known.life || (entry.life === known.life && entry.left && !known.left)
      if (!newer) continue
      if (name === node.name) {
        this.#depart(node)
        this.#record({ type: 'removed', ...this.#head(node) })
        return true
      }
      node.table.set(name, entry)
      changed = true
      if (entry.left && node.ups.has(name)) {
        this.#down(node, name, 'left')
        this.#break(node, this.#node(name))
      }
    }
    if (changed) this.#tellMembers(node)
    return changed
  }

  /** Whoever can reach each other exchange what they know. */
  #gossip(chance: number): boolean {
    let changed = false
    for (const [one, other] of this.#pairs()) {
      if (this.#random.next() >= chance) continue
      if (this.#goodbye(one, other) || this.#goodbye(other, one)) changed = true
      if (!this.#mayMeet(one, other)) continue
      const theirs = new Map(other.table)
      if (this.#merge(other, new Map(one.table))) changed = true
      if (this.#merge(one, theirs)) changed = true
    }
    return changed
  }

  /** Who left says so to whoever asks. */
  #goodbye(leaver: Node, node: Node): boolean {
    const lists = node.table.get(leaver.name)?.left === false
    if (!leaver.departed || !leaver.running || this.#parted.has(pairKey(leaver, node)) || !lists) return false
    return this.#merge(node, new Map([[leaver.name, { life: leaver.life, left: true }]]))
  }

  #tellMembers(node: Node): void {
    const all = node.departed ? [[node.name, { life: node.life, left: false }] as const] : [...node.table]
    const members: MemberLife[] = all.filter(([, { left }]) => !left).map(([name, { life }]) => ({ name, life }))
    members.sort((a, b) => (a.name < b.name ? -1 : 1))
    this.#record({ type: 'members', ...this.#head(node), members })
  }

  // Connections.

  #mayMeet(one: Node, other: Node): boolean {
    const parted = [...this.#parted.values()].some(pair => pair.includes(one.name) && pair.includes(other.name))
    return one.running && other.running && !one.departed && !other.departed && !parted && !this.#isCut(one, other)
  }

  #isCut(one: Node, other: Node): boolean {
    return one.cuts.has(other.name) || other.cuts.has(one.name)
  }

  #connect(chance: number): void {
    for (const [one, other] of this.#pairs()) {
      if (this.#random.next() >= chance) continue
      this.#meetAnew(one, other)
      this.#meetAnew(other, one)
      if (this.#links.has(pairKey(one, other))) continue
      const lists = (at: Node, peer: Node): boolean => at.table.get(peer.name)?.life === peer.life
      // A new life is met: what cut off the earlier one ends.
      for (const [at, peer] of bothWays(one, other)) {
        if (!lists(at, peer) && !this.#parted.size) this.#forgetCuts(at, peer)
      }
      if (!this.#mayMeet(one, other) || !lists(one, other) || !lists(other, one)) continue
      this.#links.set(pairKey(one, other), { open: true })
      this.#up(one, other)
      this.#up(other, one)
    }
  }

  /** A peer is met in a later life before it was noticed that the earlier one had ended. */
  #meetAnew(node: Node, peer: Node): void {
    const earlier = node.ups.get(peer.name)
    const other = peer.ups.get(node.name)
    if (earlier === undefined || earlier === peer.life || other === node.life || !this.#mayMeet(node, peer)) return
    this.#down(node, peer.name, 'restarted')
    if (other !== undefined) this.#down(peer, node.name, 'restarted')
    this.#drop(node, peer)
    this.#drop(peer, node)
    this.#links.delete(pairKey(node, peer))
  }

  #up(node: Node, peer: Node): void {
    if (node.cuts.has(peer.name)) return
    node.ups.set(peer.name, peer.life)
    const peerLife = this.#random.next() < 0.5 ? { peerLife: peer.life } : {}
    this.#record({ type: 'up', ...this.#head(node), peer: peer.name, ...peerLife })
  }

  #down(node: Node, peer: NodeName, reason: 'lost' | 'cut' | 'left' | 'restarted'): void {
    const peerLife = node.ups.get(peer)
    if (!node.ups.delete(peer)) return
    this.#record({ type: 'down', ...this.#head(node), peer, ...(peerLife !== undefined && { peerLife }), reason })
  }

  /** Both ends notice it some time, if they are still there; what is in flight may or may not arrive before that. */
  #break(one: Node, other: Node): void {
    const key = pairKey(one, other)
    const link = this.#links.get(key)
    if (link?.open !== true) return
    link.open = false
    let unnoticed = 2
    for (const [node, peer] of bothWays(one, other)) {
      const { life } = node
      const peerLife = node.ups.get(peer.name)
      this.#schedule(this.#random.next() * noticeMillis, () => {
        if (this.#links.get(key) !== link) return
        if (node.life === life && node.running && node.ups.get(peer.name) === peerLife)
          this.#down(node, peer.name, 'lost')
        this.#drop(peer, node)
        if (--unnoticed === 0) this.#links.delete(key)
      })
    }
  }

  #lose(one: Node, other: Node): void {
    this.#record({ type: 'fault', at: this.#now, until: this.#now, nodes: [one.name, other.name], what: 'lost' })
    this.#break(one, other)
  }

  #part(one: Node, other: Node): void {
    const key = pairKey(one, other)
    if (this.#parted.has(key)) return
    this.#parted.set(key, [one.name, other.name])
    this.#record({ type: 'fault', at: this.#now, nodes: [one.name, other.name], what: 'partition' })
    this.#break(one, other)
  }

  #heal(): void {
    for (const nodes of this.#parted.values()) {
      this.#record({ type: 'fault', at: this.#now, nodes, what: 'partition: over' })
    }
    this.#parted.clear()
  }

  // Injected partitions.

  #cut(one: Node, other: Node): void {
    if (this.#links.get(pairKey(one, other))?.open !== true) return
    const ref = `ref ${++this.#refCount}`
    this.#refs.push(ref)
    for (const [node, peer] of bothWays(one, other)) {
      const refs = node.cuts.get(peer.name) ?? new Set()
      node.cuts.set(peer.name, refs.add(ref))
      this.#down(node, peer.name, 'cut')
      this.#record({ type: 'cut', ...this.#head(node), peer: peer.name, ref })
    }
  }

  #resolve(): void {
    const [ref] = sample(this.#random, this.#refs, 1)
    if (ref === undefined) return
    this.#refs.splice(this.#refs.indexOf(ref), 1)
    for (const node of this.#nodes.values()) {
      if (!node.running) continue
      for (const [name, refs] of node.cuts) {
        if (!refs.delete(ref)) continue
        if (refs.size === 0) node.cuts.delete(name)
        const peer = this.#node(name)
        const open = this.#links.get(pairKey(node, peer))?.open && peer.running && !node.departed && !peer.departed
        if (refs.size === 0 && open) this.#up(node, peer)
        this.#record({ type: 'healed', ...this.#head(node), peer: name, ref })
      }
    }
  }

  #forgetCuts(node: Node, peer: Node): void {
    for (const ref of node.cuts.get(peer.name) ?? []) {
      this.#record({ type: 'healed', ...this.#head(node), peer: peer.name, ref })
    }
    node.cuts.delete(peer.name)
  }

  // Messages.

  #send(from: Node, to: Node): void {
    if (!from.running) return
    const [channel = ''] = sample(this.#random, channels, 1)
    const [key = ''] = sample(this.#random, keys, 1)
    const stream = `${from.name} ${from.life} ${to.name} ${channel} ${key}`
    const id = (this.#ids.get(stream) ?? 0) + 1
    this.#ids.set(stream, id)
    const message: Message = { channel, key, id, fromLife: from.life }
    this.#record({ type: 'sent', ...this.#head(from), to: to.name, channel, key, id, ...monotonic(channel) })
    const line = this.#line(from, to, channel)
    const waiting = line.findIndex(other => other.key === key)
    if (channel === monotonicChannel && waiting >= 0) line[waiting] = message
    else line.push(message)
  }

  #deliver(): void {
    const [from, to] = this.#two()
    const [channel = ''] = sample(this.#random, channels, 1)
    const line = this.#line(from, to, channel)
    const [message] = line
    if (message === undefined || !to.running || to.ups.get(from.name) !== message.fromLife) return
    line.shift()
    const { fromLife, key, id } = message
    const content = { channel, key, id, ...monotonic(channel) }
    this.#record({ type: 'delivered', ...this.#head(to), from: from.name, fromLife, ...content })
  }

  /** A connection is gone: some of what was in flight with it. What an ended life sent is gone as a whole. */
  #drop(from: Node, to: Node): void {
    for (const channel of channels) {
      const line = this.#line(from, to, channel)
      const kept = line.filter(({ fromLife }) => fromLife === from.life && from.running && this.#random.next() < 0.5)
      line.splice(0, line.length, ...kept)
    }
  }

  #line(from: Node, to: Node, channel: string): Message[] {
    const key = `${from.name} ${to.name} ${channel}`
    const line = this.#lines.get(key) ?? []
    this.#lines.set(key, line)
    return line
  }

  // The end.

  #settle(): void {
    this.#heal()
    while (this.#refs.length > 0) this.#resolve()
    this.#pass(2 * noticeMillis)
    // Views merge first: a cut of an ended life ends when the next one is met.
    for (const [one, other] of this.#pairs()) {
      this.#forgetCuts(one, other)
      this.#forgetCuts(other, one)
    }
    while (this.#gossip(1)) this.#pass(2 * noticeMillis)
    this.#connect(1)
    this.#record({ type: 'settled', at: this.#now, live: names.filter(name => this.#node(name).running) })
    for (let count = 0; count < 50; count++) this.#deliver()
  }

  // Bookkeeping.

  #pass(millis: Millis): void {
    const end = this.#now + millis
    for (;;) {
      this.#later.sort((a, b) => a.at - b.at)
      const next = this.#later[0]
      if (next === undefined || next.at > end) break
      this.#later = this.#later.slice(1)
      this.#now = next.at
      next.run()
    }
    this.#now = end
  }

  #schedule(after: Millis, run: () => void): void {
    this.#later.push({ at: this.#now + after, run })
  }

  #record(event: HistoryEvent): void {
    this.history.push(event)
  }

  #head({ name, life }: Node): { at: Millis; node: NodeName; life: Incarnation } {
    return { at: this.#now, node: name, life }
  }

  #node(name: NodeName): Node {
    return this.#nodes.get(name) as Node
  }

  #two(): [Node, Node] {
    const [one, other] = sample(this.#random, names, 2)
    return [this.#node(one as NodeName), this.#node(other as NodeName)]
  }

  #peers(node: Node): Node[] {
    return [...this.#nodes.values()].filter(peer => peer !== node)
  }

  *#pairs(): Iterable<[Node, Node]> {
    for (const one of this.#nodes.values()) {
      for (const other of this.#nodes.values()) if (one.name < other.name) yield [one, other]
    }
  }
}

function bothWays(one: Node, other: Node): readonly (readonly [Node, Node])[] {
  return [
    [one, other],
    [other, one],
  ]
}

function pairKey(one: Node, other: Node): string {
  return one.name < other.name ? `${one.name} ${other.name}` : `${other.name} ${one.name}`
}

function monotonic(channel: string): { monotonic?: true } {
  return channel === monotonicChannel ? { monotonic: true } : {}
}
