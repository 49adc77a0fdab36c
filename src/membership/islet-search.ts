import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { ComponentBeacon } from './component-beacon.js'
import type { ComponentMark, HyParViewMessage } from './hyparview-messages.js'
import type { Effects, Neighborhood } from './neighborhood.js'

/** A node that suspects to be in an islet probes so many in each round, any other one now and then. */
const suspiciousProbes = 3
/** In a quiet overlay a node probes every so many rounds. */
const quietRounds = 6

/**
 * Finds components that cannot see each other: views that are closed over themselves, after many failures at once, or
 * after a partition. A node remembers more than its views hold, connects with one of these now and then, and compares in
 * which component each of the two is. Where these differ, the two become neighbours, and the components are one. What
 * does not answer is dropped from the passive view on the way.
 */
export class IsletSearch {
  readonly beacon: ComponentBeacon
  readonly #neighborhood: Neighborhood
  readonly #round: Millis
  #pause = 1
  #roundsLeft = 1

  constructor(neighborhood: Neighborhood, round: Millis) {
    this.#neighborhood = neighborhood
    this.#round = round
    this.beacon = new ComponentBeacon(round)
  }

  start(now: Instant): void {
    this.beacon.start(this.#neighborhood.self, now)
    this.alarm()
  }

  /** A neighbour was lost: islets come from that. */
  alarm(): void {
    this.#pause = 1
    this.#roundsLeft = Math.min(this.#roundsLeft, 1)
  }

  round(now: Instant, out: Effects): void {
    this.beacon.tick(now)
    // Each neighbour hears in each round that it is one, so that none counts another that does not count it for long.
    this.confirm(undefined, out)
    const suspicious = this.beacon.isSilent(now)
    if (suspicious) this.alarm()
    else if (--this.#roundsLeft > 0) return
    this.#pause = Math.min(this.#pause * 2, quietRounds)
    this.#roundsLeft = this.#pause
    this.#probe(suspicious ? suspiciousProbes : 1, now, out)
  }

  /** Tells the neighbours that they are, and of the component. */
  confirm(without: NodeName | undefined, out: Effects): void {
    const message: HyParViewMessage = { type: 'confirm', component: this.beacon.mark }
    for (const to of this.#neighborhood.active.connected(without)) out.push({ type: 'send', to, message })
  }

  /** A neighbour tells of the component: what is new goes on. */
  hear(from: NodeName, component: ComponentMark, now: Instant, out: Effects): void {
    if (this.beacon.hear(component, now)) this.confirm(from, out)
  }

  /** Somebody wants to know in which component this node is. */
  probed(from: NodeName, out: Effects): void {
    out.push({ type: 'send', to: from, message: { type: 'probe-reply', component: this.beacon.mark } })
  }

  /** A probe was answered: either that node is where this one is, or the two connect their components. */
  answered({ name }: NodeSpec, component: ComponentMark, now: Instant, out: Effects): void {
    const { attempts, active } = this.#neighborhood
    if (attempts.get(name)?.opening.type !== 'probe') return
    if (active.isolated || this.beacon.isElsewhere(component, now)) {
      attempts.urge(name, now, out)
    } else attempts.end(name, out)
  }

  #probe(count: number, now: Instant, out: Effects): void {
    const { attempts, up } = this.#neighborhood
    const opening: HyParViewMessage = { type: 'probe', component: this.beacon.mark }
    for (const spec of this.#targets(count, now)) attempts.start({ spec, opening }, up.has(spec.name), now, out)
  }

  /** Any that are remembered. One that this node has joined is as good as three others: it may be all that is left. */
  #targets(count: number, now: Instant): NodeSpec[] {
    const { active, attempts, book, passive, random } = this.#neighborhood
    const others = new Map<NodeName, NodeSpec>()
    for (const spec of [...passive.specs(), ...book.ready(now)]) {
      if (!active.has(spec.name) && !attempts.has(spec.name)) others.set(spec.name, spec)
    }
    const all = [...others.values()]
    const pinned = all.filter(({ name }) => book.isPinned(name))
    const chosen = random.next() < pinnedShare ? sample(random, pinned, 1) : []
    const rest = all.filter(spec => !chosen.includes(spec))
    return [...chosen, ...sample(random, rest, count - chosen.length)]
  }
}

const pinnedShare = 0.25
