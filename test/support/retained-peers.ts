import { expect } from 'vitest'
import { type PeerEffect, type PeerInput, PeerState } from '../../src/link/peer-state.js'
import { type PeerFacts, Retention, type RetentionEffect, type RetentionInput } from '../../src/link/retention.js'

export const heldFor = 100_000
/** How often regular care is taken of peers. */
export const pulse = 500
/** A peer has so many. */
const lanesMax = 3

/** What waits for a peer: nothing; something; something that outlasts connections. */
type Load = 'nothing' | 'passing' | 'owed'

export class Peer {
  readonly state = new PeerState()
  /** What the overlay says. */
  wanted = false
  pinned = false
  lanes = { open: 0, relayed: 0 }
  /** Dials of lanes that are closed, while others are open. */
  dials = 0
  /** A direct connection is taking the place of a relayed one. */
  moving = false
  traffic = 0
  load: Load = 'nothing'
  /** What waits may go through other nodes. */
  relayable = false
  awaySince: number

  constructor(now: number) {
    this.awaySince = now
  }
}

/** A retention, and peers to which happens what it says. Time passes in pulses, as in a node. */
export class Peers {
  readonly retention = new Retention<string>(heldFor)
  readonly timers = new Map<string, number>()
  now = 0
  /** Whether a peer that is asked closes its connections, at once. */
  consents = true
  /** Those to which nothing is sent, because they were asked. */
  readonly holding = new Set<string>()
  readonly #peers = new Map<string, Peer>()
  #log: string[] = []

  of(name: string): Peer {
    const peer = this.#peers.get(name) ?? new Peer(this.now)
    this.#peers.set(name, peer)
    return peer
  }

  get names(): readonly string[] {
    return [...this.#peers.keys()]
  }

  /** What was done since it was last asked for. */
  takeDone(): readonly string[] {
    return this.#log.splice(0)
  }

  /** Those that are dialled though the overlay does not want them. */
  get held(): readonly string[] {
    return this.names.filter(name => this.of(name).state.wanted && !this.of(name).wanted)
  }

  facts(name: string): PeerFacts {
    const { state, pinned, lanes, moving, traffic, load, relayable, awaySince } = this.of(name)
    const { phase, verdict, wanted, sought, direct } = state
    return {
      ...{ phase, verdict, wanted, sought, direct, pinned, moving, traffic, awaySince },
      ...{ open: lanes.open > 0, awaited: load !== 'nothing', owed: load === 'owed' },
      relayable: load !== 'nothing' && relayable,
    }
  }

  /** Messages wait for it, or do no longer. */
  load(name: string, load: Load, relayable = false): void {
    Object.assign(this.of(name), { load, relayable })
  }

  /** The overlay wants it, and it is connected. */
  connect(name: string): void {
    this.want(name)
    this.open(name)
  }

  want(name: string): void {
    this.#step({ type: 'wanted', peer: name, facts: this.facts(name) })
    this.of(name).wanted = true
    this.tell(name, { type: 'wanted', wanted: true })
    this.#dial(name)
  }

  /** The user wants it. */
  pin(name: string): void {
    this.of(name).pinned = true
    this.#dial(name)
  }

  letGo(name: string): void {
    this.of(name).wanted = false
    this.#step({ type: 'unwanted', peer: name, facts: this.facts(name) })
  }

  seek(name: string): void {
    this.load(name, this.of(name).load === 'owed' ? 'owed' : 'passing', true)
    this.#step({ type: 'seek', peer: name, facts: this.facts(name) })
  }

  /** All of its lanes are opened; `relayed`: through other nodes. */
  open(name: string, relayed: 0 | 1 = 0): void {
    Object.assign(this.of(name), { dials: 0, moving: false, lanes: { open: lanesMax, relayed: relayed * lanesMax } })
    this.#tellLanes(name)
  }

  /** One of its connections is lost. As a hub does, this dials it unless the peer is asked. */
  loseOne(name: string): void {
    const { lanes } = this.of(name)
    if (lanes.open <= 1) return this.lose(name)
    this.of(name).lanes = { open: lanes.open - 1, relayed: Math.max(0, lanes.relayed - 1) }
    this.#tellLanes(name)
    this.#dial(name)
  }

  /** Lanes that are closed, and not dialled, though others are open and are to stay. */
  missing(name: string): number {
    const { lanes, dials } = this.of(name)
    return lanes.open > 0 && this.#isDialled(name) ? lanesMax - lanes.open - dials : 0
  }

  lose(name: string): void {
    const peer = this.of(name)
    if (peer.lanes.open === 0) return
    Object.assign(peer, { dials: 0, moving: false, lanes: { open: 0, relayed: 0 } })
    this.#step({ type: 'lost', peer: name, facts: this.facts(name) })
    this.#tellLanes(name)
  }

  heal(name: string): void {
    this.tell(name, { type: 'cut', cut: false })
    this.#step({ type: 'healed', peer: name, facts: this.facts(name) })
    this.#dial(name)
  }

  unreached(name: string, isFinal: boolean): void {
    this.#step({ type: 'unreached', peer: name, facts: this.facts(name), isFinal })
  }

  /** The peer asks whether the connections may be closed, or says that they may not. */
  released(name: string, type: 'asked' | 'refused'): void {
    this.#step({ type, peer: name, facts: this.facts(name) })
  }

  forget(name: string): void {
    this.#step({ type: 'forget', peer: name, facts: this.facts(name) })
  }

  /** Its link is no more. */
  remove(name: string): void {
    this.#peers.delete(name)
    this.#step({ type: 'gone', peer: name })
  }

  leave(name: string): void {
    Object.assign(this.of(name), { wanted: false, pinned: false })
    this.tell(name, { type: 'left' })
    this.lose(name)
  }

  /** A neighbour for which messages wait is lost, and the overlay lets go of it. */
  strand(name: string): void {
    this.connect(name)
    this.load(name, 'owed')
    this.lose(name)
    this.letGo(name)
  }

  /** Lets time pass; returns what was done, and when. */
  pass(millis: number): readonly (readonly [number, string])[] {
    this.#log = []
    const transcript: (readonly [number, string])[] = []
    for (const end = this.now + millis; this.now < end; ) {
      const tick = (Math.floor(this.now / pulse) + 1) * pulse
      this.now = Math.min(end, tick, ...this.timers.values())
      for (const [name, at] of [...this.timers]) if (at <= this.now) this.#expire(name)
      if (this.now === tick) this.#tick()
      for (const line of this.takeDone()) transcript.push([this.now, line])
    }
    return transcript
  }

  tell(name: string, input: PeerInput): void {
    const effects: PeerEffect[] = []
    const peer = this.of(name)
    // As a link does.
    if (peer.state.phase === 'up' || peer.state.phase === 'cut') peer.awaySince = this.now
    peer.state.step(input, this.now, effects)
    for (const effect of effects) {
      if (effect.type === 'up') this.#step({ type: 'reached', peer: name })
      if (effect.type === 'fail-queued') this.#end(name, effect.why)
    }
  }

  #end(name: string, why: string): void {
    const { load } = this.of(name)
    const outlasts = why === 'down' && load === 'owed'
    if (load === 'nothing' || outlasts) return
    this.load(name, 'nothing')
    this.#log.push(`${name}: what waits ends, ${why}`)
  }

