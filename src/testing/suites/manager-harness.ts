import assert from 'node:assert/strict'
import type { Millis } from '../../core/time.js'
import type { ManagerEvents } from '../../manager/events.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { PeerServiceOptions } from '../../manager/options.js'
import type { MessageContext } from '../../manager/servers.js'
import { leftAlone } from './unheeded.js'

/** The nodes of a case. `b` and `c` join `a`: in an overlay with hubs `a` is one. */
export type SuiteNode = 'a' | 'b' | 'c'

/**
 * Where an overlay differs from a full mesh. The cases assert what is said here: where a manager does not do something
 * it says so with a typed error, and does nothing else.
 */
export interface ManagerTraits {
  /** Whom each node counts as members, itself included, once `b` and `c` have joined `a`. Default: all three. */
  readonly members: Readonly<Record<SuiteNode, readonly SuiteNode[]>>
  /** What comes of `b.join(c)` where the two are no members of each other yet. Default: they are from then. */
  readonly join: 'joins' | ErrorCode
  /** What comes of it when a node takes another out of the cluster. Default: it is done. */
  readonly removal: Readonly<Record<SuiteNode, 'removes' | ErrorCode>>
  /** What each node's overlay can do beside what every manager can. Default: `full-membership`. */
  readonly capabilities: Readonly<Record<SuiteNode, readonly string[]>>
}

/** The code of a `MaquisError`. */
export type ErrorCode = `ERR_${string}`

/** What the cases need of a manager under test: managers, and a world in which they run. */
export interface ManagerHarness {
  readonly traits: ManagerTraits
  /**
   * A manager that was not started, in the role that a node of that name has here, on the network of the others. Asked
   * again it makes another one: the next process of that name. Throws what the factory throws.
   */
  node(name: SuiteNode, options?: PeerServiceOptions): PeerServiceManager
  /** Lets time pass until `promise` settles; rejects when it does not within seconds, or a minute of virtual time. */
  eventually<Value>(promise: Promise<Value>): Promise<Value>
  /** Lets time pass until `condition` holds, and rejects when it does not in that time. */
  until(condition: () => boolean): Promise<void>
  /** The clock by which the managers measure. */
  now(): Millis
  /** The power of a node fails: from now nothing of it leaves or reaches it, and nobody is told. */
  crash(name: SuiteNode): void
  /** Stops all managers; rejects when one does not stop. Called after the case, whatever came of it. */
  dispose(): Promise<void>
}

/** One promise that every manager keeps. */
export interface ManagerCase {
  readonly name: string
  /** The capabilities whose meaning it checks. */
  readonly exercises?: readonly string[]
  /** Checks it; rejects when it was broken. */
  readonly run: (harness: ManagerHarness) => Promise<void>
}

export type Pair = Readonly<Record<'a' | 'b', PeerServiceManager>>
export type Trio = Readonly<Record<SuiteNode, PeerServiceManager>>

/** What a server heard. */
export interface Heard {
  readonly message: unknown
  readonly context: MessageContext
}

export async function start(
  harness: ManagerHarness,
  name: SuiteNode,
  options?: PeerServiceOptions,
): Promise<PeerServiceManager> {
  return harness.eventually(harness.node(name, options).start())
}

/** Two members, fully connected: `b` has joined `a`. */
export async function pair(harness: ManagerHarness, options?: PeerServiceOptions): Promise<Pair> {
  const a = await start(harness, 'a', options)
  const b = await start(harness, 'b', options)
  await harness.eventually(b.syncJoin(a.spec))
  await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
  return { a, b }
}

/** All three, connected with whom they know: `b` and `c` have joined `a`. */
export async function trio(harness: ManagerHarness, options?: PeerServiceOptions): Promise<Trio> {
  const a = await start(harness, 'a', options)
  const b = await start(harness, 'b', options)
  const c = await start(harness, 'c', options)
  await harness.eventually(b.syncJoin(a.spec))
  await harness.eventually(c.syncJoin(a.spec))
  const { members } = harness.traits
  await harness.until(() => isWhole(a, members.a) && isWhole(b, members.b) && isWhole(c, members.c))
  return { a, b, c }
}

