import { type CausalFloor, type CausalQuery, encodeCausalFloor, encodeCausalQuery } from '../codec/causal-frames.js'
import { FrameKind } from '../codec/codec.js'
import { type Life, lifeOf } from '../core/node.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'

export interface CausalQueriesContext {
  readonly hub: LinkHub
  readonly clock: Clock
  /** Below what number nothing of the label will leave for that life any more; undefined: it is not known here. */
  floorFor(label: string, to: Life): number | undefined
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

/** What a peer asked and was not told yet. */
interface Asked {
  /** Of each label the last round. */
  readonly rounds: Map<string, number>
  /** Since when a lane that takes no more holds the answers back. */
  heldSince: Instant | undefined
}

/**
 * Asks a sender which of its messages may still come. It answers behind what has left, on each of its lanes: when all
 * are here, and each lane that was open here has answered or ended, whatever is missing of what has left is lost.
 */
export class CausalQueries {
  readonly #context: CausalQueriesContext
  readonly #rounds = new Map<string, Round>()
  /** Of links that asked a short while ago. */
  readonly #asked = new Map<Link, Asked>()
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

  /**
   * A peer asks. The first of its questions is answered at the end of this turn, further ones a while later: of each
   * label only the last, so that who asks without end, and reads nothing, makes no more of it here.
   */
  asked({ link }: Lane, { round, label }: CausalQuery): void {
    // Of a label that is unknown nothing was sent.
    if (this.#context.floorFor(label, lifeOf(link.spec)) === undefined) return
    const known = this.#asked.get(link)
    if (known !== undefined) {
      known.rounds.set(label, round)
      return
    }
    this.#asked.set(link, { rounds: new Map([[label, round]]), heldSince: undefined })
    this.#context.clock.defer(() => this.#answer(link))
  }

  #answer(link: Link): void {
    const asked = this.#asked.get(link)
    if (asked === undefined) return
    const { clock } = this.#context
    const lanes = openLanes(link)
    if (asked.rounds.size === 0 || lanes.length === 0) {
      this.#asked.delete(link)
      return
    }
    clock.schedule(answerMillis, () => this.#answer(link))
    if (lanes.some(({ outbound }) => !outbound.writable)) {
      asked.heldSince ??= clock.now()
      if (clock.now() - asked.heldSince < heldMillis) return
    }
    asked.heldSince = undefined
    for (const [label, round] of asked.rounds) {
      const floor = this.#context.floorFor(label, lifeOf(link.spec)) ?? 1
      const body = encodeCausalFloor({ round, label, lanes: lanes.length, floor })
      for (const lane of lanes) lane.outbound.control(FrameKind.floor, body)
    }
    asked.rounds.clear()
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
    this.#asked.clear()
  }

  #conclude(key: string, { label, from, open, floors, lanes }: Round): void {
    if (open.size > 0 || floors.size !== lanes) return
    this.#rounds.delete(key)
    this.#context.gone(label, from, Math.min(...floors.values()) - 1)
  }
}

/** An answer that takes longer is not waited for: a lane that ended may have taken a part of it away. */
const roundMillis: Millis = 4_000

/** A peer's questions are answered so often, at the most. */
const answerMillis: Millis = 250
/** While a lane takes no more, they wait so long. */
const heldMillis: Millis = 2_000

function openLanes(link: Link): Lane[] {
  return [...link.lanes()].filter(({ phase }) => phase === 'open')
}

function keyOf(label: string, { name }: Link): string {
  return `${name}\n${label}`
}
