import { inspect } from 'node:util'
import { encodeToBytes } from '../../codec/value-bytes.js'
import { defaultValueLimits } from '../../codec/value-encoder.js'
import { InvalidOptionError } from '../../core/errors.js'
import { isRecord } from '../../core/name.js'
import { type Interposition, type Passage, passageKinds } from '../../fault/interposition.js'
import { checkArray, checkFunction } from '../../manager/checks.js'
import { Digest } from '../simulation/digest.js'

/**
 * One passage of a run, as plain data. All but `text` say which one it is: two runs of the same program meet the same
 * passages under the same names, whatever the order.
 */
export interface TracedPassage {
  /** The node whose edge it passed. */
  readonly node: string
  readonly direction: Passage['direction']
  /** The other end. */
  readonly peer: string
  readonly channel: string
  readonly kind: Passage['kind']
  /** Left out where none is named. */
  readonly server?: string
  /** Of the message. */
  readonly digest: string
  /** Counts, from 1, the passages of the run that are otherwise the same. */
  readonly occurrence: number
  /** The message, for people, in at most a hundred characters. */
  readonly text: string
}

/** What can be interposed on: every manager. */
export interface Interposable {
  readonly name: string
  /** Asks `fn` about each message, until the result is disposed. */
  interpose(fn: Interposition): Disposable
}

/** Which passages are looked at, and what identifies them. */
export interface PassageChoice {
  /** Default `message`, `request`, `reply` and `manager`: not broadcasts, the overlay's own, nor heartbeats. */
  readonly kinds?: readonly Passage['kind'][]
  /**
   * What of a message says which one it is, where that is not all of it: leave out what differs from run to run, such
   * as times and random numbers. Must not throw.
   */
  readonly identify?: (passage: Passage) => unknown
}

/** The options that say which passages. */
export const choiceNames: readonly (keyof PassageChoice)[] = ['kinds', 'identify']

const directions: readonly Passage['direction'][] = ['forward', 'receive']
const defaultKinds: readonly Passage['kind'][] = ['message', 'request', 'reply', 'manager']

/** The passages of one run that were chosen, each with its identity. */
export class PassageNames {
  readonly #kinds: ReadonlySet<Passage['kind']>
  readonly #identify: (passage: Passage) => unknown
  readonly #counts = new Map<string, number>()

  constructor({ kinds = defaultKinds, identify = ({ message }) => message }: PassageChoice) {
    checkArray('kinds', kinds)
    const stranger = kinds.findIndex(kind => !passageKinds.includes(kind))
    if (stranger !== -1) throw new InvalidOptionError('kinds', `some of ${passageKinds.join(', ')}`, kinds[stranger])
    checkFunction('identify', identify)
    this.#kinds = new Set(kinds)
    this.#identify = identify
  }

  concerns({ kind }: Passage): boolean {
    return this.#kinds.has(kind)
  }

  /** What is the same for all occurrences of a passage. */
  sort(node: string, passage: Passage): PassageSort {
    const { direction, peer, channel, kind, server } = passage
    const named = { node, direction, peer, channel, kind, ...(server !== undefined && { server }) }
    return { ...named, digest: digestOf(this.#identify(passage)) }
  }

  /** Names a passage, which thereby has occurred. */
  name(node: string, passage: Passage): TracedPassage {
    const sort = this.sort(node, passage)
    const key = keyOf(sort)
    const occurrence = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, occurrence)
    return { ...sort, occurrence, text: textOf(passage.message) }
  }
}

/** A passage, whichever of its occurrences it is. */
export type PassageSort = Omit<TracedPassage, 'occurrence' | 'text'>

/** One text for each sort. */
export function keyOf({ node, direction, peer, channel, kind, server, digest }: PassageSort): string {
  return JSON.stringify([node, direction, peer, channel, kind, server, digest])
}

/** A passage in a line, for people: `n1 -> n2 message to 'vote': { yes: true } (2nd)`. */
export function describePassage({ occurrence, text, ...passage }: TracedPassage): string {
  const { node, direction, peer, channel, kind, server } = passage
  const way = direction === 'forward' ? '->' : '<-'
  const whose = server === undefined ? '' : kind === 'reply' ? ` of '${server}'` : ` to '${server}'`
  const where = channel === 'default' ? '' : ` on ${channel}`
  return `${node} ${way} ${peer} ${kind}${whose}${where}: ${text}${occurrence === 1 ? '' : ` (${ordinal(occurrence)})`}`
}

/** Makes a passage of plain data; undefined when it is none. */
export function parsePassage(value: unknown): TracedPassage | undefined {
  if (!isRecord(value)) return undefined
  const { node, peer, channel, server, digest, occurrence, text } = value
  const direction = directions.find(known => known === value.direction)
  const kind = passageKinds.find(known => known === value.kind)
  if (direction === undefined || kind === undefined) return undefined
  if (!isText(node) || !isText(peer) || !isText(channel) || !isText(digest) || !isText(text)) return undefined
  if (server !== undefined && !isText(server)) return undefined
  if (typeof occurrence !== 'number' || !Number.isSafeInteger(occurrence) || occurrence < 1) return undefined
  const named = { node, direction, peer, channel, kind, ...(server !== undefined && { server }) }
  return { ...named, digest, occurrence, text }
}

const textMax = 100

/** What cannot travel has a digest too: it fails later, at the same place in each run. */
function digestOf(value: unknown): string {
  let bytes: Uint8Array
  try {
    bytes = value instanceof Uint8Array ? value : encodeToBytes(value, defaultValueLimits)
  } catch (error) {
    return new Digest().add(String(error)).toString()
  }
  return new Digest().add(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')).toString()
}

function textOf(message: unknown): string {
  const text = inspect(message, {
    depth: 4,
    breakLength: Infinity,
    compact: true,
    maxArrayLength: 8,
    maxStringLength: 60,
  })
  return text.length <= textMax ? text : `${text.slice(0, textMax - 3)}...`
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function ordinal(count: number): string {
  const teen = count % 100 > 10 && count % 100 < 14
  return `${count}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')}`
}
