import { type CausalFloor, type CausalQuery, encodeCausalFloor, encodeCausalQuery } from '../codec/causal-frames.js'
import { FrameKind } from '../codec/codec.js'
import type { Life } from '../core/node.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'

export interface CausalQueriesContext {
  readonly hub: LinkHub
  readonly clock: Clock
  /** Below what number nothing of the label will leave for that life any more. */
  floorFor(label: string, to: Life): number
  /** Nothing of the label from that life, up to the number, is under way any more. */
  gone(label: string, from: Life, upTo: number): void
}

/** A question that is not answered yet. */
interface Round {
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
 * Asks a sender which of its messages may still come. It answers behind what has left, on each of its lanes: when all
 * are here, and each lane that was open here has answered or ended, whatever is missing of what has left is lost.
 */
export class CausalQueries {
  readonly #context: CausalQueriesContext
  readonly #rounds = new Map<string, Round>()
  #ids = 0

  constructor(context: CausalQueriesContext) {
    this.#context = context
  }

  /** Asks, unless that was asked a short while ago. */
  ask(label: string, from: Life): void {
    const { hub, clock } = this.#context
    const link = hub.links.get(from.name)
    if (link === undefined || link.spec.incarnation !== from.incarnation) return
    const [lane, ...others] = openLanes(link)
    if (lane === undefined) return
    const key = keyOf(label, link)
    const known = this.#rounds.get(key)
    if (known !== undefined && clock.now() - known.askedAt < roundMillis) return
    const round: Round = {
      ...{ id: ++this.#ids, label, from, askedAt: clock.now(), open: new Set([lane, ...others]) },
      ...{ floors: new Map(), lanes: undefined },
    }
    this.#rounds.set(key, round)
    lane.outbound.control(FrameKind.query, encodeCausalQuery({ round: round.id, label }))
  }

  /** A peer asks. */
  asked({ link }: Lane, { round, label }: CausalQuery): void {
    const { name, incarnation } = link.spec
    const lanes = openLanes(link)
    const floor = this.#context.floorFor(label, { name, incarnation })
    const body = encodeCausalFloor({ round, label, lanes: lanes.length, floor })
    for (const lane of lanes) lane.outbound.control(FrameKind.floor, body)
  }

  answered(lane: Lane, { round: id, label, lanes, floor }: CausalFloor): void {
    const key = keyOf(label, lane.link)
    const round = this.#rounds.get(key)
    if (round?.id !== id) return
    round.lanes = lanes
    round.open.delete(lane)
    round.floors.set(lane, floor)
    this.#conclude(key, round)
  }

  /** Nothing more will come on that connection. */
  laneClosed(lane: Lane): void {
    for (const [key, round] of [...this.#rounds]) {
      if (round.open.delete(lane)) this.#conclude(key, round)
    }
  }

  clear(): void {
    this.#rounds.clear()
  }

  #conclude(key: string, { label, from, open, floors, lanes }: Round): void {
    if (open.size > 0 || floors.size !== lanes) return
    this.#rounds.delete(key)
    this.#context.gone(label, from, Math.min(...floors.values()) - 1)
  }
}

/** An answer that takes longer is not waited for: a lane that ended may have taken a part of it away. */
const roundMillis: Millis = 4_000

function openLanes(link: Link): Lane[] {
  return [...link.lanes()].filter(({ phase }) => phase === 'open')
}

function keyOf(label: string, { name }: Link): string {
  return `${name}\n${label}`
}
