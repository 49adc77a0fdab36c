import type { NodeName, NodeSpec } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { Effects, HyParViewMessage } from './hyparview-messages.js'

/** Whether it asks for a neighbour that holds a reserved slot. */
export function isForReserved(opening: HyParViewMessage): boolean {
  return opening.type === 'neighbor' && opening.priority === 'reserved'
}

/** Something to be said to a node that is no neighbour: it is connected for it, and again left alone after it. */
export interface Attempt {
  readonly spec: NodeSpec
  readonly opening: HyParViewMessage
  /** Another neighbour makes room for it, should it accept. */
  readonly makesRoom: boolean
  /** The connection was asked for, and has to be given up. */
  readonly dialled: boolean
  /** When the opening was said; undefined while there is no connection. */
  readonly askedAt: Instant | undefined
  readonly due: Instant
}

/** So many nodes are dialled or asked at once; further ones wait for another round. */
const attemptsMax = 32
const timerPrefix = 'try '

/**
 * Nodes that are being asked something. Dials have no end of their own in this house: a link is dialled for as long as
 * it is wanted. So each attempt ends by its answer, or after a while, and whoever was dialled for it is let go.
 */
export class Attempts {
  readonly #timeout: Millis
  readonly #attempts = new Map<NodeName, Attempt>()

  constructor(timeout: Millis) {
    this.#timeout = timeout
  }

  clear(): void {
    this.#attempts.clear()
  }

  has(name: NodeName): boolean {
    return this.#attempts.has(name)
  }

  get(name: NodeName): Attempt | undefined {
    return this.#attempts.get(name)
  }

  names(): NodeName[] {
    return [...this.#attempts.keys()]
  }

  /** How many ask for a neighbour, other than for a reserved slot. */
  get requests(): number {
    return this.#count('neighbor') - this.reserved.length
  }

  /** Who is asked for a reserved slot. */
  get reserved(): NodeSpec[] {
    const attempts = [...this.#attempts.values()]
    return attempts.filter(({ opening }) => isForReserved(opening)).map(({ spec }) => spec)
  }

  /** How many ask for a component. */
  get probes(): number {
    return this.#count('probe')
  }

  /** Asks a node, once it is connected. Nothing happens while it is asked something else. */
  start(
    { spec, opening, makesRoom = false }: Pick<Attempt, 'spec' | 'opening'> & { readonly makesRoom?: boolean },
    isUp: boolean,
    now: Instant,
    out: Effects,
  ): void {
    const { name } = spec
    if (this.#attempts.has(name) || this.#attempts.size >= attemptsMax) return
    if (!isUp) out.push({ type: 'connect', peer: spec })
    const due = now + this.#timeout
    this.#attempts.set(name, { spec, opening, makesRoom, dialled: !isUp, askedAt: isUp ? now : undefined, due })
    out.push({ type: 'arm', timer: `${timerPrefix}${name}`, after: this.#timeout })
    if (isUp) out.push({ type: 'send', to: name, message: opening })
  }

  /** A node has answered, and is now to become a neighbour whatever it takes. */
  urge(name: NodeName, now: Instant, out: Effects): void {
    const attempt = this.#attempts.get(name)
    if (attempt === undefined) return
    this.#attempts.set(name, { ...attempt, makesRoom: true })
    this.ask(name, { type: 'neighbor', priority: 'high' }, now, out)
  }

  /** A node has answered, and is asked something else. It has so many times as long as any. */
  ask(name: NodeName, opening: HyParViewMessage, now: Instant, out: Effects, times = 1): void {
    const attempt = this.#attempts.get(name)
    if (attempt === undefined) return
    const after = times * this.#timeout
    this.#attempts.set(name, { ...attempt, opening, askedAt: now, due: now + after })
    out.push({ type: 'arm', timer: `${timerPrefix}${name}`, after }, { type: 'send', to: name, message: opening })
  }

  /** A connection has opened. */
  up({ name }: NodeSpec, now: Instant, out: Effects): void {
    const attempt = this.#attempts.get(name)
    if (attempt === undefined || attempt.askedAt !== undefined) return
    this.#attempts.set(name, { ...attempt, askedAt: now })
    out.push({ type: 'send', to: name, message: attempt.opening })
  }

  /** A newer spec of a node is known. */
  renew(spec: NodeSpec, out: Effects): void {
    const attempt = this.#attempts.get(spec.name)
    if (attempt === undefined) return
    this.#attempts.set(spec.name, { ...attempt, spec })
    if (attempt.dialled) out.push({ type: 'connect', peer: spec })
  }

  /** The attempt is over; who was dialled for it stays connected: it is a neighbour. */
  adopt(name: NodeName): void {
    this.#attempts.delete(name)
  }

  /** The attempt is over; who was dialled for it is let go. */
  end(name: NodeName, out: Effects): Attempt | undefined {
    const attempt = this.#attempts.get(name)
    if (attempt === undefined) return undefined
    this.#attempts.delete(name)
    if (attempt.dialled) out.push({ type: 'disconnect', node: name, reason: 'unwanted' })
    return attempt
  }

  /** A timer fired that may be one of these: the node whose time is over. */
  expired(timer: string, now: Instant): NodeName | undefined {
    if (!timer.startsWith(timerPrefix)) return undefined
    const name = timer.slice(timerPrefix.length) as NodeName
    return (this.#attempts.get(name)?.due ?? Number.POSITIVE_INFINITY) <= now ? name : undefined
  }

  #count(type: HyParViewMessage['type']): number {
    let count = 0
    for (const { opening } of this.#attempts.values()) if (opening.type === type) count++
    return count
  }
}
