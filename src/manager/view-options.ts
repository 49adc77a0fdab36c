import { InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import type { Millis } from '../core/time.js'
import { walkMax } from '../membership/hyparview-messages.js'
import {
  activeViewDefault,
  type HyParViewMembershipOptions,
  type XBotSettings,
} from '../membership/hyparview-options.js'
import { isCount, isDuration } from './checks.js'
import type { PeerServiceOptions } from './options.js'

/** What a node of a HyParView overlay can be told at its making. Give every node the same. */
export interface HyParViewOptions extends PeerServiceOptions {
  /**
   * Neighbours that a node is connected with, 1 to 64. Default 5. With fewer than 3 the overlay is pairs or rings: what
   * fails parts it until the parts find each other.
   */
  readonly activeViewSize?: number
  /** Further nodes that it remembers, to replace neighbours by. Default 30. */
  readonly passiveViewSize?: number
  /** How many steps a join, or a shuffle, walks. Default 6, at most 16. */
  readonly arwl?: number
  /** With so many steps left a join is noted in a passive view on its way. Default 3, at most `arwl`. */
  readonly prwl?: number
  /** How often views are shuffled, confirmed and looked after. Default 10,000 ms. */
  readonly shuffleInterval?: Millis
  /**
   * Exchanges neighbours for nearer ones, by the round trips that are measured (Leitão et al., "X-BOT: a protocol for
   * resilient optimization of unstructured overlays", SRDS 2009). Default false.
   */
  readonly xbot?: boolean | XBotOptions
}

/** How {@link hyParView} exchanges neighbours for nearer ones. */
export interface XBotOptions {
  /** How often a node looks for a nearer neighbour, with jitter of a half. Default 60,000 ms. */
  readonly interval?: Millis
  /** How many nodes it then measures. Default 2, at most 16. */
  readonly candidates?: number
  /**
   * How many neighbours, those farthest away, it never exchanges: they keep the overlay together. Default 1; less than
   * `activeViewSize`.
   */
  readonly unbiased?: number
}

/** What a caller chose: what is absent has the default of the overlay. */
export type ViewOptions = Omit<HyParViewMembershipOptions, 'random'>

export const viewOptionNames: readonly Exclude<keyof HyParViewOptions, keyof PeerServiceOptions>[] = [
  ...(['activeViewSize', 'passiveViewSize', 'arwl', 'prwl', 'shuffleInterval', 'xbot'] as const),
]

/** More neighbours than this are a mesh, and a mesh has better ways to know itself. */
const activeViewMax = 64
const passiveViewMax = 1_024
const candidatesMax = 16

/** Checks the views that a caller chose. */
export function resolveViews(given: HyParViewOptions): ViewOptions {
  const { activeViewSize, passiveViewSize, arwl = 6, prwl = Math.min(3, arwl), shuffleInterval, xbot } = given
  checkCount('activeViewSize', activeViewSize, 1, activeViewMax)
  checkCount('passiveViewSize', passiveViewSize, 0, passiveViewMax)
  checkCount('arwl', arwl, 1, walkMax)
  checkCount('prwl', prwl, 0, arwl)
  checkInterval('shuffleInterval', shuffleInterval)
  const exchanges = resolveXBot(xbot, (activeViewSize ?? activeViewDefault) - 1)
  return {
    ...{ arwl, prwl },
    ...(activeViewSize !== undefined && { activeViewSize }),
    ...(passiveViewSize !== undefined && { passiveViewSize }),
    ...(shuffleInterval !== undefined && { shuffleInterval }),
    ...(exchanges !== undefined && { xbot: exchanges }),
  }
}

function resolveXBot(given: HyParViewOptions['xbot'], unbiasedMax: number): XBotSettings | undefined {
  if (given === undefined || given === false) return undefined
  const chosen: XBotOptions = given === true ? {} : given
  if (!isRecord(chosen)) throw new InvalidOptionError('xbot', 'true, false or a plain object', given)
  const { interval = 60_000, candidates = 2, unbiased = 1, ...rest }: XBotOptions = chosen
  for (const name of Object.keys(rest)) {
    throw new InvalidOptionError(`xbot.${name}`, 'one of interval, candidates, unbiased', given)
  }
  checkInterval('xbot.interval', interval)
  checkCount('xbot.candidates', candidates, 1, candidatesMax)
  checkCount('xbot.unbiased', unbiased, 0, unbiasedMax)
  return { interval, candidates, unbiased }
}

function checkInterval(option: string, value: unknown): void {
  if (value === undefined || (isDuration(value) && value > 0)) return
  throw new InvalidOptionError(option, 'milliseconds, more than 0', value)
}

function checkCount(option: string, value: unknown, least: number, most: number): void {
  if (value === undefined || (isCount(value) && value >= least && value <= most)) return
  throw new InvalidOptionError(option, `a whole number from ${least} to ${most}`, value)
}
