import type { Incarnation, Life, NodeName } from '../../src/core/node.js'
import type { Dependency } from '../../src/delivery/causal-matrix.js'
import { CausalRounds, type Conclusion, type FloorAnswer, roundMillis } from '../../src/delivery/causal-rounds.js'
import { Causality, causalPatienceMillis } from '../../src/delivery/causality.js'
import { EndedLives } from '../../src/delivery/ended-lives.js'

/** What an independent judge knows of a message: how much of each life's sending came before it. */
interface Message {
  readonly id: number
  readonly from: Life
  readonly to: Life
  /** The sender's own count of messages, this one included. */
  readonly count: number
  readonly past: ReadonlyMap<string, number>
}

/** A message as it travels. */
interface Parcel {
  readonly type: 'message'
  readonly number: number
  readonly dependencies: readonly Dependency[]
  readonly message: Message
  readonly acked: boolean
}

/** Written behind everything that has left on a stream. */
interface Marker extends FloorAnswer {
  readonly type: 'marker'
}

/** One stream from one life to another: what waits at the sender, and what is under way, both in order. */
interface Stream {
  readonly queued: Parcel[]
  readonly unacknowledged: Parcel[]
  wire: (Parcel | Marker)[]
}

/** All that one life sends to another. */
interface Pair {
  readonly from: Life
  readonly to: Life
  readonly streams: readonly Stream[]
}

/** One life of a node: its machine, and what the judge remembers of it. */
interface Process {
  readonly life: Life
  readonly machine: Causality<Message>
  readonly rounds: CausalRounds<Stream>
  readonly ended: EndedLives
  past: Map<string, number>
  count: number
  /** What anything that was handed over here came after. */
  readonly seen: Map<string, number>
  /** Its count at the last message to each life, and the count of the last that was handed over here, by sender. */
  readonly counts: Map<string, number>
  readonly handed: Map<string, number>
  /** Numbers of messages with acknowledgement that were taken, by sender. */
  readonly taken: Set<string>
  /** Held back by a fault. */
  readonly delayed: { readonly pair: Pair; readonly stream: Stream; readonly parcel: Parcel }[]
  alive: boolean
}

/** What happens next: which kind of thing, to whom. */
export type CausalAction = readonly [kind: number, one: number, other: number, detail: number]

export const causalActionKinds = 64
const streamsPerPair = 2
const label = 'chat'

/**
 * Nodes that send each other messages of one label, over streams that overtake each other, with connections that are
 * lost, resends, duplicates, delays, crashes, restarts and leaves: the machines as they are, and a judge that knows the
 * whole past of each message and nothing of the machines. One of the nodes may be a liar, which names with its messages
 * what never was.
 */
export class CausalNetwork {
  readonly wrong: string[] = []
  delivered = 0
  late = 0
  /** Nobody has lost patience so far. */
  #patient = true
  #now = 0
  #ids = 0
  #incarnations = 0
  readonly #names: readonly NodeName[]
  readonly #processes = new Map<NodeName, Process>()
  readonly #pairs = new Map<string, Pair>()

  readonly #liar: NodeName | undefined

