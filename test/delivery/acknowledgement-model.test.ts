import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import { Acceptance, type Telling } from '../../src/delivery/acceptance.js'
import { Outstanding } from '../../src/delivery/outstanding.js'

type Fate = 'handled' | 'refused'

interface Parcel {
  readonly number: number
  readonly previous: number
  readonly lowest: number
}

interface Frame extends Omit<Telling<string>, 'isLast'> {
  readonly again: boolean
}

/** Both ends of one stream, and what is under way between them, in order. Faults lose what they choose. */
class History {
  readonly wrong: string[] = []
  readonly #random: SeededRandom
  readonly #runs: number
  readonly #fits: number
  readonly #refusals: number
  readonly #losses: number
  readonly #acceptance = new Acceptance<string>()
  readonly #outstanding = new Outstanding<number>()
  readonly #fates = new Map<number, Fate>()
  /** How they ended at their sender. */
  readonly #ends = new Map<number, Fate>()
  readonly #open: number[] = []
  #parcels: Parcel[] = []
  #frames: Frame[] = []
  #count = 0
  /** The last that was handed over. */
  #greatest = 0
  #isDue = false
  #asks = false
  #misses = false
  #isCalm = false

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#runs = this.#pick([1, 2, 3, 10, 1_024])
    this.#fits = this.#pick([1, 2, 7, 256])
    this.#refusals = this.#pick([0, 30, 50, 100])
    this.#losses = this.#pick([0, 0, 5, 20])
  }

  run(steps: number): void {
    const gaveUp = this.#pick([0, 0, 10])
    for (let step = 0; step < steps; step++) {
      const dice = this.#below(100)
      if (dice < 30) this.#send(++this.#count)
      else if (dice < 55) this.#arrive()
      else if (dice < 75) this.#acknowledged()
      else if (dice < 85) this.#end(this.#below(Math.max(1, this.#open.length)))
      else if (dice < 95) this.#wake()
      else if (this.#count > 0 && this.#below(100) < gaveUp) this.#giveUp(1 + this.#below(this.#count))
      else if (this.#below(100) < this.#losses) this.#lose()
    }
    this.#rest()
  }

  /** All handlers end, and nothing is lost any more. */
  #rest(): void {
    this.#isCalm = true
    const isAtWork = (): boolean =>
      this.#parcels.length + this.#frames.length + this.#open.length > 0 || this.#isDue || this.#asks || this.#misses
    for (let round = 0; isAtWork(); round++) {
      if (round > 1_000) return void this.wrong.push('it comes to no rest')
      while (this.#parcels.length > 0) this.#arrive()
      while (this.#frames.length > 0) this.#acknowledged()
      while (this.#open.length > 0) this.#end(0)
      this.#wake()
    }
    for (let number = 1; number <= this.#count; number++) {
      if (!this.#ends.has(number)) this.wrong.push(`${number} waits for ever`)
    }
  }

  #send(number: number): void {
    const { greatest = 0, lowest = number } = this.#outstanding
    this.#parcels.push({ number, previous: greatest, lowest })
    this.#outstanding.sent(number, number)
  }

  #again(after: number): void {
    for (const number of this.#outstanding.takeAfter(after)) this.#send(number)
  }

  #giveUp(number: number): void {
    this.#outstanding.giveUp(number)
    if (!this.#ends.has(number)) this.#ends.set(number, this.#fates.get(number) ?? 'refused')
  }

  #lose(): void {
    this.#parcels = []
    this.#frames = []
    this.#again(0)
  }

  #arrive(): void {
    const parcel = this.#parcels.shift()
    if (parcel === undefined) return
    const { number, previous, lowest } = parcel
    const verdict = this.#acceptance.judge(number, previous, lowest)
    if (verdict === 'duplicate') this.#isDue = true
    else if (verdict === 'later') this.#asks = true
    else if (this.#isLost()) {
      this.#acceptance.dropped()
      this.#asks = true
    } else {
      if (this.#fates.has(number)) this.wrong.push(`${number} is handed over twice`)
      if (number < this.#greatest) this.wrong.push(`${number} is handed over late`)
      this.#greatest = number
      this.#acceptance.take(number)
      this.#fates.set(number, this.#below(100) < this.#refusals ? 'refused' : 'handled')
      this.#open.push(number)
      if (this.#below(2) === 0) this.#end(this.#open.length - 1)
    }
  }

  /** A handler ends. */
  #end(index: number): void {
    const [number] = this.#open.splice(index, 1)
    if (number === undefined) return
    this.#acceptance.settled(number, this.#fates.get(number) === 'refused' ? 'no' : undefined)
    this.#isDue = true
  }

  /** What is due is done: what is to be told, asked for, or sent again. */
  #wake(): void {
    if (this.#misses) this.#again(0)
    this.#misses = false
    if (!this.#isDue && !this.#asks) return
    const again = this.#asks && this.#acceptance.misses
    if (again) this.#acceptance.asked()
    this.#isDue = false
    this.#asks = false
    for (let after = 0; ; ) {
      const { isLast, ...telling } = this.#acceptance.tell(this.#runs, all => Math.min(this.#fits, all.length), after)
      this.#frames.push({ ...telling, again: isLast && again })
      if (isLast) return
      after = telling.upTo
    }
  }

  #acknowledged(): void {
    const frame = this.#frames.shift()
    if (frame === undefined) return
    if (this.#isLost()) {
      this.#misses = true
      return
    }
    const refused = new Map(frame.refusals)
    this.#outstanding.settle(frame.upTo, frame.open, number => {
      const end = refused.has(number) ? 'refused' : 'handled'
      if (this.#ends.has(number)) this.wrong.push(`${number} ends twice`)
      if (end !== this.#fates.get(number)) this.wrong.push(`${number} is told as ${end}`)
      this.#ends.set(number, end)
    })
    if (frame.again) this.#again(frame.upTo)
  }

  #isLost(): boolean {
    return !this.#isCalm && this.#below(100) < this.#losses
  }

  #pick(options: readonly number[]): number {
    return options[this.#below(options.length)] as number
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end)
  }
}

describe('a stream of messages that are to be acknowledged, with faults', () => {
  const seeds = Array.from({ length: 10 }, (_, block) => block * 100)

  test.each(seeds)('ends each as it was handled, once, and comes to rest (a hundred seeds from %i)', first => {
    for (let seed = first; seed < first + 100; seed++) {
      const history = new History(seed)
      history.run(400)
      expect(history.wrong, `seed ${seed}`).toEqual([])
    }
  })
})
