import { membershipChannel } from '../core/channel.js'
import type { Millis } from '../core/time.js'
import type { PeerServiceManager } from '../manager/manager.js'
import { SettledLater } from '../manager/settled-later.js'
import { ask } from './ask.js'
import { Joined } from './joined.js'
import type { DrainMessage } from './pool-messages.js'
import type { PoolTraffic } from './pool-traffic.js'

const drain: DrainMessage = { type: 'drain' }

/** What a node is asked. */
interface Question {
  /** Until then it may be asked. */
  until: Millis
  /** It is asked again when it has answered: what is asked meanwhile is one question. */
  readonly asking: Joined
}

/**
 * Who leaves waits for what others had sent to it before they knew, and they alone can tell when that has arrived. They
 * are asked by a message of its own: the answer may take as long as a handler, and what is told of pools does not wait.
 */
export class Drains {
  readonly #manager: PeerServiceManager
  readonly #traffic: PoolTraffic
  /** The nodes that wait for an answer whose question keeps no credit. */
  readonly #waiting = new Set<string>()
  /** The nodes that are asked and have not answered. */
  readonly #questions = new Map<string, Question>()

  constructor(manager: PeerServiceManager, traffic: PoolTraffic) {
    this.#manager = manager
    this.#traffic = traffic
  }

  /** Resolves when all that these nodes had sent here has arrived, or never will. Until then it tries to ask them. */
  async ask(nodes: Iterable<string>, until: Millis): Promise<void> {
    await Promise.all([...nodes].map(node => this.#ask(node, until)))
  }

  async #ask(node: string, until: Millis): Promise<void> {
    const question = this.#questions.get(node) ?? this.#questionTo(node)
    question.until = Math.max(question.until, until)
    await question.asking.run()
    if (question.asking.isIdle) this.#questions.delete(node)
  }

  #questionTo(node: string): Question {
    const route = { channel: membershipChannel }
    const asking = new Joined(() => ask(this.#manager, node, drain, route, () => question.until))
    const question: Question = { until: 0, asking }
    this.#questions.set(node, question)
    return question
  }

  /** A node asks. The first of its questions that wait for an answer keeps no credit, so that nothing waits for it. */
  answer(node: string): Promise<void> | SettledLater {
    const arrived = this.#traffic.flush(node)
    if (this.#waiting.has(node)) return arrived
    this.#waiting.add(node)
    return new SettledLater(arrived.finally(() => this.#waiting.delete(node)))
  }
}
