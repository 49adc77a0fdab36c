import { type CausalFloor, type CausalQuery, encodeCausalFloor, encodeCausalQuery } from '../codec/causal-frames.js'
import { FrameKind } from '../codec/codec.js'
import { type Life, lifeOf } from '../core/node.js'
import type { Clock } from '../core/time.js'
import { answerMillis, CausalAnswers } from '../delivery/causal-answers.js'
import { CausalRounds, type Conclusion } from '../delivery/causal-rounds.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'

export interface CausalQueriesContext {
  readonly hub: LinkHub
  readonly clock: Clock
  /** Below what number nothing of the label will leave for that life any more, and the last that was given. */
  sentTo(label: string, to: Life): { readonly floor: number; readonly last: number }
  concluded(conclusion: Conclusion): void
}

/** The shell of the questions what of a label may still come, and of their answers. */
export class CausalQueries {
  readonly #context: CausalQueriesContext
  readonly #rounds = new CausalRounds<Lane>()
  readonly #answers = new CausalAnswers<Link>()

  constructor(context: CausalQueriesContext) {
    this.#context = context
  }

  /** Asks, unless that was asked a short while ago. */
  ask(label: string, from: Life): void {
    const { hub, clock } = this.#context
    const link = hub.links.get(from.name)
    if (link === undefined || link.spec.incarnation !== from.incarnation) return
    const lanes = openLanes(link)
    const round = this.#rounds.ask(label, from, lanes, clock.now())
    if (round !== undefined) lanes[0]?.outbound.control(FrameKind.query, encodeCausalQuery({ round, label }))
  }

  /** A peer asks. It is answered at the end of this turn at the earliest. */
  asked({ link }: Lane, { round, label }: CausalQuery): void {
    if (this.#answers.asked(link, label, round)) this.#context.clock.defer(() => this.#answer(link))
  }

  #answer(link: Link): void {
    const { clock } = this.#context
    const lanes = openLanes(link)
    const writable = lanes.length === 0 ? undefined : lanes.every(({ outbound }) => outbound.batch.writable)
    const rounds = this.#answers.due(link, writable, clock.now())
    if (rounds === undefined) return
    clock.schedule(answerMillis, () => this.#answer(link))
    for (const [label, round] of rounds) {
      const sent = this.#context.sentTo(label, lifeOf(link.spec))
      const body = encodeCausalFloor({ round, label, lanes: lanes.length, ...sent })
      for (const lane of lanes) lane.outbound.control(FrameKind.floor, body)
    }
  }

  answered(lane: Lane, floor: CausalFloor): void {
    const conclusion = this.#rounds.answered(lane, lane.link.name, floor)
    if (conclusion !== undefined) this.#context.concluded(conclusion)
  }

  /** Nothing more will come on that connection. */
  laneClosed(lane: Lane): void {
    for (const conclusion of this.#rounds.closed(lane)) this.#context.concluded(conclusion)
  }

  clear(): void {
    this.#rounds.clear()
    this.#answers.clear()
  }
}

function openLanes(link: Link): Lane[] {
  return [...link.lanes()].filter(({ phase }) => phase === 'open')
}
