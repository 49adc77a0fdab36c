import type { Life, NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/** What a sender answers, on one of several lanes: behind it on this lane comes nothing of the label below `floor`. */
export interface FloorAnswer {
  readonly round: number
  readonly label: string
  /** On so many lanes it answers. */
  readonly lanes: number
  readonly floor: number
  /** The greatest number that it had given when it answered. */
  readonly last: number
}

/** What a sender has told of its messages of a label. */
export interface Conclusion {
  readonly label: string
  readonly from: Life
  readonly askedAt: Instant
  /** Nothing up to this number is under way any more. */
  readonly goneUpTo: number
  /** The greatest number that it had given. */
  readonly last: number
}

/** A question that is not answered yet. */
interface Round<Lane> {
  readonly id: number
  readonly label: string
  readonly from: Life
  readonly askedAt: Instant
  /** Lanes that were open here when it was asked, and are not answered on. */
  readonly open: Set<Lane>
  readonly floors: Map<Lane, number>
  last: number
  /** On how many lanes the peer answers. */
  lanes: number | undefined
}

/**
 * Questions to senders which of their messages may still come. A sender answers behind what has left, on each of its
 * lanes: when all answers are here, and each lane that was open here has answered or ended, whatever is missing of what
 * has left is lost. Pure bookkeeping: it neither waits nor sends.
 */
export class CausalRounds<Lane> {
  /** By sender and label, oldest first. */
  readonly #rounds = new Map<string, Round<Lane>>()
  #ids = 0

  /** How many questions are not answered. */
  get size(): number {
    return this.#rounds.size
  }

  /** Asks over lanes that are open. Returns the number of the question; undefined: it was asked a short while ago. */
  ask(label: string, from: Life, open: readonly Lane[], now: Instant): number | undefined {
    for (const [key, { askedAt }] of this.#rounds) {
      if (now - askedAt < roundMillis) break
      this.#rounds.delete(key)
    }
    const key = keyOf(label, from.name)
    if (open.length === 0 || this.#rounds.has(key)) return undefined
    const id = ++this.#ids
    const round = { id, label, from, askedAt: now, open: new Set(open), floors: new Map(), last: 0, lanes: undefined }
    this.#rounds.set(key, round)
    return id
  }

  /** An answer came from that node. Returns what is known by it. */
  answered(lane: Lane, node: NodeName, { round: id, label, lanes, floor, last }: FloorAnswer): Conclusion | undefined {
    const round = this.#rounds.get(keyOf(label, node))
    if (round?.id !== id) return undefined
    round.lanes = lanes
    round.last = Math.max(round.last, last)
    round.open.delete(lane)
    round.floors.set(lane, floor)
    return this.#conclude(round)
  }

  /** Nothing more will come on that lane's connection. Returns what is known by that. */
  closed(lane: Lane): Conclusion[] {
    const known: Conclusion[] = []
    for (const round of [...this.#rounds.values()]) {
      const concluded = round.open.delete(lane) ? this.#conclude(round) : undefined
      if (concluded !== undefined) known.push(concluded)
    }
    return known
  }

  clear(): void {
    this.#rounds.clear()
  }

  #conclude({ label, from, askedAt, open, floors, last, lanes }: Round<Lane>): Conclusion | undefined {
    if (open.size > 0 || floors.size !== lanes) return undefined
    this.#rounds.delete(keyOf(label, from.name))
    return { label, from, askedAt, goneUpTo: Math.min(...floors.values()) - 1, last }
  }
}

/** An answer that takes longer is not waited for: a lane that ended may have taken a part of it away. */
export const roundMillis: Millis = 4_000

function keyOf(label: string, node: NodeName): string {
  return `${node}\n${label}`
}
