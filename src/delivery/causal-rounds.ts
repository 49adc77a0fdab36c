import type { Life, NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/** What a sender answers, on one of several lanes: behind it on this lane comes nothing of the label below `floor`. */
export interface FloorAnswer {
  readonly round: number
  readonly label: string
  /** On so many lanes it answers. */
  readonly lanes: number
  readonly floor: number
}

/** Nothing of the label from that life, up to the number, is under way any more. */
export interface Gone {
  readonly label: string
  readonly from: Life
  readonly upTo: number
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
    const round = { id, label, from, askedAt: now, open: new Set(open), floors: new Map(), lanes: undefined }
    this.#rounds.set(key, round)
    return id
  }

  /** An answer came from that node. Returns what is known by it. */
  answered(lane: Lane, node: NodeName, { round: id, label, lanes, floor }: FloorAnswer): Gone | undefined {
    const round = this.#rounds.get(keyOf(label, node))
    if (round?.id !== id) return undefined
    round.lanes = lanes
    round.open.delete(lane)
    round.floors.set(lane, floor)
    return this.#conclude(round)
  }

  /** Nothing more will come on that lane's connection. Returns what is known by that. */
  closed(lane: Lane): Gone[] {
    const known: Gone[] = []
    for (const round of [...this.#rounds.values()]) {
      const gone = round.open.delete(lane) ? this.#conclude(round) : undefined
      if (gone !== undefined) known.push(gone)
    }
    return known
  }

  clear(): void {
    this.#rounds.clear()
  }

  #conclude({ label, from, open, floors, lanes }: Round<Lane>): Gone | undefined {
    if (open.size > 0 || floors.size !== lanes) return undefined
    this.#rounds.delete(keyOf(label, from.name))
    return { label, from, upTo: Math.min(...floors.values()) - 1 }
  }
}

/** An answer that takes longer is not waited for: a lane that ended may have taken a part of it away. */
export const roundMillis: Millis = 4_000

function keyOf(label: string, node: NodeName): string {
  return `${node}\n${label}`
}
