import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { ComponentBeacon } from './component-beacon.js'
import type { ComponentMark, Effects, HyParViewMessage } from './hyparview-messages.js'
import type { Neighborhood } from './neighborhood.js'

export const beatTimer = 'beat'
/** A node that has reason to suspect an islet believes so many others that they are where it is. */
const doubtsMax = 8
/** It asks so many at once, and dials so many in a beat: most may be dead. */
const probesAtOnce = 3
const probesPerBeat = 8
/** In a quiet overlay a node probes once in so many rounds. */
const quietRounds = 6
/** So often in a round the root of a component counts. */
const beatsPerRound = 2

/**
 * Finds components that cannot see each other: views that are closed over themselves, after many failures at once, or
 * after a partition. A node remembers more than its views hold, connects with one of these now and then, and
 * compares in which component each of the two is. Where these differ, the two become neighbours, and the components
 * are one. What does not answer is dropped from the passive view on the way.
 */
export class IsletSearch {
  readonly beacon: ComponentBeacon
  readonly #neighborhood: Neighborhood
  readonly #beat: Millis
  #pause = 1
  #roundsLeft = 1
  /** Answers that are wanted, and nodes that may be tried for them. */
  #doubts = 0
  #tries = 0

  constructor(neighborhood: Neighborhood, round: Millis) {
    this.#neighborhood = neighborhood
    this.#beat = round / beatsPerRound
    this.beacon = new ComponentBeacon(this.#beat)
  }

  start(now: Instant, out: Effects): void {
    this.beacon.start(this.#neighborhood.self, now)
    this.#doubts = 0
    this.#tries = 0
    this.alarm()
    this.#armBeat(out)
  }

  /** A neighbour was lost: islets come from that. */
  alarm(): void {
    this.#pause = 1
    this.#roundsLeft = Math.min(this.#roundsLeft, 1)
  }

  /**
   * A beat has passed. With each count each neighbour hears that it is one, so that none
   * counts another that does not count it for long.
   */
  beat(now: Instant, out: Effects): void {
    this.#armBeat(out)
    const { isRoot } = this.beacon
    if (this.beacon.tick(now)) this.confirm(undefined, out)
    if (this.beacon.isRoot !== isRoot || this.beacon.isSilent(now)) this.#suspect()
    else if (this.#doubts > 0) this.#tries = probesPerBeat
    this.probe(now, out)
  }

  round(now: Instant, out: Effects): void {
    if (this.#doubts > 0 || --this.#roundsLeft > 0) return
    this.#pause = Math.min(this.#pause * 2, quietRounds)
    this.#roundsLeft = this.#pause
    this.#doubts = 1
    this.#tries = probesPerBeat
    this.probe(now, out)
  }

  /** Tells the neighbours that they are, and of the component. */
  confirm(without: NodeName | undefined, out: Effects): void {
    const message: HyParViewMessage = { type: 'confirm', component: this.beacon.mark }
    for (const to of this.#neighborhood.active.connected(without)) out.push({ type: 'send', to, message })
  }

  /** A neighbour tells of the component: what is new goes on. */
  hear(from: NodeName, component: ComponentMark, now: Instant, out: Effects): void {
    const { root } = this.beacon.mark
    if (!this.beacon.hear(component, now)) return
    // One part of the component has just found the other, or its root is gone: there may be further parts.
    if (this.beacon.mark.root !== root) this.#suspect()
    this.confirm(from, out)
  }

  /** Somebody wants to know in which component this node is. */
  probed(from: NodeName, out: Effects): void {
    out.push({ type: 'send', to: from, message: { type: 'probe-reply', component: this.beacon.mark } })
  }

  /** A probe was answered: either that node is where this one is, or the two connect their components. */
  answered({ name }: NodeSpec, component: ComponentMark, now: Instant, out: Effects): void {
    const { attempts, active } = this.#neighborhood
    if (attempts.get(name)?.opening.type !== 'probe') return
    if (active.isolated || this.beacon.isElsewhere(component, now)) return attempts.urge(name, now, out)
    attempts.end(name, out)
    this.#doubts = Math.max(0, this.#doubts - 1)
    this.probe(now, out)
  }

  /** The others are asked from the next beat on: by then most have found the root that they have now. */
  #suspect(): void {
    this.#doubts = doubtsMax
    this.#tries = 0
    this.alarm()
  }

  #armBeat(out: Effects): void {
    out.push({ type: 'arm', timer: beatTimer, after: this.#beat * (0.9 + 0.2 * this.#neighborhood.random.next()) })
  }

  /** Asks further nodes, as long as answers are wanted. */
  probe(now: Instant, out: Effects): void {
    const { attempts, up } = this.#neighborhood
    const count = Math.min(this.#doubts, probesAtOnce, this.#tries + attempts.probes) - attempts.probes
    if (count <= 0) return
    this.#tries -= count
    const opening: HyParViewMessage = { type: 'probe', component: this.beacon.mark }
    for (const spec of this.#targets(count, now)) attempts.start({ spec, opening }, up.has(spec.name), now, out)
  }

  /**
   * Mostly those of whom nothing was heard for longest: they are dead or elsewhere. Sometimes one that this node has
   * joined, which others have as well, and sometimes one of the passive view, so that its dead are found.
   */
  #targets(count: number, now: Instant): NodeSpec[] {
    const { active, attempts, book, passive, random } = this.#neighborhood
    const wanted = (name: NodeName): boolean => !active.has(name) && !attempts.has(name)
    const roll = random.next()
    const pool = roll < pinnedShare ? book.pinned() : roll < pinnedShare + passiveShare ? passive.specs() : []
    const chosen = sample(
      random,
      pool.filter(({ name }) => wanted(name)),
      1,
    )
    const isOther = (name: NodeName): boolean => wanted(name) && name !== chosen[0]?.name
    return [...chosen, ...book.stalest(count - chosen.length, now, isOther)]
  }
}

const pinnedShare = 0.2
const passiveShare = 0.3
