import { isDeepStrictEqual } from 'node:util'
import { byName } from '../../core/name.js'
import { type Incarnation, isNodeName, type NodeName, type NodeSpec, parseNodeSpec } from '../../core/node.js'
import type { Instant } from '../../core/time.js'
import type {
  Admission,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipState,
  MembershipStrategy,
} from '../../membership/strategy.js'

/** What a strategy must not break, whatever it is told. */
export type StrategyRule =
  | 'it does not throw'
  | 'its members are in order, once each, and hold this node'
  | 'it tells when its members change'
  | 'no life of a member comes back after a later one'
  | 'its effects mean something'
  | 'its messages can travel and are read'
  | 'its routes lead to members or to who is connected'
  | 'its state is plain data'

/** Told what was broken, and how. */
export type TellBroken = (rule: StrategyRule, how: string) => void

/** One step of a machine. */
export interface StrategyStep {
  readonly input: MembershipInput<unknown>
  readonly now: Instant
  readonly effects: readonly MembershipEffect<unknown>[]
  readonly members: readonly NodeSpec[]
}

/** A strategy whose every step is looked at. */
export class WatchedStrategy implements MembershipStrategy {
  /** What happened, as a copy, where it is recorded. */
  readonly steps: StrategyStep[] = []
  readonly #inner: MembershipStrategy
  readonly #broken: TellBroken
  readonly #up = new Set<NodeName>()
  readonly #latest = new Map<NodeName, Incarnation>()
  readonly #records: boolean
  #self: NodeSpec | undefined
  #count = 0
  #view = ''

  /** `records`: every step is kept. */
  constructor(inner: MembershipStrategy, broken: TellBroken, { records = false }: { readonly records?: boolean } = {}) {
    this.#inner = inner
    this.#broken = broken
    this.#records = records
  }

  get capabilities(): readonly string[] {
    return this.#inner.capabilities
  }

  members(): readonly NodeSpec[] {
    return this.#inner.members()
  }

  route(to: NodeName): readonly NodeSpec[] {
    return this.#inner.route(to)
  }

  parse(value: unknown): unknown {
    try {
      return this.#inner.parse(value)
    } catch (error) {
      this.#broken('it does not throw', `parse: ${String(error)}`)
      return undefined
    }
  }

  admit(peer: NodeSpec): Admission | undefined {
    try {
      return this.#inner.admit(peer)
    } catch (error) {
      this.#broken('it does not throw', `admit(${peer.name}): ${String(error)}`)
      return undefined
    }
  }

  state(): MembershipState {
    return this.#inner.state()
  }

