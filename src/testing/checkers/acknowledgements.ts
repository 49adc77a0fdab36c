import type { AcknowledgedEvent, DeliveredEvent, HistoryEvent } from '../histories/history-event.js'
import { type HistoryChecker, keyOf, moment } from './checker.js'

export const acknowledgementCheckers: readonly HistoryChecker[] = [
  {
    name: 'taken-is-delivered',
    promise: 'A message whose sender was told that it was taken had been delivered.',
    check: takenForNothing,
  },
  {
    name: 'refused-is-not',
    promise: 'A message whose sender was told that it was not taken is never delivered.',
    check: deliveredAllTheSame,
  },
]

function takenForNothing(history: readonly HistoryEvent[]): readonly string[] {
  const delivered = new Set<string>()
  const wrong: string[] = []
  for (const event of history) {
    if (event.type === 'delivered') delivered.add(keyOfDelivery(event))
    if (event.type !== 'acknowledged' || event.outcome !== 'taken' || delivered.has(keyOfMessage(event))) continue
    wrong.push(`${moment(event)} was told that ${what(event)} was taken, which had not been delivered`)
  }
  return wrong
}

function deliveredAllTheSame(history: readonly HistoryEvent[]): readonly string[] {
  const delivered = new Set<string>()
  for (const event of history) if (event.type === 'delivered') delivered.add(keyOfDelivery(event))
  return history.flatMap(event => {
    if (event.type !== 'acknowledged' || event.outcome !== 'not-taken' || !delivered.has(keyOfMessage(event))) return []
    return [`${moment(event)} was told that ${what(event)} was not taken, which was delivered`]
  })
}

function keyOfMessage({ node, life, to, channel, key, id }: AcknowledgedEvent): string {
  return keyOf(node, life, to, channel, key, id)
}

function keyOfDelivery({ from, fromLife, node, channel, key, id }: DeliveredEvent): string {
  return keyOf(from, fromLife, node, channel, key, id)
}

function what({ to, channel, key, id }: AcknowledgedEvent): string {
  return `${id} of '${key}' on '${channel}' to '${to}'`
}
