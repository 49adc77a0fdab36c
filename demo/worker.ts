import { fullMesh } from 'maquis'
import {
  type Batch,
  commonOptions,
  driverName,
  type Page,
  type Servers,
  type Sighting,
  type WorkerSettings,
} from './protocol.js'

const pageWords = 2_000
const progressMillis = 100

/** Counts the words it is sent: each once, however often the batch comes. */
class Tally {
  readonly #counts = new Map<string, number>()
  /** Batches that were counted and may still come again. */
  readonly #known = new Set<number>()
  #settled = 0
  #repeats = 0
  words = 0

  add({ id, settled, words }: Batch): { words: number } {
    // A batch that a cut left without its answer comes again: under its old id, so it is not counted twice.
    if (id < this.#settled || this.#known.has(id)) {
      this.#repeats++
      return { words: words.length }
    }
    this.#known.add(id)
    for (; this.#settled < settled; this.#settled++) this.#known.delete(this.#settled)
    for (const word of words) this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1)
    this.words += words.length
    return { words: words.length }
  }

  page(from: number): Page {
    const entries = [...this.#counts.entries()].slice(from, from + pageWords)
    return {
      words: entries.map(([word]) => word),
      counts: entries.map(([, count]) => count),
      different: this.#counts.size,
      repeats: this.#repeats,
    }
  }
}

// Whoever started this process holds the other end of the channel to it. When that end goes, by whatever death, so does
// this process. Ctrl-C in a terminal reaches the whole group; it is the driver's to decide what follows.
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})
if (!process.connected) process.exit(0)

const { name, seed, secret } = JSON.parse(process.env.DEMO_WORKER ?? '{}') as WorkerSettings
const tally = new Tally()
const node = fullMesh<Servers>({ ...commonOptions(secret), name, seeds: [seed], attributes: { type: 'worker' } })

node.register('count', batch => tally.add(batch))
node.register('page', ({ from }) => tally.page(from))
node.onUp('*', other => tell('up', other))
node.onDown('*', other => tell('down', other))
await node.start()

let told = 0
setInterval(() => {
  if (tally.words === told || !node.isConnected(driverName, 'control')) return
  told = tally.words
  node.castMessage(driverName, 'progress', { words: told }, { channel: 'control' })
}, progressMillis)

function tell(what: Sighting['what'], other: string): void {
  if (other !== driverName) node.castMessage(driverName, 'seen', { what, node: other }, { channel: 'control' })
}
