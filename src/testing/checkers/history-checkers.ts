import type { HistoryEvent } from '../histories/history-event.js'
import { acknowledgementCheckers } from './acknowledgements.js'
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
  ...membershipCheckers,
  ...detectionCheckers,
  ...partitionCheckers,
  ...settledCheckers,
]

/** What is wrong with a history, each complaint after the name of its checker. Empty: every promise was kept. */
export function judgeHistory(
  history: readonly HistoryEvent[],
  options: HistoryOptions = {},
  checkers: readonly HistoryChecker[] = historyCheckers,
): readonly string[] {
  return checkers.flatMap(({ name, check }) => check(history, options).map(complaint => `${name}: ${complaint}`))
}
