import type { MembershipEffect, MembershipInput, MembershipStrategy, NodeName, NodeSpec } from '../../src/index.js'

/** What an overlay does about something that it is told. */
type Answer = (input: MembershipInput<never>, out: MembershipEffect<never>[]) => void

/** An overlay that connects with whom it joins, and does what a test says about all else that it is told. */
export class Obedient implements MembershipStrategy<never> {
  readonly capabilities = []
  readonly #answer: Answer
  #self: NodeSpec | undefined

  constructor(answer: Answer = () => {}) {
    this.#answer = answer
  }

  step(input: MembershipInput<never>, _now: number, out: MembershipEffect<never>[]): void {
    if (input.type === 'start') this.#self = input.self
    if (input.type === 'join') {
      out.push({ type: 'connect', peer: input.peer })
      out.push({ type: 'notify', event: { type: 'joined', peer: input.peer.name } })
    }
    this.#answer(input, out)
  }

  members = (): readonly NodeSpec[] => (this.#self === undefined ? [] : [this.#self])
  route = (): readonly NodeSpec[] => []
  parse = (): undefined => undefined
  admit = (): undefined => undefined
  state = (): { members: readonly NodeName[] } => ({ members: [] })
}
