import type { Checkout } from './checkout.js'
import type { Mutant } from './mutant.js'
import type { Result } from './results.js'
import { trySimulator } from './simulator.js'
import { type StageName, stageNames, testsOf } from './stages.js'
import { type Failure, tryTests } from './trial.js'

/** A test that runs in real time may fail by itself: what it alone found is looked at twice. */
const inRealTime = /^test\/(cluster|transport)\//

/** A run may take so long, and so much more for each file of which nobody knows how long it takes. */
const limitBase = 45_000
const limitUnknown = 10_000
/** A slow machine, and a mutant that makes everything slower, are no hang. */
const limitFactor = 8
const simulatorLimit = 600_000

export interface HuntOptions {
  readonly stages: readonly string[]
  /** Histories that the simulator runs for each mutant; 0: none. */
  readonly histories: number
}

/**
 * Hunts mutants with the tests, stage after stage. What a test finds counts only if the test passes without the mutant;
 * that is looked at once for each test, when it finds something for the first time.
 */
export class Hunt {
  readonly #options: HuntOptions
  /** Tests that pass without a mutant, with the milliseconds that each takes. */
  readonly #sound = new Map<string, number>()
  readonly #broken = new Set<string>()
  /** Undefined until it found something for the first time. */
  #isSimulatorSound: boolean | undefined

  constructor(options: HuntOptions) {
    this.#options = options
  }

  /** What killed the mutant; undefined when it survived. The checkout is as it was afterwards. */
  async hunt(checkout: Checkout, mutant: Mutant): Promise<Result['killed']> {
    const tests = testsOf(mutant, await checkout.tests())
    for (const stage of stageNames) {
      if (!this.#wanted(stage)) continue
      if (stage === 'simulator') {
        const failure = await this.#simulate(checkout, mutant)
        if (failure !== undefined) return { stage, by: failure.by }
      }
      for (const files of stage === 'likely' ? tests.likely.map(path => [path]) : [tests[stage]]) {
        const failure = await this.#find(checkout, mutant, files)
        if (failure !== undefined) return { stage, by: failure.by }
      }
    }
    return undefined
  }

  #wanted(stage: StageName): boolean {
    const { stages, histories } = this.#options
    return stages.includes(stage) && (stage !== 'simulator' || histories > 0)
  }

  async #simulate(checkout: Checkout, mutant: Mutant): Promise<Failure | undefined> {
    const { histories } = this.#options
    if (this.#isSimulatorSound === false) return undefined
    await checkout.plant(mutant)
    const failure = await trySimulator(checkout, histories, simulatorLimit)
    await checkout.restore()
    if (failure === undefined || this.#isSimulatorSound === true) return failure
    const without = await trySimulator(checkout, histories, simulatorLimit)
    this.#isSimulatorSound = without === undefined
    if (without === undefined) return failure
    console.log(`left out from now, it fails without a mutant: ${without.by}`)
    return undefined
  }

  async #find(checkout: Checkout, mutant: Mutant, files: readonly string[]): Promise<Failure | undefined> {
    for (;;) {
      const tests = files.filter(path => !this.#broken.has(path))
      const failure = await this.#attempt(checkout, mutant, tests)
      if (failure === undefined) return undefined
      const suspects = failure.file === undefined ? tests : [failure.file]
      await this.#examine(checkout, suspects)
      if (suspects.some(path => this.#broken.has(path))) continue
      if (failure.file === undefined || !inRealTime.test(failure.file)) return failure
      const again = await this.#attempt(checkout, mutant, [failure.file])
      if (again !== undefined) return again
      this.#leaveOut(failure.file, 'it fails now and then')
    }
  }

  async #attempt(checkout: Checkout, mutant: Mutant, tests: readonly string[]): Promise<Failure | undefined> {
    await checkout.plant(mutant)
    const { failure } = await tryTests(checkout, tests, { ...this.#limits(tests), bail: true })
    await checkout.restore()
    return failure
  }

  /** Finds out which of the tests pass without a mutant. */
  async #examine(checkout: Checkout, suspects: readonly string[]): Promise<void> {
    const doubtful = suspects.filter(path => !this.#sound.has(path))
    const { files } = await tryTests(checkout, doubtful, { ...this.#limits(doubtful), bail: false })
    for (const path of doubtful) {
      const file = files.get(path)
      if (file?.passed === true) this.#sound.set(path, file.millis)
      else this.#leaveOut(path, 'it fails without a mutant')
    }
  }

  #leaveOut(path: string, why: string): void {
    this.#broken.add(path)
    console.log(`left out from now: ${path}: ${why}`)
  }

  #limits(tests: readonly string[]): { readonly limit: number; readonly env: NodeJS.ProcessEnv } {
    let limit = limitBase
    for (const path of tests) limit += Math.max(limitUnknown, limitFactor * (this.#sound.get(path) ?? 0))
    return { limit, env: { HISTORIES: String(this.#options.histories) } }
  }
}
