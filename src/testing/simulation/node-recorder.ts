import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { ManagerEvents } from '../../manager/events.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { HistoryEvent, MemberLife } from '../histories/history-event.js'

export interface RecorderContext {
  readonly manager: Pick<PeerServiceManager, 'name' | 'spec' | 'events' | 'membersForOrchestration'>
  readonly now: () => Millis
  /** The life in which a node runs now, where that was recorded. */
  readonly lifeOf: (name: NodeName) => Incarnation | undefined
  /** The process can say nothing any more. */
  readonly dead: () => boolean
  readonly record: (event: HistoryEvent) => void
}

interface Head {
  readonly at: Millis
  readonly node: NodeName
  readonly life: Incarnation
}

/** Writes down what a manager tells of itself, in the lives in which it tells it. */
export class NodeRecorder {
  readonly #context: RecorderContext
  readonly #peers = new Map<NodeName, Incarnation | undefined>()
  #life: Incarnation | undefined

  constructor(context: RecorderContext) {
    this.#context = context
    this.#on('up', (head, peer) => ({ type: 'up', ...head, peer, ...this.#met(peer) }))
    this.#on('down', (head, peer, reason) => ({ type: 'down', ...head, peer, ...this.#lost(peer), reason }))
    this.#on('members', head => ({ type: 'members', ...head, members: this.#members() }))
    this.#on('removed', head => ({ type: 'removed', ...head }))
    this.#on('superseded', head => ({ type: 'superseded', ...head }))
    this.#on('partition', (head, { ref, node }) => ({ type: 'cut', ...head, peer: node.name, ref }))
    this.#on('heal', (head, { ref, node }) => ({ type: 'healed', ...head, peer: node.name, ref }))
  }

  /** The life that was recorded last and has not ended. */
  get life(): Incarnation | undefined {
    return this.#life
  }

  ended(type: 'stopped' | 'crashed'): void {
    const { manager, now, record } = this.#context
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    record({ type, at: now(), node: manager.name, life })
  }

  #on<Name extends keyof ManagerEvents>(
    name: Name,
    make: (head: Head, ...args: Parameters<ManagerEvents[Name]>) => HistoryEvent,
  ): void {
    const { manager, dead, record } = this.#context
    const listener = (...args: unknown[]): void => {
      if (!dead()) record(make(this.#head(), ...(args as Parameters<ManagerEvents[Name]>)))
    }
    manager.events.on(name, listener)
  }

  /** A start, or a rejoin after a leave, is a life of its own: the first that is heard of it begins it. */
  #head(): Head {
    const { manager, now, record } = this.#context
    const { name: node, incarnation: life } = manager.spec
    if (life !== this.#life) {
      this.ended('stopped')
      this.#life = life
      record({ type: 'started', at: now(), node, life })
    }
    return { at: now(), node, life }
  }

  #members(): MemberLife[] {
    return this.#context.manager.membersForOrchestration().map(({ name, incarnation: life }) => ({ name, life }))
  }

  /** Said only where it is certain: the peer may have been started anew while its greeting travelled. */
  #met(peer: NodeName): { peerLife?: Incarnation } {
    const listed = this.#members().find(({ name }) => name === peer)?.life
    this.#peers.set(peer, listed === this.#context.lifeOf(peer) ? listed : undefined)
    return this.#lost(peer)
  }

  #lost(peer: NodeName): { peerLife?: Incarnation } {
    const peerLife = this.#peers.get(peer)
    return peerLife === undefined ? {} : { peerLife }
  }
}
