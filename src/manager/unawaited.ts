import {
  CausalOrderError,
  DeadlineError,
  EncodeError,
  MaquisError,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  SupersededError,
  UnknownChannelError,
} from '../core/errors.js'
import { NoRouteError } from '../core/no-route-error.js'
import type { Settler } from '../link/queue.js'
import type { DropReason } from './events.js'

/** Tells of a message that ended, where no promise does. */
export type TellLost = (error: Error, node: string, channel: string, server: string) => void

/** Stands where a promise would: an event tells how a cast ended that had to wait. */
export class Unawaited implements Settler {
  readonly #tell: TellLost
  readonly #node: string
  readonly #channel: string
  readonly #server: string

  constructor(tell: TellLost, node: string, channel: string, server: string) {
    this.#tell = tell
    this.#node = node
    this.#channel = channel
    this.#server = server
  }

  sent(): void {}

  failed(error: Error): void {
    // Anything else is the reason of a signal, which its owner knows.
    if (error instanceof MaquisError) this.#tell(error, this.#node, this.#channel, this.#server)
  }
}

/** What an event calls the end of a message. */
export function dropReasonOf(error: Error): DropReason {
  if (error instanceof OverflowError) return 'overflow'
  if (error instanceof PartitionedError) return 'partitioned'
  if (error instanceof NoRouteError) return 'unreachable'
  if (error instanceof UnknownChannelError) return 'unknown-channel'
  if (error instanceof EncodeError) return 'encode'
  if (error instanceof CausalOrderError) return 'causal-order'
  if (error instanceof SupersededError) return 'superseded'
  if (error instanceof DeadlineError) return 'expired'
  if (error instanceof NoSuchServerError) return 'no-such-server'
  if (!(error instanceof NotConnectedError) || error.reason === 'stranger') return 'not-connected'
  return error.reason === 'left' ? 'left' : 'down'
}