  #isDialled(name: string): boolean {
    const { state, pinned } = this.of(name)
    return (state.wanted || state.sought || pinned) && state.phase === 'up' && !this.holding.has(name)
  }

  #dial(name: string): void {
    const { lanes } = this.of(name)
    if (lanes.open > 0 && this.#isDialled(name)) this.of(name).dials = lanesMax - lanes.open
  }

  /** What was dialled is there. */
  #dialled(name: string): void {
    const { lanes, dials } = this.of(name)
    if (dials === 0) return
    this.of(name).dials = 0
    if (!this.#isDialled(name)) return
    this.of(name).lanes = { open: lanes.open + dials, relayed: lanes.relayed > 0 ? lanes.relayed + dials : 0 }
    this.#tellLanes(name)
  }

  #tick(): void {
    for (const name of this.names) this.#dialled(name)
    for (const name of this.names) {
      if (this.of(name).lanes.open > 0) this.#step({ type: 'used', peer: name, facts: this.facts(name) })
    }
    for (const name of this.retention.kept) this.#step({ type: 'tick', peer: name, facts: this.facts(name) })
  }

  #expire(name: string): void {
    this.timers.delete(name)
    this.#step({ type: 'expired', peer: name, facts: this.facts(name) })
  }

  #tellLanes(name: string): void {
    this.tell(name, { type: 'lanes', ...this.of(name).lanes })
  }

  #step(input: RetentionInput<string>): void {
    const effects: RetentionEffect<string>[] = []
    this.retention.step(input, this.now, effects)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: RetentionEffect<string>): void {
    const { peer: name } = effect
    switch (effect.type) {
      case 'tell':
        return this.tell(name, effect.input)
      case 'unpin':
        this.of(name).pinned = false
        return
      case 'release':
        return void this.#log.push(`${name}: release`)
      case 'look':
        this.#log.push(`${name}: look`)
        // What is open then is kept by the other end, which opens what is closed of it.
        return this.#dial(name)
      case 'arm':
        expect(this.timers.has(name)).toBe(false)
        return void this.timers.set(name, this.now + effect.after)
      case 'disarm':
        return expect(this.timers.delete(name)).toBe(true)
      case 'count':
        return void this.#log.push(`${name}: ${effect.what}`)
      case 'ask': {
        const { open, awaited, moving } = this.facts(name)
        expect([this.holding.has(name), open, awaited, moving]).toEqual([false, true, false, false])
        this.holding.add(name)
        if (!this.consents) return void this.#log.push(`${name}: ask`)
        this.#log.push(`${name}: close`)
        return this.lose(name)
      }
      case 'resume':
        return expect(this.holding.delete(name)).toBe(true)
      case 'reopen':
        this.#log.push(`${name}: reopen`)
        return this.#dial(name)
      case 'refuse':
        return void this.#log.push(`${name}: refuse`)
      case 'fail': {
        this.#log.push(`${name}: fail${effect.held ? ' the impatient' : ''}`)
        if (!effect.held) this.load(name, 'nothing')
        return this.#step({ type: 'failed', peer: name, facts: this.facts(name) })
      }
      case 'close':
      case 'part': {
        const { open, relayed } = this.of(name).lanes
        const isClosed = open > 0 && (effect.type === 'part' ? relayed === 0 : effect.direct || relayed > 0)
        if (!isClosed) return
        this.#log.push(`${name}: close`)
        return this.lose(name)
      }
    }
  }
}
