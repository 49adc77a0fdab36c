import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import type { Clock, Millis } from '../../core/time.js'
import type { Passage, Verdict } from '../../fault/interposition.js'
import { checkArray, checkDuration } from '../../manager/checks.js'
import { SystemClock } from '../../runtime/system-clock.js'
import { listOf } from './trace.js'
import {
  choiceNames,
  describePassage,
  type Interposable,
  keyOf,
  type PassageChoice,
  PassageNames,
  type TracedPassage,
} from './traced-passage.js'

/** How a trace is replayed. What it says of kinds and identities must be what was said when it was recorded. */
export interface ReplayOptions extends PassageChoice {
  /** What a passage waits by. Give it the simulated clock in a simulation. Default: the real one. */
  readonly clock?: Clock
  /** How long the passage whose turn it is may take to come. Default 10 s. */
  readonly patience?: Millis
  /** What becomes of passages that the trace does not have. Default `pass`. */
  readonly unknown?: 'pass' | 'drop'
}

/** How a replay ended. */
export interface ReplayReport {
  /** Every passage of the trace came, and went on in its turn. */
  readonly complete: boolean
  /** Passages that went on in their turn. */
  readonly replayed: number
  /** Passages that the trace does not have. */
  readonly unknown: number
  /** Passages that waited for their turn when the replay ended, and were let go out of it. */
  readonly released: number
  /** The passage whose turn it was when the replay ended; left out when it is complete. */
  readonly missing?: TracedPassage
  /** All of it in a line, for people. */
  readonly text: string
}

/**
 * Makes the passages of a trace happen again at these managers, in the order of the trace: one whose turn has not come
 * is held until it has. When the next one does not come in time the replay ends, says which it was, and lets go what it
 * holds; from then on everything passes.
 */
export function replayPassages(
  trace: readonly TracedPassage[],
  managers: Interposable | readonly Interposable[],
  options: ReplayOptions = {},
): Replay {
  const replay = new Replay(trace, options)
  for (const manager of listOf(managers)) replay.add(manager)
  return replay
}

/** A trace that is being replayed. Disposing of it ends it. */
export class Replay implements Disposable {
  /** Resolves when the replay has ended, however it did. */
  readonly finished: Promise<ReplayReport>
  readonly #trace: readonly TracedPassage[]
  readonly #sorts: ReadonlyMap<string, Sort>
  readonly #names: PassageNames
  readonly #clock: Clock
  readonly #patience: Millis
  readonly #otherwise: Verdict
  readonly #registrations: Disposable[] = []
  /** What lets those go on that have come, by their turns. */
  readonly #here = new Map<number, () => void>()
  #next = 0
  #unknown = 0
  #over = false
  #cancelTimer: (() => void) | undefined
  #finish: (report: ReplayReport) => void = () => {}

  constructor(trace: readonly TracedPassage[], options: ReplayOptions) {
    checkKeys('options', options, [...choiceNames, 'clock', 'patience', 'unknown'])
    const { clock = new SystemClock(), patience = 10_000, unknown = 'pass' } = options
    checkArray('trace', trace)
    checkDuration('patience', patience)
    if (unknown !== 'pass' && unknown !== 'drop') throw new InvalidOptionError('unknown', `'pass' or 'drop'`, unknown)
    this.#names = new PassageNames(options)
    this.#trace = trace
    this.#sorts = sortsOf(trace)
    this.#clock = clock
    this.#patience = patience
    this.#otherwise = { type: unknown }
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
    this.#expect()
  }

  /** How many passages of the trace have gone on in their turn. */
  get position(): number {
    return this.#next
  }

  /** Another manager: one that was made later, or a new life of a node. */
  add(manager: Interposable): void {
    if (!this.#over) this.#registrations.push(manager.interpose(passage => this.#judge(manager.name, passage)))
  }

  /** Ends it: what is held goes on, and everything passes. */
  [Symbol.dispose](): void {
    this.#end()
  }

  #judge(node: string, passage: Passage): Verdict {
    if (this.#over || !this.#names.concerns(passage)) return { type: 'pass' }
    const sort = this.#sorts.get(keyOf(this.#names.sort(node, passage)))
    const turn = sort?.turns.get(++sort.seen)
    if (turn === undefined) {
      this.#unknown++
      return this.#otherwise
    }
    // Held even when its turn has come: all go on in the same way, and so in the order in which they are let go.
    const until = new Promise<void>(resolve => {
      this.#here.set(turn, resolve)
    })
    void Promise.resolve().then(() => this.#advance())
    return { type: 'hold', until }
  }

  #advance(): void {
    const before = this.#next
    for (let goOn = this.#here.get(this.#next); goOn !== undefined; goOn = this.#here.get(this.#next)) {
      this.#here.delete(this.#next)
      this.#next++
      goOn()
    }
    if (this.#next > before) this.#expect()
  }

  /** Waits for the next passage, so long as there is one. */
  #expect(): void {
    this.#cancelTimer?.()
    if (this.#next === this.#trace.length) this.#end()
    else this.#cancelTimer = this.#clock.schedule(this.#patience, () => this.#end())
  }

  #end(): void {
    this.#over = true
    this.#cancelTimer?.()
    for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]()
    const released = [...this.#here].sort(([one], [other]) => one - other)
    this.#here.clear()
    for (const [, goOn] of released) goOn()
    this.#finish(this.#report(released.length))
  }

  #report(released: number): ReplayReport {
    const missing = this.#trace[this.#next]
    const counts = { replayed: this.#next, unknown: this.#unknown, released }
    const said = `${this.#next} of ${this.#trace.length} passages replayed`
    if (missing === undefined) return { complete: true, ...counts, text: said }
    const text = `${said}; the next did not come, and ${released} waited for it: ${describePassage(missing)}`
    return { complete: false, ...counts, missing, text }
  }
}

/** All occurrences of a passage. */
interface Sort {
  /** How many there were in this run. */
  seen: number
  /** The turn of each that the trace has. */
  readonly turns: Map<number, number>
}

function sortsOf(trace: readonly TracedPassage[]): Map<string, Sort> {
  const sorts = new Map<string, Sort>()
  trace.forEach((passage, turn) => {
    const key = keyOf(passage)
    const sort = sorts.get(key) ?? { seen: 0, turns: new Map<number, number>() }
    if (sort.turns.has(passage.occurrence)) {
      throw new InvalidOptionError('trace', 'passages that are all different', describePassage(passage))
    }
    sorts.set(key, sort)
    sort.turns.set(passage.occurrence, turn)
  })
  return sorts
}
