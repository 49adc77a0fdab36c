import type { Passage } from '../fault/interposition.js'
import type { MessageExtra, Settler, Waiting } from '../link/queue.js'
import type { ForwardOptions } from './manager.js'
import { ackOf } from './message-options.js'

/** A message on its way, with everything that its options asked for. */
export interface Outgoing {
  readonly node: string
  readonly server: string
  readonly message: unknown
  readonly options: ForwardOptions | undefined
  readonly extra: MessageExtra | undefined
  readonly kind: Passage['kind']
  /** Default: that of the options' partition key, or of the server's name. */
  readonly stream?: number
  /** Its lane was asked just now, and had no place for it at once. */
  readonly offered?: boolean
  /** Told how it ends; undefined: nobody waits, and it may not block. */
  readonly settler: Settler | undefined
}

/** Whether a caller waits, and may be made to. */
export function isAwaited({ settler }: Outgoing): boolean {
  return settler !== undefined && settler.awaited !== false
}

/** The message as it waits, or is kept until it is acknowledged; `order` is its place among all of these. */
// Written out: copying objects into each other here costs more than all the rest of a message's way.
export function waitingOf(
  { server, extra, options }: Outgoing,
  stream: number,
  settler: Settler,
  order: number,
  key?: string,
  body: Waiting['body'] = unwritten,
  bytes = 0,
): Waiting {
  return {
    server,
    stream,
    body,
    extra,
    settler,
    key,
    order,
    patience: patienceOf(options),
    sequence: 0,
    tracker: undefined,
    bytes,
    queue: undefined,
    release: undefined,
    gone: false,
    transitive: options?.transitive,
  }
}

const unwritten: Waiting['body'] = { type: 'value', value: undefined }

/** How long it waits for a peer. */
export function patienceOf(options: ForwardOptions | undefined): Waiting['patience'] {
  const onDown = options && ackOf(options)?.onDown
  if (options?.whenDown !== 'wait') return onDown === 'wait' ? 'life' : 'up'
  if (onDown === 'reject') return 'unsent'
  // The place of a message among those of its label holds for one life of its receiver.
  return options.causalLabel === undefined ? 'always' : 'life'
}
