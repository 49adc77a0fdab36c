import { setMaxListeners } from 'node:events'
import type { ChannelName } from '../core/channel.js'
import { UnknownChannelError } from '../core/errors.js'
import type { NodeName } from '../core/node.js'
import type { Clock, Instant } from '../core/time.js'
import type { CircuitRef } from '../delivery/circuit-messages.js'
import type { Interpositions } from '../fault/interposition.js'
import type { Lane } from '../link/lane.js'
import type { Sender } from './sender.js'
import { relayServer } from './server-ref.js'

export interface CircuitSideContext {
  readonly sender: Sender
  readonly clock: Clock
  readonly interpositions: Interpositions
}

interface Entry {
  readonly message: unknown
  readonly over: () => void
}

/** What goes to one neighbour on one circuit, in order, on one stream of its channel. */
export class CircuitSide {
  readonly peer: NodeName
  readonly #context: CircuitSideContext
  readonly #options: { readonly channel: ChannelName; readonly partitionKey: string; readonly signal: AbortSignal }
  readonly #controller = new AbortController()
  readonly #lost: (isForeign: boolean) => void
  /** Messages whose turn has not come: interpositions may hold one, and none may overtake it. */
  readonly #line: Entry[] = []
  #underWay = 0
  #since: Instant = 0

  /** `lost` is called for each message that will not be sent. `isForeign`: the peer does not have the channel. */
  constructor(
    context: CircuitSideContext,
    circuit: CircuitRef,
    channel: ChannelName,
    peer: NodeName,
    lost: (isForeign: boolean) => void,
  ) {
    this.#context = context
    this.peer = peer
    this.#lost = lost
    const { signal } = this.#controller
    setMaxListeners(0, signal)
    this.#options = { channel, partitionKey: circuit, signal }
  }

  /** When the first of what waits for the connection began to, or something last went on; undefined: nothing waits. */
  get waitsSince(): Instant | undefined {
    return this.#underWay === 0 ? undefined : this.#since
  }

  /** The lane that all of it leaves on. */
  get lane(): Lane | undefined {
    return this.#context.sender.laneFor(this.peer, relayServer, this.#options)
  }

  /** Sends a message; `over` is called when it is with the connection, or never will be. */
  send(message: unknown, over: () => void): void {
    const { interpositions } = this.#context
    const entry = { message, over }
    // Lanes keep the order, but not with what an interposition holds.
    if (this.#line.length > 0 || (interpositions.active && this.#underWay > 0)) this.#line.push(entry)
    else this.#submit(entry)
  }

  /** What waits is not sent any more. */
  drop(): void {
    const line = this.#line.splice(0)
    this.#controller.abort(new Error('the circuit was closed'))
    for (const { over } of line) over()
  }

  #submit({ message, over }: Entry): void {
    const { sender, clock } = this.#context
    if (this.#underWay++ === 0) this.#since = clock.now()
    const done = (): void => {
      this.#underWay--
      this.#since = clock.now()
      over()
      if (this.#underWay > 0) return
      const next = this.#line.shift()
      if (next !== undefined) this.#submit(next)
    }
    const failed = (error: unknown): void => {
      done()
      this.#lost(error instanceof UnknownChannelError)
    }
    const outgoing = {
      node: this.peer,
      server: relayServer,
      message,
      options: this.#options,
      extra: undefined,
    } as const
    try {
      sender.submit({ ...outgoing, kind: 'relay', settler: { sent: done, failed } })
    } catch (error) {
      failed(error)
    }
  }
}
