import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import { checkArray, checkDuration, checkFunction } from '../../manager/checks.js'
import { eventTypes, type HistoryEvent } from '../histories/history-event.js'
import { acknowledgementCheckers } from './acknowledgements.js'
import { causalityCheckers } from './causality.js'
import { channelCheckers } from './channels.js'
import type { HistoryChecker, HistoryOptions } from './checker.js'
import { detectionCheckers } from './detection.js'
import { livesCheckers } from './lives.js'
import { membershipCheckers } from './membership.js'
import { partitionCheckers } from './partitions.js'
import { settledCheckers } from './settled.js'

/** Every promise that a history can break, with what finds where it was broken. */
export const historyCheckers: readonly HistoryChecker[] = [
  ...livesCheckers,
  ...channelCheckers,
  ...acknowledgementCheckers,
  ...causalityCheckers,
  ...membershipCheckers,
  ...detectionCheckers,
  ...partitionCheckers,
  ...settledCheckers,
]

/**
 * What is wrong with a history, each complaint after the name of its checker. Empty: every promise was kept.
 *
 * @throws `InvalidOptionError` an option cannot be meant so, or the history has an event that there is not.
 */
export function judgeHistory(
  history: readonly HistoryEvent[],
  options: HistoryOptions = {},
  checkers: readonly HistoryChecker[] = historyCheckers,
): readonly string[] {
  checkOptions(options)
  checkHistory(history)
  return checkers.flatMap(({ name, check }) => check(history, options).map(complaint => `${name}: ${complaint}`))
}

/** How each option is checked, where it is given. */
const optionChecks: { readonly [Name in keyof Required<HistoryOptions>]: (option: string, given: unknown) => void } = {
  noticeWithin: checkDuration,
  tombstoneAge: checkDuration,
  generated: checkFunction,
  removeDownAfter: checkDuration,
  knows: checkFunction,
}

function checkOptions(options: HistoryOptions): void {
  checkKeys('options', options, Object.keys(optionChecks))
  for (const [name, check] of Object.entries(optionChecks)) {
    const given = options[name as keyof HistoryOptions]
    if (given !== undefined) check(name, given)
  }
}

/** An event of a type that no checker knows would not be judged. */
function checkHistory(history: readonly HistoryEvent[]): void {
  checkArray('history', history)
  const known = new Set<unknown>(eventTypes)
  const stranger = history.findIndex(event => !known.has((event as Partial<HistoryEvent> | undefined)?.type))
  if (stranger === -1) return
  throw new InvalidOptionError(`history[${stranger}].type`, `one of ${eventTypes.join(', ')}`, history[stranger]?.type)
}
