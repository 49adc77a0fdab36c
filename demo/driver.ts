import { statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fullMesh, type PeerServiceManager } from 'maquis'
import { Check, fetchResult, type Result } from './check.js'
import type { Children } from './children.js'
import { Feed } from './feed.js'
import { commonOptions, driverName, type Servers, workerNames } from './protocol.js'
import { grouped, type Screen } from './screen.js'
import { countAlone } from './words.js'

const joinMillis = 15_000
const stallMillis = 30_000
const cutMillis = 2_500
/** The worker around which the partition goes. */
const victim = 'birch'

/** The whole run: join, stream, cut, heal, check. Resolves with whether the totals agree. */
export class Driver {
  readonly #input: string
  readonly #children: Children
  readonly #screen: Screen
  readonly #node: PeerServiceManager<Servers>
  readonly #secret: string
  /** Words that each worker says it has counted. */
  readonly #counted = new Map<string, number>(workerNames.map(name => [name, 0]))
  #feeds: readonly Feed[] = []
  #isCut = false

  constructor(input: string, children: Children, screen: Screen, secret: string) {
    this.#input = input
    this.#children = children
    this.#screen = screen
    this.#secret = secret
    this.#node = fullMesh<Servers>({ ...commonOptions(secret), name: driverName })
    this.#watch()
  }

  async run(): Promise<boolean> {
    await using node = await this.#node.start()
    try {
      return await this.#run(node)
    } finally {
      // What follows is the end of the demo, and not news.
      node.events.removeAllListeners()
    }
  }

