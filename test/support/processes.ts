import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ConnectionInfo, CounterValues, HyParViewOptions, NodeSpec } from 'maquis'
import { within } from './deadline.js'

/** What another process can be told of the options; `wallOffset` shifts its wall clock. */
export interface ProcessOptions extends Omit<HyParViewOptions, 'clock' | 'transport'> {
  readonly name: string
  /** Default: the full mesh. */
  readonly overlay?: 'full-mesh' | 'hyparview'
  readonly wallOffset?: number
}

/** An event that a node told of, when by the wall clock, and with what. */
export interface Told {
  readonly event: string
  readonly at: number
  readonly details: readonly unknown[]
}

/** An error as it comes out of another process. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly by?: 'us' | 'peer'
}

/** A command failed in the other process. */
export class CommandError extends Error {
  readonly plain: PlainError

  constructor(plain: PlainError) {
    super(`${plain.name}: ${plain.message}`)
    this.plain = plain
  }
}

const script = fileURLToPath(new URL('peer-process.mjs', import.meta.url))
/** With a young generation of a fixed size, what a process has grown by after a collection is what it keeps. */
const flags = ['--expose-gc', '--max-semi-space-size=2']
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A node in a process of its own. Killed at the end of its test, however that ends. */
export class PeerProcess implements AsyncDisposable {
  readonly name: string
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>
  readonly told: Told[] = []
  spec: NodeSpec | undefined
  readonly #child: ChildProcess
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #watchers = new Set<() => void>()
  #nextId = 0
  readonly #errors: string[] = []

  private constructor(name: string) {
    this.name = name
    this.#child = spawn(process.execPath, [...flags, script], { stdio: 'pipe' })
    running.add(this.#child)
    const { stdin, stdout, stderr } = this.#child
    stdin?.on('error', () => {})
    stderr?.on('data', (text: Buffer) => this.#errors.push(text.toString()))
    if (stdout !== null) createInterface({ input: stdout }).on('line', line => this.#hear(line))
    this.exited = new Promise(resolve => {
      this.#child.once('close', code => {
        running.delete(this.#child)
        for (const { reject } of this.#calls.values()) reject(new Error(`process '${name}' ended: ${this.stderr}`))
        this.#calls.clear()
        resolve(code)
      })
    })
  }

  /** Starts a process, and a node in it. */
  static async start(options: ProcessOptions): Promise<PeerProcess> {
    const peer = new PeerProcess(options.name)
    try {
      peer.spec = (await peer.command('start', options)) as NodeSpec
      return peer
    } catch (error) {
      await peer[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    const url = this.spec?.addresses[0]
    if (url === undefined) throw new Error(`'${this.name}' does not listen`)
    return url
  }

  get stderr(): string {
    return this.#errors.join('')
  }

  command(command: string, facts: object = {}, millis = 20_000): Promise<unknown> {
    const id = this.#nextId++
    const answer = new Promise<unknown>((resolve, reject) => this.#calls.set(id, { resolve, reject }))
    this.#child.stdin?.write(`${JSON.stringify({ ...facts, id, command })}\n`)
    return within(answer, millis, `'${command}' of process '${this.name}'`)
  }

  async join(peer: PeerProcess, timeout = 10_000): Promise<void> {
    await this.command('join', { peer: peer.url, timeout })
  }

  /** Calls a method of the node. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.command('call', { method, args })
  }

  async members(): Promise<readonly string[]> {
    return (await this.call('members')) as string[]
  }

  async connections(): Promise<readonly ConnectionInfo[]> {
    return (await this.call('connections')) as ConnectionInfo[]
  }

  async counters(): Promise<CounterValues> {
    return (await this.call('counters')) as CounterValues
  }

  async memory(): Promise<{ readonly rss: number; readonly used: number; readonly sockets: number }> {
    return (await this.command('memory')) as { rss: number; used: number; sockets: number }
  }

  /** The first event of that kind, not before number `since` of all that were told, that is what is waited for. */
  async event(event: string, is: (...details: never[]) => boolean, since = 0, millis = 10_000): Promise<Told> {
    let found: Told | undefined
    await this.#until(
      () => {
        found = this.told.slice(since).find(told => told.event === event && is(...(told.details as never[])))
        return found !== undefined
      },
      millis,
      `event '${event}' of '${this.name}'`,
    )
    return found as Told
  }

  /** Resolves once the node tells that it has just these members. */
  async hasMembers(...names: readonly string[]): Promise<void> {
    const wanted = JSON.stringify([...names].sort())
    await this.membersBecome(members => JSON.stringify(members) === wanted, `members ${wanted}`)
  }

  /** Resolves once the members that the node tells of are as wanted. */
  async membersBecome(are: (members: readonly string[]) => boolean, what: string, millis = 10_000): Promise<void> {
    const last = (): readonly string[] => {
      return (this.told.findLast(({ event }) => event === 'members')?.details[0] ?? []) as readonly string[]
    }
    await this.#until(() => are(last()), millis, `'${this.name}' with ${what}`)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  async #until(condition: () => boolean, millis: number, what: string): Promise<void> {
    if (condition()) return
    const happened = new Promise<void>(resolve => {
      const check = (): void => {
        if (!condition()) return
        this.#watchers.delete(check)
        resolve()
      }
      this.#watchers.add(check)
    })
    await within(happened, millis, what)
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as { id: number; result: unknown; error?: PlainError } | Told
    if ('event' in said) {
      this.told.push(said)
      for (const watcher of [...this.#watchers]) watcher()
      return
    }
    const call = this.#calls.get(said.id)
    this.#calls.delete(said.id)
    if (said.error !== undefined) call?.reject(new CommandError(said.error))
    else call?.resolve(said.result)
  }
}

/** As many processes as there were options. */
export type Mesh<Options extends readonly ProcessOptions[]> = {
  readonly [Index in keyof Options]: PeerProcess
} & AsyncDisposable

/** Processes that all joined the first one and are up for each other; the first is the seed. */
export async function startMesh<Options extends readonly ProcessOptions[]>(
  ...options: Options
): Promise<Mesh<Options>> {
  const peers = await startProcesses(...options)
  try {
    const [seed, ...others] = peers
    if (seed !== undefined) await Promise.all(others.map(peer => peer.join(seed)))
    const names = peers.map(({ name }) => name)
    await Promise.all(peers.map(peer => peer.hasMembers(...names)))
    await Promise.all(
      peers.flatMap(peer =>
        names.filter(name => name !== peer.name).map(name => peer.event('up', (up: string) => up === name)),
      ),
    )
  } catch (error) {
    await peers[Symbol.asyncDispose]()
    throw error
  }
  return peers as unknown as Mesh<Options>
}

/** Processes that know nobody but their seeds: all of them, or none. */
export async function startProcesses(
  ...options: readonly ProcessOptions[]
): Promise<readonly PeerProcess[] & AsyncDisposable> {
  const settled = await Promise.allSettled(options.map(each => PeerProcess.start(each)))
  const peers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const dispose = async (): Promise<void> => {
    await Promise.all(peers.map(peer => peer[Symbol.asyncDispose]()))
  }
  const failed = settled.find(each => each.status === 'rejected')
  if (failed !== undefined) {
    await dispose()
    throw failed.reason as Error
  }
  return Object.assign(peers, { [Symbol.asyncDispose]: dispose })
}
