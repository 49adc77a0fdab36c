import { InvalidOptionError } from '../core/errors.js'
import type { Millis } from '../core/time.js'
import { walkMax } from '../membership/hyparview-messages.js'
import { isCount, isDuration } from './checks.js'
import type { PeerServiceOptions } from './options.js'

/** What a node of a HyParView overlay can be told at its making. Give every node the same. */
export interface HyParViewOptions extends PeerServiceOptions {
  /** Neighbours that a node is connected with. Default 5. */
  readonly activeViewSize?: number
  /** Further nodes that it remembers, to replace neighbours by. Default 30. */
  readonly passiveViewSize?: number
  /** How many steps a join, or a shuffle, walks. Default 6, at most 16. */
  readonly arwl?: number
  /** With so many steps left a join is noted in a passive view on its way. Default 3, at most `arwl`. */
  readonly prwl?: number
  /** How often views are shuffled, confirmed and looked after. Default 10,000 ms. */
  readonly shuffleInterval?: Millis
}

/** The sizes and walks that a caller chose: what is absent has the default of the overlay. */
export type ViewOptions = Pick<
  HyParViewOptions,
  'activeViewSize' | 'passiveViewSize' | 'arwl' | 'prwl' | 'shuffleInterval'
>

export const viewOptionNames: readonly (keyof ViewOptions)[] = [
  ...(['activeViewSize', 'passiveViewSize', 'arwl', 'prwl', 'shuffleInterval'] as const),
]

/** More neighbours than this are a mesh, and a mesh has better ways to know itself. */
const activeViewMax = 64
const passiveViewMax = 1_024

/** Checks the views that a caller chose. */
export function resolveViews(given: HyParViewOptions): ViewOptions {
  const { activeViewSize, passiveViewSize, arwl = 6, prwl = Math.min(3, arwl), shuffleInterval } = given
  checkCount('activeViewSize', activeViewSize, 1, activeViewMax)
  checkCount('passiveViewSize', passiveViewSize, 0, passiveViewMax)
  checkCount('arwl', arwl, 1, walkMax)
  checkCount('prwl', prwl, 0, arwl)
  if (shuffleInterval !== undefined && !(isDuration(shuffleInterval) && shuffleInterval > 0)) {
    throw new InvalidOptionError('shuffleInterval', 'milliseconds, more than 0', shuffleInterval)
  }
  return {
    ...{ arwl, prwl },
    ...(activeViewSize !== undefined && { activeViewSize }),
    ...(passiveViewSize !== undefined && { passiveViewSize }),
    ...(shuffleInterval !== undefined && { shuffleInterval }),
  }
}

function checkCount(option: string, value: unknown, least: number, most: number): void {
  if (value === undefined || (isCount(value) && value >= least && value <= most)) return
  throw new InvalidOptionError(option, `a whole number from ${least} to ${most}`, value)
}
