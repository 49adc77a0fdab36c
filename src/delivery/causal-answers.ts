import type { Instant, Millis } from '../core/time.js'

type Question = readonly [label: string, round: number]

/** What a peer asked and was not told yet. */
interface Asked {
  /** Of each label the last question. */
  readonly rounds: Map<string, number>
  /** Since when a lane that takes no more holds the answers back. */
  heldSince: Instant | undefined
}

/**
 * Peers' questions what may still come, and when each is answered: the first at once, further ones a while later. Of
 * each label only the last, so that who asks without end, and reads nothing, makes no more of it here. It neither waits
 * nor sends.
 */
export class CausalAnswers<Peer> {
  /** Of peers that asked a short while ago. */
  readonly #asked = new Map<Peer, Asked>()

  /** A peer asks. Returns whether it is to be answered at once, rather than after {@link answerMillis}. */
  asked(peer: Peer, label: string, round: number): boolean {
    const known = this.#asked.get(peer)
    if (known !== undefined) {
      if (known.rounds.size < labelsMax || known.rounds.has(label)) known.rounds.set(label, round)
      return false
    }
    this.#asked.set(peer, { rounds: new Map([[label, round]]), heldSince: undefined })
    return true
  }

  /**
   * It is time to answer a peer. Returns the questions that are answered now, and it is time again after
   * {@link answerMillis}; undefined: nothing was asked, or there is no way to answer, and it is not.
   * `writable`: whether every lane to the peer takes more, undefined when there is none.
   */
  due(peer: Peer, writable: boolean | undefined, now: Instant): Question[] | undefined {
    const asked = this.#asked.get(peer)
    if (asked === undefined || asked.rounds.size === 0 || writable === undefined) {
      this.#asked.delete(peer)
      return undefined
    }
    if (!writable) {
      asked.heldSince ??= now
      if (now - asked.heldSince < heldMillis) return []
    }
    asked.heldSince = undefined
    const rounds = [...asked.rounds]
    asked.rounds.clear()
    return rounds
  }

  clear(): void {
    this.#asked.clear()
  }
}

/** A peer's questions are answered so often, at the most. */
export const answerMillis: Millis = 250
/** Of so many labels between two answers: further ones have to be asked of again. */
const labelsMax = 1_024
/** While a lane takes no more, they wait so long. */
const heldMillis: Millis = 2_000
