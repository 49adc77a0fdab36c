import { combineDigests } from 'maquis/testing'
import type { Outcome } from './protocol.js'

/** What came of all histories so far. */
export class Tally {
  failures = 0
  readonly #planned: number
  readonly #began = performance.now()
  readonly #digests: string[] = []
  readonly #outcomes = new Map<string, number>()
  #steps = 0
  #simulated = 0
  #told = this.#began

  constructor(planned: number) {
    this.#planned = planned
  }

  add({ scenario, seed, digest, steps, simulated, outcomes, failure }: Outcome): void {
    this.#digests.push(digest)
    this.#steps += steps
    this.#simulated += simulated
    for (const [name, count] of Object.entries(outcomes)) {
      this.#outcomes.set(name, (this.#outcomes.get(name) ?? 0) + count)
    }
    if (failure !== undefined) {
      this.failures++
      console.log(`${failure}\nHere: npm run sim -- --scenario ${scenario} --seed ${seed} --histories 1\n`)
    }
    const now = performance.now()
    if (now - this.#told < progressMillis) return
    this.#told = now
    console.error(`${this.#digests.length} of ${this.#planned} histories, ${this.#rate()} a second`)
  }

  print(): void {
    const seconds = this.#seconds()
    const hours = this.#simulated / 3_600_000
    const times = Math.round(this.#simulated / 1_000 / seconds)
    console.log(`How operations ended:`)
    for (const [name, count] of [...this.#outcomes].sort(([one], [other]) => (one < other ? -1 : 1)))
      console.log(`  ${String(count).padStart(8)}  ${name}`)
    console.log(`${this.#digests.length} histories in ${seconds.toFixed(1)} s, ${this.#rate()} a second`)
    console.log(`${hours.toFixed(1)} simulated hours, ${times} times as fast as real ones; ${this.#steps} events`)
    console.log(`digest ${combineDigests(this.#digests)}`)
    console.log(this.failures === 0 ? 'every promise was kept' : `${this.failures} histories broke a promise`)
  }

  #rate(): string {
    return (this.#digests.length / this.#seconds()).toFixed(1)
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1_000
  }
}

const progressMillis = 5_000
