import { causalLabelBytesMax } from '../codec/causal-frames.js'
import { encodeToBytes } from '../codec/value-bytes.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { EncodeError, InvalidOptionError } from '../core/errors.js'
import { isName, isRecord } from '../core/name.js'
import { checkKeys } from '../core/option-keys.js'
import { type Clock, endlessMillis, type Instant } from '../core/time.js'
import type { MessageExtra } from '../link/queue.js'
import type { AckOptions, ForwardOptions } from './manager.js'

/** What of a message's options travels with it. `life`: only that one of its node will do. */
export function extraOf(
  options: ForwardOptions | undefined,
  clock: Clock,
  limits: ValueLimits,
  life?: number,
): MessageExtra | undefined {
  if (options === undefined || isPlain(options)) return life === undefined ? undefined : { life }
  const expires = expiryOf(options, clock)
  const encoded = clockOf(options, limits)
  const ack = ackOf(options)
  if (expires === undefined && encoded === undefined && life === undefined && ack !== undefined)
    return extraByAck[ack.when]
  if (expires === undefined && encoded === undefined && ack === undefined && life === undefined) return undefined
  return { expires, clock: encoded, ack: ack?.when, life }
}

/** The option `clock`, encoded. */
export function clockOf(options: ForwardOptions | undefined, limits: ValueLimits): Uint8Array | undefined {
  if (options?.clock === undefined) return undefined
  const encoded = encodeToBytes(options.clock, limits)
  if (encoded.length <= clockBytesMax) return encoded
  throw new EncodeError(`the option 'clock' takes ${encoded.length} bytes, and ${clockBytesMax} at the most`)
}

type Times = Pick<ForwardOptions, 'deadline' | 'timeout'>

/** When a call stops waiting, on the monotonic clock; undefined: never. */
export function expiryOf(options: Times | undefined, clock: Clock): Instant | undefined {
  const { deadline, timeout } = options ?? {}
  if (deadline === undefined && timeout === undefined) return undefined
  checkTimes(deadline, timeout)
  const until = deadline === undefined ? Infinity : deadline - clock.wall().getTime()
  const left = Math.min(timeout ?? Infinity, until)
  return left < endlessMillis ? clock.now() + left : undefined
}

/** Throws unless both are numbers that mean a time; `Infinity` means none. */
export function checkTimes(deadline: unknown, timeout: unknown): void {
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw new InvalidOptionError('timeout', 'milliseconds, 0 or more', timeout)
  }
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > Number.NEGATIVE_INFINITY)) {
    throw new InvalidOptionError('deadline', 'epoch milliseconds', deadline)
  }
}

type ResolvedAck = { readonly [Option in keyof AckOptions]-?: Exclude<AckOptions[Option], undefined> }

/** How a message is acknowledged; undefined: not at all. */
export function ackOf({ ack }: Pick<ForwardOptions, 'ack'>): ResolvedAck | undefined {
  if (ack === undefined || ack === false) return undefined
  if (ack === true) return acked
  const { when = 'given', onDown = 'wait' } = ack
  return { when, onDown }
}

/** That of all messages which ask for nothing else. */
const extraByAck: Readonly<Record<'given' | 'handled', MessageExtra>> = {
  given: { expires: undefined, clock: undefined, ack: 'given', life: undefined },
  handled: { expires: undefined, clock: undefined, ack: 'handled', life: undefined },
}

const acked: ResolvedAck = { when: 'given', onDown: 'wait' }

/** A request is not acknowledged: its answer tells more. Nor is it ordered: its answer would have to be, too. */
export function checkAnswered(options: ForwardOptions | undefined): void {
  if (options?.causalLabel !== undefined) {
    throw new InvalidOptionError('causalLabel', 'left out: requests have no causal order', options.causalLabel)
  }
  if (options?.ack === undefined || options.ack === false) return
  throw new InvalidOptionError('ack', 'left out: the answer of a request tells that it arrived')
}

/** Nothing in the options but where the message goes. */
export function isPlain(options: ForwardOptions): boolean {
  return (
    options.clock === undefined &&
    options.timeout === undefined &&
    options.deadline === undefined &&
    options.signal === undefined &&
    (options.ack === undefined || options.ack === false) &&
    options.causalLabel === undefined
  )
}

/** The largest encoded `clock`. */
const clockBytesMax = 32_768

export function checkSignal(signal: unknown): void {
  if (!(signal instanceof AbortSignal)) throw new InvalidOptionError('signal', 'an AbortSignal', signal)
}

const optionNames: ReadonlySet<string> = new Set(
  Object.keys({
    ...{ channel: 0, partitionKey: 0, clock: 0, whenDown: 0, transitive: 0, deadline: 0, timeout: 0, signal: 0 },
    ...{ ack: 0, causalLabel: 0 },
  } satisfies Record<keyof ForwardOptions, 0>),
)

/** What means nothing is refused rather than ignored. Called once for each message, so it allocates nothing. */
export function checkOptions(options: ForwardOptions): void {
  if (typeof options !== 'object' || options === null) throw new InvalidOptionError('options', 'an object', options)
  for (const name in options) if (!optionNames.has(name)) throw unknownOption(name)
  const { whenDown, partitionKey, ack, causalLabel, transitive, signal } = options
  if (signal !== undefined) checkSignal(signal)
  if (transitive !== undefined && typeof transitive !== 'boolean') {
    throw new InvalidOptionError('transitive', 'true or false', transitive)
  }
  if (causalLabel !== undefined && !isLabel(causalLabel)) {
    throw new InvalidOptionError('causalLabel', `a name of 1 to ${causalLabelBytesMax} bytes`, causalLabel)
  }
  if (ack !== undefined && typeof ack !== 'boolean') checkAck(ack)
  if (partitionKey !== undefined) checkKey(partitionKey)
  if (whenDown !== undefined && whenDown !== 'wait' && whenDown !== 'reject') {
    throw new InvalidOptionError('whenDown', `'reject' or 'wait'`, whenDown)
  }
}

function unknownOption(name: string): InvalidOptionError {
  return new InvalidOptionError(`options.${name}`, `one of ${[...optionNames].join(', ')}`)
}

function isLabel(label: unknown): boolean {
  return typeof label === 'string' && isName(label, causalLabelBytesMax)
}

function checkAck(ack: AckOptions): void {
  if (!isRecord(ack)) throw new InvalidOptionError('ack', 'true, false, or a plain object', ack)
  checkKeys('ack', ack, ['when', 'onDown'])
  const { when, onDown } = ack
  if (when !== undefined && when !== 'given' && when !== 'handled') {
    throw new InvalidOptionError('ack.when', `'given' or 'handled'`, when)
  }
  if (onDown !== undefined && onDown !== 'wait' && onDown !== 'reject') {
    throw new InvalidOptionError('ack.onDown', `'wait' or 'reject'`, onDown)
  }
}

export function checkKey(key: unknown): string | number {
  if (typeof key === 'string' || typeof key === 'number') return key
  throw new InvalidOptionError('partitionKey', 'a text or a number', key)
}