  step(input: MembershipInput<unknown>, now: Instant, out: MembershipEffect<unknown>[]): void {
    this.#follow(input)
    const start = out.length
    const before = input.type === 'timer' ? JSON.stringify(this.#inner.members()) : undefined
    try {
      this.#inner.step(frozen(input), now, out)
      const effects = out.slice(start)
      if (this.#records) this.steps.push(structuredClone({ input, now, effects, members: [...this.#inner.members()] }))
      for (const effect of effects) this.#checkEffect(effect)
      this.#checkEvents(effects, before)
      this.#checkView(effects)
    } catch (error) {
      this.#broken('it does not throw', `${input.type}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #follow(input: MembershipInput<unknown>): void {
    if (input.type === 'up') this.#up.add(input.peer.name)
    else if (input.type === 'down') this.#up.delete(input.node)
    else if (input.type === 'start') {
      this.#self = input.self
      this.#up.clear()
      this.#latest.clear()
    }
  }

  #checkView(effects: readonly MembershipEffect<unknown>[]): void {
    const members = this.#inner.members()
    const before = this.#view
    this.#view = textOf(members)
    const changed = before !== this.#view
    if (changed && !effects.some(effect => effect.type === 'notify' && effect.event.type === 'members')) {
      this.#broken('it tells when its members change', `${before} became ${this.#view}`)
    }
    // What depends on more than the members is looked at now and then as well.
    if (!changed && this.#count++ % 8 !== 0) return
    this.#checkMembers(members)
    for (const { name } of [...members, { name: 'nobody' as NodeName }]) this.#checkRoute(name, members)
    this.#checkState(members)
  }

  #checkMembers(members: readonly NodeSpec[]): void {
    const rule = 'its members are in order, once each, and hold this node'
    if (!isDeepStrictEqual(members, [...members].sort(byName))) this.#broken(rule, `${textOf(members)} has no order`)
    if (new Set(members.map(({ name }) => name)).size < members.length) this.#broken(rule, `${textOf(members)}: twice`)
    const self = members.find(({ name }) => name === this.#self?.name)
    if (self?.incarnation !== this.#self?.incarnation) this.#broken(rule, `${textOf(members)} is without itself`)
    for (const { name, incarnation } of members) {
      const latest = this.#latest.get(name) ?? incarnation
      if (incarnation < latest) {
        this.#broken('no life of a member comes back after a later one', `${name}/${incarnation} after ${latest}`)
      } else this.#latest.set(name, incarnation)
    }
  }

  #checkRoute(to: NodeName, members: readonly NodeSpec[]): void {
    const hops = this.#inner.route(to).map(({ name }) => name)
    const rule = 'its routes lead to members or to who is connected'
    const known = new Set([...members.map(({ name }) => name), ...this.#up])
    if (new Set(hops).size < hops.length || hops.some(name => !known.has(name))) {
      this.#broken(rule, `to ${to} by ${hops.join()}`)
    }
    const isMember = members.some(({ name }) => name === to)
    if (isMember && this.#up.has(to) && hops.length === 0) this.#broken(rule, `none to ${to}, which is a member and up`)
  }

  #checkState(members: readonly NodeSpec[]): void {
    const rule = 'its state is plain data'
    const state = this.#inner.state()
    const plain = isDeepStrictEqual(JSON.parse(JSON.stringify(state)), state)
    if (!plain) this.#broken(rule, `${JSON.stringify(state)} is not all of it`)
    const names = members.map(({ name }) => name)
    if (!isDeepStrictEqual(state.members, names)) this.#broken(rule, `${state.members.join()} are not ${names.join()}`)
  }

  /** `before`: the members before a timer, which alone may change nothing that users can see. */
  #checkEvents(effects: readonly MembershipEffect<unknown>[], before: string | undefined): void {
    const answers = effects.flatMap(effect => {
      const answer = effect.type === 'notify' && (effect.event.type === 'joined' || effect.event.type === 'told')
      return answer ? [JSON.stringify(effect.event)] : []
    })
    const twice = answers.find((answer, index) => answers.indexOf(answer) < index)
    if (twice !== undefined) this.#broken('its effects mean something', `${twice} is told twice in one step`)
    if (before === undefined || !effects.some(effect => effect.type === 'notify' && effect.event.type === 'members'))
      return
    if (before === JSON.stringify(this.#inner.members())) {
      this.#broken('it tells when its members change', 'a timer told of members that had not changed')
    }
  }

  #checkEffect(effect: MembershipEffect<unknown>): void {
    const wrong = wrongEffect(effect, this.#self?.name, this.#up)
    if (wrong !== undefined) this.#broken('its effects mean something', `${JSON.stringify(effect)}: ${wrong}`)
  }
}

function wrongEffect(
  effect: MembershipEffect<unknown>,
  self: NodeName | undefined,
  up: ReadonlySet<NodeName>,
): string | undefined {
  switch (effect.type) {
    case 'send':
      return effect.to === self ? 'to itself' : up.has(effect.to) ? undefined : 'to who is not connected'
    case 'connect':
      if (effect.peer.name === self) return 'with itself'
      return parseNodeSpec(effect.peer) === undefined ? 'no spec' : undefined
    case 'disconnect':
      return effect.node === self ? 'from itself' : undefined
    case 'arm': {
      if (typeof effect.timer !== 'string' || effect.timer.length === 0) return 'no name'
      return Number.isFinite(effect.after) && effect.after >= 0 ? undefined : 'no time'
    }
    case 'notify':
      return wrongEvent(effect.event, self)
    default:
      return 'no effect'
  }
}

function wrongEvent(event: MembershipEvent, self: NodeName | undefined): string | undefined {
  switch (event.type) {
    case 'members':
    case 'removed':
      return undefined
    case 'joined':
      return event.peer === self || !isNodeName(event.peer) ? 'itself, or nobody' : undefined
    case 'told':
    case 'denied':
      return isNodeName(event.node) ? undefined : 'nobody'
    case 'superseded':
      return Number.isSafeInteger(event.known) ? undefined : 'no incarnation'
    default:
      return 'no event'
  }
}

/** Each member with its life. */
export function textOf(members: readonly NodeSpec[]): string {
  return members.map(({ name, incarnation }) => `${name}/${incarnation}`).join()
}

/** What a strategy is told is not its own to change: an attempt throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}