  constructor(nodes: number, hasLiar = false) {
    this.#liar = hasLiar ? ('n0' as NodeName) : undefined
    this.#names = Array.from({ length: nodes }, (_, index) => `n${index}` as NodeName)
    for (const name of this.#names) this.#begin(name)
  }

  act([kind, one, other, detail]: CausalAction): void {
    const from = this.#pick(one)
    const to = this.#pick(other)
    this.#now += 1 + (detail % 50)
    switch (kind % causalActionKinds) {
      case 0:
        return this.#crash(from)
      case 1:
        return this.#learn(from, to)
      case 2:
        return this.#lose(from, to)
      case 3:
        return this.#query(from, to)
      case 4:
        return this.#lose(to, from)
      case 5:
        return this.#duplicate(from, to, detail)
      case 6:
      case 7:
        return this.#goOn(to, detail)
      case 8:
        return this.#cancel(from, to, detail)
      case 9:
        this.#now += detail % causalPatienceMillis
        return this.#care(to)
      case 10:
        return this.#loseOne(this.#pair(from.life, to.life), detail)
      case 11:
        if (detail % 4 === 0) this.#leave(from)
        return
      default:
        if (kind % 3 === 0) return this.#send(from, to, detail)
        if (kind % 3 === 1) return this.#write(from, to, detail)
        return this.#arrive(from, to, detail)
    }
  }

  /** Everything that may still come comes, everybody hears of every end; then nothing may wait anywhere. */
  settle(): void {
    for (const from of this.#names) for (const to of this.#names) this.#learn(this.#process(from), this.#process(to))
    for (let turn = 0; turn < 3; turn++) {
      for (const pair of this.#pairs.values()) this.#drain(pair)
      for (const name of this.#names) while (this.#process(name).delayed.length > 0) this.#goOn(this.#process(name), 2)
    }
    for (let turn = 0; turn < 3; turn++) {
      this.#now += roundMillis
      for (const from of this.#names) {
        for (const to of this.#names) {
          const [one, other] = [this.#process(from), this.#process(to)]
          if (from === to || !one.alive || !other.alive) continue
          this.#query(one, other)
          this.#drain(this.#pair(one.life, other.life))
        }
      }
    }
    if (this.#liar !== undefined) this.#probe()
    for (const name of this.#names) {
      const { machine, alive } = this.#process(name)
      const waits = [...machine.waits()]
      if (alive && waits.length > 0) this.wrong.push(`${name} waits in the end: ${JSON.stringify(waits)}`)
    }
  }

  /** Whatever a liar has told: who waits loses patience, and of two messages the second is handed over. */
  #probe(): void {
    const pairs = this.#names.flatMap(from => this.#names.map(to => [this.#process(from), this.#process(to)] as const))
    const honest = pairs.filter(pair => pair.every(({ alive, life }) => alive && life.name !== this.#liar))
    for (let turn = 0; turn < 3; turn++) {
      this.#now += causalPatienceMillis
      for (const name of this.#names) this.#care(this.#process(name))
      for (const pair of this.#pairs.values()) this.#drain(pair)
    }
    for (let turn = 0; turn < 2; turn++) {
      for (const [from, to] of honest) this.#send(from, to, 0)
      for (let question = 0; question < 3; question++) {
        for (const pair of this.#pairs.values()) this.#drain(pair)
        this.#now += roundMillis
        for (const [from, to] of honest) this.#query(from, to)
        for (const name of this.#names) this.#care(this.#process(name))
        for (const pair of this.#pairs.values()) this.#drain(pair)
      }
    }
    for (const [from, to] of honest) {
      if (to.handed.get(keyOf(from.life)) === from.counts.get(keyOf(to.life))) continue
      this.wrong.push(`${to.life.name} hears no more of ${from.life.name}`)
    }
  }

  #begin(name: NodeName): void {
    const life: Life = { name, incarnation: ++this.#incarnations as Incarnation }
    const ended = new EndedLives(100)
    const lives = { endedSince: (other: Life) => ended.since(other), isNear: () => true }
    this.#processes.set(name, {
      ...{
        life,
        ended,
        machine: new Causality(life, lives),
        rounds: new CausalRounds(),
        past: new Map(),
        count: 0,
        seen: new Map(),
      },
      ...{ counts: new Map(), handed: new Map(), taken: new Set(), delayed: [], alive: true },
    })
  }

  #pick(index: number): Process {
    return this.#process(this.#names[index % this.#names.length] as NodeName)
  }

  #process(name: NodeName): Process {
    return this.#processes.get(name) as Process
  }

  #pair(from: Life, to: Life): Pair {
    const key = `${keyOf(from)} ${keyOf(to)}`
    let pair = this.#pairs.get(key)
    if (pair === undefined) {
      const streams = Array.from({ length: streamsPerPair }, () => ({ queued: [], unacknowledged: [], wire: [] }))
      pair = { from, to, streams }
      this.#pairs.set(key, pair)
    }
    return pair
  }

  #send(from: Process, to: Process, detail: number): void {
    // Nobody sends to a life whose end it knows.
    if (!from.alive || from.ended.since(to.life) !== undefined) return
    from.count++
    from.past.set(keyOf(from.life), from.count)
    from.counts.set(keyOf(to.life), from.count)
    const message = { id: ++this.#ids, from: from.life, to: to.life, count: from.count, past: new Map(from.past) }
    const dependencies = from.machine.dependencies(to.life, this.#now)
    if (from.life.name === this.#liar && detail % 2 === 0) dependencies.push(this.#lie(to, detail))
    const number = from.machine.send(to.life, this.#now)
    const parcel: Parcel = { type: 'message', number, dependencies, message, acked: detail % 3 === 0 }
    this.#stream(this.#pair(from.life, to.life), detail).queued.push(parcel)
  }

  /** That somebody has sent more than it has: a little, or very much; mostly to who is told. */
  #lie(told: Process, detail: number): Dependency {
    const from = this.#pick(Math.floor(detail / 2))
    const to = detail % 8 < 6 ? told : this.#pick(Math.floor(detail / 16))
    const number = from.machine.sentTo(to.life).last + (detail % 3 === 0 ? 2 ** 40 : 1 + (detail % 4))
    return { from: from.life, to: to.life, number, age: 0 }
  }

  #stream({ streams }: Pair, detail: number): Stream {
    return streams[Math.floor(detail / 7) % streams.length] as Stream
  }

  /** Messages leave the sender. */
  #write(from: Process, to: Process, detail: number): void {
    if (!from.alive || from.ended.since(to.life) !== undefined) return
    const stream = this.#stream(this.#pair(from.life, to.life), detail)
    for (let count = 1 + (detail % 3); count > 0; count--) this.#writeOne(from, to.life, stream)
  }

  #writeOne(from: Process, to: Life, stream: Stream): void {
    const parcel = stream.queued.shift()
    if (parcel === undefined) return
    stream.wire.push(parcel)
    if (parcel.acked) stream.unacknowledged.push(parcel)
    else from.machine.left(to, parcel.number)
  }

  /** Something under way arrives, also from a life that is over and not known to be. */
  #arrive(from: Process, to: Process, detail: number): void {
    const pairs = [...this.#pairs.values()].filter(pair => pair.to === to.life && pair.from.name === from.life.name)
    const pair = pairs[detail % Math.max(1, pairs.length)]
    if (pair !== undefined) this.#take(pair, this.#stream(pair, detail), detail % 11 === 0)
  }

  #take(pair: Pair, stream: Stream, delayed: boolean): void {
    const to = this.#process(pair.to.name)
    const parcel = stream.wire.shift()
    if (parcel === undefined || to.life !== pair.to || !to.alive || to.ended.since(pair.from) !== undefined) return
    if (parcel.type === 'marker') return this.#conclude(to, to.rounds.answered(stream, pair.from.name, parcel))
    if (parcel.acked && to.taken.has(keyOfParcel(pair, parcel))) return this.#acknowledge(pair, stream, parcel)
    if (!delayed) return this.#hand(pair, stream, to, parcel)
    to.machine.delayed(pair.from, parcel.number, this.#now)
    to.delayed.push({ pair, stream, parcel })
  }

  /** What a fault held back goes on, or is dropped by it. */
  #goOn(to: Process, detail: number): void {
    const held = to.delayed.shift()
    if (held === undefined) return
    const { pair, stream, parcel } = held
    if (detail % 3 > 0 || parcel.acked || pair.from === pair.to) return this.#hand(pair, stream, to, parcel)
    const out: Message[] = []
    to.machine.undelayed(pair.from, parcel.number, this.#now, out)
    this.#judge(to, out)
  }

  #hand(pair: Pair, stream: Stream, to: Process, { number, dependencies, message, acked }: Parcel): void {
    const out: Message[] = []
    const isOver = to.ended.since(pair.from) !== undefined
    const verdict = to.machine.arrived(pair.from, number, dependencies, message, this.#now, out)
    this.#judge(to, out)
    if (verdict === 'late') this.late++
    if (verdict === 'late' && this.#patient && !isOver) {
      this.wrong.push(`message ${message.id} was given up while it could still come`)
    }
    const parcel = stream.unacknowledged.find(other => other.number === number)
    if (!acked || parcel === undefined) return
    to.taken.add(keyOfParcel(pair, parcel))
    this.#acknowledge(pair, stream, parcel)
  }

  #acknowledge({ from, to }: Pair, stream: Stream, parcel: Parcel): void {
    const at = stream.unacknowledged.indexOf(parcel)
    if (at >= 0) stream.unacknowledged.splice(at, 1)
    const sender = this.#process(from.name)
    if (sender.life === from) sender.machine.left(to, parcel.number)
  }

  /** The connections between two are lost: what was under way is gone, what is not acknowledged is sent again. */
  #lose(one: Process, other: Process): void {
    // What a node sends itself takes no connection.
    if (one === other) return
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      for (const stream of this.#pair(from.life, to.life).streams) this.#break(to, stream)
    }
  }

  /** One of the connections is lost. */
  #loseOne(pair: Pair, detail: number): void {
    if (pair.from !== pair.to) this.#break(this.#process(pair.to.name), this.#stream(pair, detail))
  }

  #break(to: Process, stream: Stream): void {
    stream.wire = []
    for (const conclusion of to.rounds.closed(stream)) this.#conclude(to, conclusion)
    stream.queued.unshift(...stream.unacknowledged.splice(0))
  }

  #duplicate(from: Process, to: Process, detail: number): void {
    const { wire } = this.#stream(this.#pair(from.life, to.life), detail)
    const [first] = wire
    if (first?.type === 'message' && !first.acked) wire.splice(1, 0, first)
  }

  /** A queued message expires, is aborted, or dropped. */
  #cancel(from: Process, to: Process, detail: number): void {
    if (from === to) return
    const { queued } = this.#stream(this.#pair(from.life, to.life), detail)
    const parcel = queued.pop()
    if (parcel !== undefined) from.machine.left(to.life, parcel.number)
  }

