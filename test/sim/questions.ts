import type { PeerServiceManager } from 'maquis'
import type { NodeContext, OperationContext } from 'maquis/testing'
import { type Activity, ignore, sleep } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'
import { wayOf } from './traffic.js'

type Context = OperationContext

/** Requests: each is answered once at the most, and by what was asked. */
export class Questions implements Activity {
  readonly #configuration: Configuration
  readonly #wrong: string[]
  readonly #channels: readonly string[]
  readonly #answered = new Set<string>()
  #questions = 0

  /** `wrong` is told of promises that were broken. */
  constructor(configuration: Configuration, wrong: string[]) {
    this.#configuration = configuration
    this.#wrong = wrong
    this.#channels = ['default', ...Object.keys(configuration.channels)]
  }

  readonly operations: Activity['operations'] = {
    ask: context => this.#ask(context),
    'ask all': context => this.#askAll(context),
  }

  readonly weights: Activity['weights'] = { ask: 4, 'ask all': 1 }

  setup(manager: PeerServiceManager, { name, clock, random }: NodeContext): void {
    const { handling } = this.#configuration
    manager.register('echo', async (question: string) => {
      if (this.#answered.has(`${name} ${question}`)) this.#wrong.push(`${name} was asked ${question} twice`)
      this.#answered.add(`${name} ${question}`)
      if (handling > 0) await sleep(clock, random.next() * 2 * handling)
      return question
    })
  }

  async #ask({ node, name, random }: Context): Promise<void> {
    const question = `${name} ${++this.#questions}`
    const to = one(random, this.#configuration.nodes)
    const options = {
      ...{ channel: one(random, this.#channels), ...wayOf(random) },
      ...(chance(random, 0.7) && { timeout: 200 + random.next() * 5_000 }),
      ...(chance(random, 0.2) && { whenDown: 'wait' as const }),
    }
    const answer = await node.request(to, 'echo', question, options)
    if (answer !== question) throw new Error(`${name} asked ${question} and was answered ${String(answer)}`)
  }

  async #askAll({ node, name, random }: Context): Promise<void> {
    const question = `${name} ${++this.#questions}`
    const channel = one(random, this.#channels)
    const nodes = [...node.members(), ...node.members().slice(0, 1)]
    const timeout = chance(random, 0.3) ? { timeout: random.next() * 3_000 } : {}
    const { replies, missing } = await node.requestAll(nodes, 'echo', question, { channel, ...timeout })
    const told = [...replies.keys(), ...missing.keys()].sort().join()
    if (told !== [...new Set(nodes)].sort().join())
      throw new Error(`${name} asked ${nodes.join()} and heard of ${told}`)
    for (const answer of replies.values()) if (answer !== question) throw new Error(`${name} heard ${String(answer)}`)
    for (const error of missing.values()) ignore(error)
  }
}
