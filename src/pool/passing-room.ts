import { bytesUpTo } from '../core/size.js'

/** Messages that may be on their way from here to the owners of their keys, and how many bytes they may have. */
const messagesMax = 1_024
const bytesMax = 8_388_608

interface Load {
  messages: number
  bytes: number
}

/** The room that a message takes until it has arrived. */
export interface Place {
  /** It goes to another node, because the first one went away. */
  move(to: string): void
  leave(): void
}

/**
 * Room for messages that are passed on. A node may have as much as it leaves free: one that answers nothing, for ever,
 * has half of the room, and two have a third each, so that there is always some for the others.
 */
export class PassingRoom {
  readonly #total: Load = { messages: 0, bytes: 0 }
  readonly #shares = new Map<string, Load>()

  /** Undefined: there is no room for the message. One alone has room whatever its size. */
  take(node: string, message: unknown): Place | undefined {
    const total = this.#total
    const share = this.#shares.get(node) ?? { messages: 0, bytes: 0 }
    if (share.messages + total.messages >= messagesMax) return undefined
    const bytes = bytesUpTo(message, bytesMax)
    if (total.messages > 0 && share.bytes + total.bytes + bytes > bytesMax) return undefined
    this.#add(node, 1, bytes)
    let at = node
    return {
      move: to => {
        this.#add(at, -1, -bytes)
        at = to
        this.#add(at, 1, bytes)
      },
      leave: () => this.#add(at, -1, -bytes),
    }
  }

  #add(node: string, messages: number, bytes: number): void {
    const share = this.#shares.get(node) ?? { messages: 0, bytes: 0 }
    for (const load of [this.#total, share]) {
      load.messages += messages
      load.bytes += bytes
    }
    if (share.messages > 0) this.#shares.set(node, share)
    else this.#shares.delete(node)
  }
}