  async #run(node: PeerServiceManager<Servers>): Promise<boolean> {
    await this.#assemble()
    const bytes = statSync(this.#input).size
    this.#screen.line()
    this.#screen.line(`counting the words of ${shortened(this.#input)}, ${grouped(bytes)} bytes`)
    this.#feeds = workerNames.map(
      (worker, index) => new Feed({ node, input: this.#input, worker, index, workers: workerNames.length }),
    )
    const startedAt = performance.now()
    const ticker = setInterval(() => this.#screen.progress(() => this.#progress(startedAt, bytes)), 50)
    try {
      const fed = Promise.all(this.#feeds.map(feed => feed.run()))
      await this.#orFailure(Promise.all([fed, this.#partition(bytes)]))
    } finally {
      clearInterval(ticker)
      this.#screen.clear()
    }
    const seconds = (performance.now() - startedAt) / 1_000
    return this.#orFailure(this.#check(seconds))
  }

  /** Starts the workers, tells them of one seed, and waits until all are connected. */
  async #assemble(): Promise<void> {
    const [seed = ''] = this.#node.spec.addresses
    this.#screen.event(`${driverName} listens on ${seed}, the seed of the workers`)
    for (const name of workerNames) this.#children.start({ name, seed, secret: this.#secret })
    const isComplete = (): boolean =>
      workerNames.every(name => this.#node.members().includes(name as never) && this.#node.isFullyConnected(name))
    const deadline = performance.now() + joinMillis
    while (!isComplete()) {
      if (performance.now() > deadline) throw new Error(`the workers have not joined within ${joinMillis / 1_000} s`)
      await this.#orFailure(pause(20))
    }
  }

  /** When a quarter is done, cuts one worker off, shows how the others go on, and heals. */
  async #partition(bytes: number): Promise<void> {
    const others = this.#feeds.filter(({ worker }) => worker !== victim)
    while (others.some(({ done, bytes: read }) => !done && read < bytes / 4)) await pause(5)
    this.#screen.event(`injecting a partition around ${victim}`)
    const ref = await this.#node.injectPartition(victim, 0)
    this.#isCut = true
    const before = this.#feeds.map(({ words }) => words)
    await pause(cutMillis)
    const gained = this.#feeds.map(
      ({ worker, words }, index) => `${worker} +${grouped(words - (before[index] ?? 0))} words`,
    )
    this.#screen.event(`in ${cutMillis / 1_000} s of partition: ${gained.join(', ')}`)
    this.#screen.event('resolving the partition')
    await this.#node.resolvePartition(ref)
    this.#isCut = false
  }

  async #check(seconds: number): Promise<boolean> {
    this.#screen.event('everything was answered; counting again in one process')
    const alone = await countAlone(this.#input)
    const check = new Check(alone, workerNames)
    const results: Result[] = []
    for (const worker of workerNames) {
      results.push(await fetchResult(this.#node, worker, (word, count) => check.take(worker, word, count)))
    }
    this.#report(results, alone, seconds)
    const differences = check.differences()
    this.#screen.line()
    for (const difference of differences) this.#screen.line(`WRONG: ${difference}`)
    if (differences.length === 0) this.#screen.line('The totals agree, word for word.')
    return differences.length === 0
  }

  #report(results: readonly Result[], alone: ReadonlyMap<string, number>, seconds: number): void {
    const rows = [['worker', 'words', 'different', 'messages', 'sent again', 'known already']]
    const add = (name: string, ...numbers: number[]): void => void rows.push([name, ...numbers.map(grouped)])
    for (const { worker, words, different, repeats } of results) {
      const feed = this.#feeds.find(one => one.worker === worker)
      add(worker, words, different, feed?.messages ?? 0, feed?.resent ?? 0, repeats)
    }
    const messages = sum(this.#feeds.map(feed => feed.messages))
    const words = sum(results.map(result => result.words))
    const resent = sum(this.#feeds.map(feed => feed.resent))
    add(
      'together',
      words,
      sum(results.map(({ different }) => different)),
      messages,
      resent,
      sum(results.map(repeatsOf)),
    )
    add('one process', sum([...alone.values()]), alone.size)
    this.#screen.line()
    this.#screen.table(rows)
    this.#screen.line()
    const rates = `${grouped(messages / seconds)} messages/s, ${grouped(words / seconds)} words/s`
    this.#screen.line(`${grouped(messages)} requests answered in ${seconds.toFixed(1)} s: ${rates}`)
  }

  /** What happens to the cluster, as it happens. */
  #watch(): void {
    const { events } = this.#node
    const screen = this.#screen
    events.on('members', members => screen.event(`members: ${members.join(', ')}`))
    events.on('up', node => screen.event(`${node} is up`))
    events.on('down', (node, reason) => screen.event(`${node} is down: ${reason}`))
    events.on('refused', ({ error }) => screen.event(`refused: ${error.message}`))
    events.on('violation', ({ node, detail }) => screen.event(`${node} broke the protocol: ${detail}`))
    events.on('handler-error', ({ where, error }) => screen.event(`${where} failed: ${String(error)}`))
    this.#node.register('seen', ({ what, node }, { from }) => screen.event(`${from} sees ${node} ${what}`))
    this.#node.register('progress', ({ words }, { from }) => void this.#counted.set(from, words))
  }

  #progress(startedAt: number, bytes: number): string {
    const seconds = (performance.now() - startedAt) / 1_000
    const done = bytes === 0 ? 1 : sum(this.#feeds.map(feed => feed.bytes)) / (bytes * this.#feeds.length)
    const rate = sum(this.#feeds.map(feed => feed.messages)) / seconds
    const workers = [...this.#counted].map(([name, words]) => {
      return `${name}${this.#isCut && name === victim ? ' (cut off)' : ''} ${grouped(words)}`
    })
    const percent = Math.min(100, Math.floor(done * 100))
    return `${String(percent).padStart(4)} %  ${grouped(rate).padStart(6)} msg/s   ${workers.join('   ')}`
  }

  /** Fails when a worker dies, or when nothing has moved for long. */
  async #orFailure<Value>(work: Promise<Value>): Promise<Value> {
    let messages = -1
    let movedAt = performance.now()
    let watchdog: NodeJS.Timeout | undefined
    const stall = new Promise<never>((_, reject) => {
      watchdog = setInterval(() => {
        const now = sum(this.#feeds.map(feed => feed.messages))
        if (now !== messages) movedAt = performance.now()
        messages = now
        if (performance.now() - movedAt < stallMillis) return
        reject(new Error(`no worker has answered anything for ${stallMillis / 1_000} s`))
      }, 1_000)
    })
    try {
      return await Promise.race([work, stall, this.#children.death])
    } finally {
      clearInterval(watchdog)
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function repeatsOf({ repeats }: Result): number {
  return repeats
}

/** The end of a path: enough to know the file by. */
function shortened(path: string): string {
  return path.length <= 40 ? path : `...${path.slice(-37)}`
}
