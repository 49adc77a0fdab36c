import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { outcomeOf, type Result } from './results.js'

/** A result as plain data. */
interface Entry {
  readonly area: string
  readonly name: string
  readonly file: string
  readonly outcome: 'killed' | 'explained' | 'survived'
  readonly stage?: string
  readonly by?: string
  readonly survives?: string
  readonly seconds: number
}

/** What is known of all mutants, from this run and those before it: a file, written after each result. */
export class Report {
  readonly #path: string
  readonly #entries: Map<string, Entry>

  private constructor(path: string, entries: readonly Entry[]) {
    this.#path = path
    this.#entries = new Map(entries.map(entry => [entry.name, entry]))
  }

  /** Goes on with the report at `path`, if there is one, as far as it is about mutants of these names. */
  static async open(path: string, names: readonly string[]): Promise<Report> {
    const entries = await read(path)
    return new Report(
      path,
      entries.filter(({ name }) => names.includes(name)),
    )
  }

  /** Whether it is known that the mutant of that name is killed. */
  isKilled(name: string): boolean {
    return this.#entries.get(name)?.outcome === 'killed'
  }

  /** Takes a result. What survived only some of the stages may have been killed by another before. */
  async add(result: Result, allStages: boolean): Promise<void> {
    const { area, mutant, killed, seconds } = result
    const { name, file, survives } = mutant
    if (killed === undefined && !allStages && this.isKilled(name)) return
    this.#entries.set(name, {
      ...{ area, name, file, outcome: outcomeOf(result), ...killed },
      ...(survives !== undefined && { survives }),
      seconds: Math.round(seconds * 10) / 10,
    })
    await mkdir(dirname(this.#path), { recursive: true })
    await writeFile(this.#path, `${JSON.stringify([...this.#entries.values()], undefined, 2)}\n`)
  }
}

async function read(path: string): Promise<readonly Entry[]> {
  try {
    const entries: unknown = JSON.parse(await readFile(path, 'utf8'))
    return Array.isArray(entries) ? (entries as readonly Entry[]) : []
  } catch {
    return []
  }
}