/** Whether the node has just these members, and every lane to each of them. */
export function isWhole(node: PeerServiceManager, members: readonly string[]): boolean {
  return node.members().join() === members.join() && members.every(name => node.isFullyConnected(name))
}

/** Both directions of a pair: the two may have different roles. */
export function bothWays({ a, b }: Pair): readonly (readonly [PeerServiceManager, PeerServiceManager])[] {
  return [
    [a, b],
    [b, a],
  ]
}

/** Registers a server that writes down what it hears. */
export function hear(node: PeerServiceManager, server: string): Heard[] {
  const heard: Heard[] = []
  node.register(server, (message: unknown, context) => void heard.push({ message, context }))
  return heard
}

export function messagesOf(heard: readonly Heard[]): unknown[] {
  return heard.map(({ message }) => message)
}

/** Writes down what the manager tells by these names, in order: the name of the event, then what it was told with. */
export function record(node: PeerServiceManager, ...events: readonly (keyof ManagerEvents)[]): unknown[][] {
  const told: unknown[][] = []
  for (const event of events) node.events.on(event, (...details: unknown[]) => void told.push([event, ...details]))
  return told
}

/** Writes down the ups and downs that watchers are told of: `up b`, `down b/data`. */
export function watch(node: PeerServiceManager, whom: string, channel?: string): string[] {
  const told: string[] = []
  const options = channel === undefined ? undefined : { channel }
  const tell = (edge: string) => (name: string, of?: string) => {
    told.push(of === undefined ? `${edge} ${name}` : `${edge} ${name}/${of}`)
  }
  node.onUp(whom, tell('up'), options)
  node.onDown(whom, tell('down'), options)
  return told
}

/** What had been sent on that channel with that key has arrived when this resolves: there and back again. */
export async function exchange(
  harness: ManagerHarness,
  from: PeerServiceManager,
  to: PeerServiceManager,
  options: { readonly channel?: string; readonly partitionKey?: string } = {},
): Promise<void> {
  const server = 'exchange'
  const registration = to.register(server, () => {})
  const key = options.partitionKey === undefined ? {} : { partitionKey: options.partitionKey }
  await harness.eventually(from.request(to.name, server, 0, { ...options, ...key }))
  registration[Symbol.dispose]()
}

/** Asserts that it rejects with such an error, which has these facts, and gives it. */
export function rejected<Failure extends Error>(
  harness: ManagerHarness,
  promise: Promise<unknown>,
  kind: abstract new (...given: never[]) => Failure,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<Failure> {
  const matched = failure(harness, promise).then(error => {
    assert.ok(error instanceof kind, `it rejects with a ${kind.name}, and not with ${String(error)}`)
    matches(error, facts)
    return error
  })
  return leftAlone(matched)
}

/** What the promise rejects with. */
export function failure(harness: ManagerHarness, promise: Promise<unknown>): Promise<unknown> {
  const rejection = promise.then(
    value => assert.fail(`it rejects, and does not resolve with ${String(value)}`),
    (error: unknown) => error,
  )
  return leftAlone(harness.eventually(rejection))
}

/** Asserts that the value has these facts, whatever else it has. */
export function matches(value: unknown, facts: Readonly<Record<string, unknown>>): void {
  assert.ok(typeof value === 'object' && value !== null)
  const found: Record<string, unknown> = {}
  for (const fact of Object.keys(facts)) found[fact] = (value as Record<string, unknown>)[fact]
  assert.deepEqual(found, facts)
}

/** How each call stands: `waits`, `done`, or what it rejected with. */
export function outcomes(calls: readonly Promise<unknown>[]): unknown[] {
  const all: unknown[] = calls.map(() => 'waits')
  for (const [index, call] of calls.entries()) {
    call.then(
      () => {
        all[index] = 'done'
      },
      (error: unknown) => {
        all[index] = error
      },
    )
  }
  return all
}

/** A signal, and what aborts it. */
export function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) }
}

/** What no compiler lets pass, as a caller without one may pass it. */
export function mistaken<Value>(value: unknown): Value {
  return value as Value
}

/** The error that an event was told with. */
export function errorIn(told: readonly unknown[] | undefined): unknown {
  return (told?.[1] as { readonly error?: unknown } | undefined)?.error
}

/** The numbers from `from` up to, without, `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
}