  /** `to` asks what may still come of `from`: the answer goes behind all that has left, on every stream. */
  #query(from: Process, to: Process): void {
    if (!from.alive || !to.alive || from === to) return
    if (to.ended.since(from.life) !== undefined || from.ended.since(to.life) !== undefined) return
    const { streams } = this.#pair(from.life, to.life)
    const round = to.rounds.ask(label, from.life, streams, this.#now)
    if (round === undefined) return
    const marker: Marker = { type: 'marker', round, label, lanes: streams.length, ...from.machine.sentTo(to.life) }
    for (const { wire } of streams) wire.push(marker)
  }

  #conclude(to: Process, conclusion: Conclusion | undefined): void {
    if (conclusion === undefined) return
    const out: Message[] = []
    to.machine.concluded(conclusion, this.#now, out)
    this.#judge(to, out)
  }

  /** Regular care: whose messages are missing is asked, and what does not come is not waited for for ever. */
  #care(to: Process): void {
    if (!to.alive) return
    if ([...to.machine.waits()].some(({ since }) => this.#now - since >= causalPatienceMillis)) this.#patient = false
    const out: Message[] = []
    for (const { name, incarnation } of to.machine.care(this.#now, out)) {
      const from = this.#process(name)
      if (from.life.incarnation === incarnation) this.#query(from, to)
    }
    this.#judge(to, out)
  }

  #crash(process: Process): void {
    process.alive = false
    this.#begin(process.life.name)
  }

  #leave(process: Process): void {
    // Somebody has to be left.
    if ([...this.#processes.values()].filter(({ alive }) => alive).length > 2) process.alive = false
  }

  /** `to` hears of all lives of `from` that are over: what belonged to them ends. */
  #learn(from: Process, to: Process): void {
    if (from === to || !to.alive) return
    const { name, incarnation } = from.life
    const over = { name, incarnation: (from.alive ? incarnation - 1 : incarnation) as Incarnation }
    if (!to.ended.add(over, this.#now)) return
    const out: Message[] = []
    to.machine.livesEnded(this.#now, out)
    this.#judge(to, out)
  }

  #drain(pair: Pair): void {
    const from = this.#process(pair.from.name)
    for (const stream of pair.streams) {
      while (from.life === pair.from && from.alive && stream.queued.length > 0) this.#writeOne(from, pair.to, stream)
      while (stream.wire.length > 0) this.#take(pair, stream, false)
    }
  }

  /** Messages are handed over: none of them may come before one that was. */
  #judge(process: Process, messages: readonly Message[]): void {
    for (const { id, from, count, past } of messages) {
      this.delivered++
      const key = keyOf(from)
      process.handed.set(key, count)
      if (from.name !== this.#liar && (process.seen.get(key) ?? 0) >= count) {
        this.wrong.push(`${process.life.name} was handed message ${id} of ${from.name} after one that depends on it`)
      }
      for (const [other, number] of past) {
        process.seen.set(other, Math.max(number, process.seen.get(other) ?? 0))
        process.past.set(other, Math.max(number, process.past.get(other) ?? 0))
      }
    }
  }
}

function keyOf({ name, incarnation }: Life): string {
  return `${name} ${incarnation}`
}

function keyOfParcel({ from }: Pair, { number }: Parcel): string {
  return `${keyOf(from)} ${number}`
}
