import type { ChannelMap } from '../core/channel.js'
import { InvalidOptionError, UnknownChannelError } from '../core/errors.js'
import { isPromiseLike } from '../core/promise-like.js'
import type { Millis } from '../core/time.js'

/** Throws unless `url` is an address, of one of the schemes where these are given. */
export function checkUrl(option: string, url: unknown, schemes?: readonly string[]): asserts url is string {
  const scheme = schemeOf(url)
  if (scheme === undefined) {
    throw new InvalidOptionError(option, `an address such as 'ws://127.0.0.1:7001'`, url)
  }
  if (schemes !== undefined && !schemes.includes(scheme)) {
    throw new InvalidOptionError(option, `an address of this transport (${schemes.join(', ')})`, url)
  }
}

/** Whether `url` is an address of one of the schemes, at which somebody may listen. */
export function isUrl(url: unknown, schemes: readonly string[]): url is string {
  return schemes.includes(schemeOf(url) ?? '') && !hasPortZero(url as string)
}

/** Why `url` is no such address. */
export function faultOfUrl(url: unknown, schemes: readonly string[]): string {
  const scheme = schemeOf(url)
  if (scheme === undefined) return `is no address such as '${schemes[0] ?? 'ws'}://127.0.0.1:7001'`
  if (!schemes.includes(scheme)) return `has the scheme '${scheme}', and this transport has ${schemes.join(', ')}`
  return 'has the port 0, at which nobody listens: publish the one that the node listens at'
}

function hasPortZero(url: string): boolean {
  return new URL(url).port === '0'
}

function schemeOf(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  return /^([a-z][a-z0-9+.-]*):\/\/.+/.exec(url)?.[1]
}

/** A channel that this node has. */
export function checkChannel(channel: string, { channelMap }: { readonly channelMap: ChannelMap }): void {
  if (!Object.hasOwn(channelMap, channel)) throw new UnknownChannelError(channel, 'local', Object.keys(channelMap))
}

export function checkFunction(option: string, given: unknown): void {
  if (typeof given !== 'function') throw new InvalidOptionError(option, 'a function', given)
}

export function checkArray(option: string, given: unknown): asserts given is readonly unknown[] {
  if (!Array.isArray(given)) throw new InvalidOptionError(option, 'an array', given)
}

export function checkBoolean(option: string, given: unknown): asserts given is boolean {
  if (typeof given !== 'boolean') throw new InvalidOptionError(option, 'a boolean', given)
}

export function checkDuration(option: string, given: unknown): asserts given is Millis {
  if (!isDuration(given)) throw new InvalidOptionError(option, 'milliseconds, 0 or more', given)
}

/** What a function returned that has to answer at once: a promise would count as true, and nobody would wait for it. */
export function checkAnswer(option: string, answer: unknown): void {
  if (!isPromiseLike(answer)) return
  // It is refused, whatever becomes of it: a rejection would otherwise end the process.
  answer.then(undefined, () => {})
  throw new InvalidOptionError(option, 'a function that does not return a promise')
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function isDuration(value: unknown): value is Millis {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value)
}
