import { encodeToBytes } from '../codec/value-bytes.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { EncodeError, InvalidOptionError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { MessageExtra } from '../link/queue.js'
import { checkKeys } from './checks.js'
import type { AckOptions, ForwardOptions } from './manager.js'

/** What of a message's options travels with it. */
export function extraOf(
  options: ForwardOptions | undefined,
  clock: Clock,
  limits: ValueLimits,
): MessageExtra | undefined {
  if (options === undefined || isPlain(options)) return undefined
  const expires = expiryOf(options, clock)
  const encoded = options.clock === undefined ? undefined : encodeToBytes(options.clock, limits)
  if (encoded !== undefined && encoded.length > clockBytesMax) {
    throw new EncodeError(`the option 'clock' takes ${encoded.length} bytes, and ${clockBytesMax} at the most`)
  }
  const ack = ackOf(options)
  if (expires === undefined && encoded === undefined && ack === undefined) return undefined
  return { expires, clock: encoded, ack: ack?.when }
}

/** When a call stops waiting, on the monotonic clock. */
export function expiryOf(options: ForwardOptions | undefined, clock: Clock): number | undefined {
  if (options !== undefined) checkOptions(options)
  const { deadline, timeout } = options ?? {}
  if (timeout !== undefined && !(timeout >= 0)) throw new InvalidOptionError('timeout', 'milliseconds', timeout)
  if (deadline !== undefined && !Number.isFinite(deadline)) {
    throw new InvalidOptionError('deadline', 'epoch milliseconds', deadline)
  }
  const left = Math.min(timeout ?? Infinity, deadline === undefined ? Infinity : deadline - clock.wall().getTime())
  return left === Infinity ? undefined : clock.now() + left
}

/** How a message is acknowledged; undefined: not at all. */
export function ackOf({ ack }: Pick<ForwardOptions, 'ack'>): Required<AckOptions> | undefined {
  if (ack === undefined || ack === false) return undefined
  const { when = 'given', onDown = 'wait' } = ack === true ? {} : ack
  return { when, onDown }
}

/** A request is not acknowledged: its answer tells more. */
export function checkAnswered(options: ForwardOptions | undefined): void {
  if (options?.ack === undefined || options.ack === false) return
  throw new InvalidOptionError('ack', 'left out: the answer of a request tells that it arrived')
}

/** Nothing in the options but where the message goes. */
export function isPlain(options: ForwardOptions): boolean {
  checkOptions(options)
  return (
    options.clock === undefined &&
    options.timeout === undefined &&
    options.deadline === undefined &&
    options.signal === undefined &&
    (options.ack === undefined || options.ack === false)
  )
}

/** The largest encoded `clock`. */
const clockBytesMax = 32_768

/** What promises more than this release keeps, or means nothing, is refused rather than ignored. */
function checkOptions(options: ForwardOptions & Partial<Record<(typeof laterOptions)[number], unknown>>): void {
  if (typeof options !== 'object' || options === null) throw new InvalidOptionError('options', 'an object', options)
  for (const option of laterOptions) {
    if (options[option] !== undefined) throw new InvalidOptionError(option, 'left out: this release does not know it')
  }
  const { whenDown, partitionKey, ack, transitive } = options
  if (transitive !== undefined && typeof transitive !== 'boolean') {
    throw new InvalidOptionError('transitive', 'true or false', transitive)
  }
  if (ack !== undefined && typeof ack !== 'boolean') checkAck(ack)
  if (partitionKey !== undefined) checkKey(partitionKey)
  if (whenDown !== undefined && whenDown !== 'wait' && whenDown !== 'reject') {
    throw new InvalidOptionError('whenDown', `'reject' or 'wait'`, whenDown)
  }
}

function checkAck(ack: AckOptions): void {
  checkKeys('ack', ack, ['when', 'onDown'])
  const { when, onDown } = ack
  if (when !== undefined && when !== 'given' && when !== 'handled') {
    throw new InvalidOptionError('ack.when', `'given' or 'handled'`, when)
  }
  if (onDown !== undefined && onDown !== 'wait' && onDown !== 'reject') {
    throw new InvalidOptionError('ack.onDown', `'wait' or 'reject'`, onDown)
  }
}

const laterOptions = ['causalLabel'] as const

export function checkKey(key: unknown): string | number {
  if (typeof key === 'string' || typeof key === 'number') return key
  throw new InvalidOptionError('partitionKey', 'a text or a number', key)
}
