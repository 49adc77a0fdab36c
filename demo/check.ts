import type { PeerServiceManager } from 'maquis'
import type { Servers } from './protocol.js'
import { hashOf } from './words.js'

/** What one worker had at the end. */
export interface Result {
  readonly worker: string
  readonly words: number
  readonly different: number
  readonly repeats: number
}

/** Fetches what a worker has counted, page by page, and hands each word to `take`. */
export async function fetchResult(
  node: PeerServiceManager<Servers>,
  worker: string,
  take: (word: string, count: number) => void,
): Promise<Result> {
  let words = 0
  for (let from = 0; ; ) {
    const page = await node.request(worker, 'page', { from }, { channel: 'control', timeout: 10_000 })
    for (const [index, word] of page.words.entries()) {
      const count = page.counts[index] ?? 0
      words += count
      take(word, count)
    }
    from += page.words.length
    if (from >= page.different) return { worker, words, different: page.different, repeats: page.repeats }
    if (page.words.length === 0) throw new Error(`worker ${worker} has lost ${page.different - from} words`)
  }
}

/** Compares what the workers have with what one process counted; says how they differ, a line for each kind. */
export class Check {
  readonly #missing: Map<string, number>
  readonly #workers: readonly string[]
  #wrongCounts = 0
  #strayWords = 0
  #example = ''

  constructor(alone: ReadonlyMap<string, number>, workers: readonly string[]) {
    this.#missing = new Map(alone)
    this.#workers = workers
  }

  /** Worker `worker` says that it has counted `word` so often. Each word may come once, from its owner. */
  take(worker: string, word: string, count: number): void {
    const expected = this.#missing.get(word)
    const owner = this.#workers[hashOf(word) % this.#workers.length]
    if (expected === undefined || owner !== worker) {
      this.#strayWords++
      this.#example ||= `'${word}' at ${worker}`
      return
    }
    this.#missing.delete(word)
    if (expected === count) return
    this.#wrongCounts++
    this.#example ||= `'${word}': ${count} times, and ${expected} times alone`
  }

  /** Empty when everything agrees. */
  differences(): string[] {
    const differences: string[] = []
    if (this.#wrongCounts > 0) differences.push(`${this.#wrongCounts} words were counted wrongly`)
    if (this.#strayWords > 0) differences.push(`${this.#strayWords} words were counted where they do not belong`)
    if (this.#missing.size > 0) differences.push(`${this.#missing.size} words were never counted`)
    if (this.#example !== '') differences.push(`for example ${this.#example}`)
    return differences
  }
}
