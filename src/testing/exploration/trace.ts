import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import { checkArray, isCount } from '../../manager/checks.js'
import {
  choiceNames,
  type Interposable,
  type PassageChoice,
  PassageNames,
  parsePassage,
  type TracedPassage,
} from './traced-passage.js'

/** What is recorded. */
export interface RecordingOptions extends PassageChoice {
  /** Passages that are kept; later ones count in `missed`. Default 100,000. */
  readonly most?: number
}

/**
 * Writes down what passes these managers, in the order in which it does, until the result is disposed. What other
 * interpositions do with a passage is seen where they were added before.
 */
export function recordPassages(
  managers: Interposable | readonly Interposable[],
  options: RecordingOptions = {},
): PassageRecording {
  const recording = new PassageRecording(options)
  for (const manager of listOf(managers)) recording.add(manager)
  return recording
}

/** A trace that is being written. */
export class PassageRecording implements Disposable {
  /** What has passed, in order. */
  readonly passages: readonly TracedPassage[]
  readonly #passages: TracedPassage[] = []
  readonly #names: PassageNames
  readonly #most: number
  readonly #registrations: Disposable[] = []
  #missed = 0

  constructor(options: RecordingOptions) {
    checkKeys('options', options, [...choiceNames, 'most'])
    const { most = 100_000 } = options
    if (!isCount(most)) throw new InvalidOptionError('most', 'a whole number', most)
    this.#names = new PassageNames(options)
    this.#most = most
    this.passages = this.#passages
  }

  /** Passages beyond the bound: not 0 means that the trace ends before the run. */
  get missed(): number {
    return this.#missed
  }

  /** Another manager: one that was made later, or a new life of a node. */
  add(manager: Interposable): void {
    const registration = manager.interpose(passage => {
      if (!this.#names.concerns(passage)) return { type: 'pass' }
      if (this.#passages.length < this.#most) this.#passages.push(this.#names.name(manager.name, passage))
      else this.#missed++
      return { type: 'pass' }
    })
    this.#registrations.push(registration)
  }

  /** Writes down nothing more. */
  [Symbol.dispose](): void {
    for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]()
  }
}

/** A trace as text: one line of JSON for each passage. */
export function formatTrace(passages: readonly TracedPassage[]): string {
  return passages.map(passage => `${JSON.stringify(passage)}\n`).join('')
}

/**
 * The trace that a text holds.
 *
 * @throws `InvalidOptionError`: a line is no passage.
 */
export function parseTrace(text: string): TracedPassage[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const passage = parsePassage(parseJson(line))
    if (passage === undefined) throw new InvalidOptionError(`trace, line ${index + 1}`, 'a passage in JSON', line)
    return [passage]
  })
}

/** One or several. */
export function listOf(managers: Interposable | readonly Interposable[]): readonly Interposable[] {
  if (typeof managers === 'object' && 'interpose' in managers) return [managers]
  checkArray('managers', managers)
  return managers
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
