import type { DeliveredEvent, HistoryEvent, SentEvent } from '../../src/testing/histories/history-event.js'

/**
 * The channel promises a second time, each as the sentence says it, over all pairs of events: slow, and too short to be
 * wrong. Gives how many deliveries break the promise.
 */
export const naiveChannelCheckers: Readonly<Record<string, (history: readonly HistoryEvent[]) => number>> = {
  'sent-first': history =>
    broken(history, (event, before) => !before.some(other => other.type === 'sent' && isOf(event, other))),

  'at-most-once': history => broken(history, (event, before) => deliveries(before).some(other => isSame(event, other))),

  'in-order': history =>
    broken(history, (event, before) => event.monotonic !== true && comesAfterLater(event, deliveries(before))),

  monotonic: history =>
    broken(history, (event, before) => event.monotonic === true && comesAfterLater(event, deliveries(before))),

  'lives-unmixed': history =>
    broken(history, (event, before) =>
      deliveries(before).some(other => {
        const sameNodes = other.node === event.node && other.life === event.life && other.from === event.from
        return sameNodes && other.fromLife > event.fromLife
      }),
    ),
}

function broken(
  history: readonly HistoryEvent[],
  breaks: (event: DeliveredEvent, before: readonly HistoryEvent[]) => boolean,
): number {
  return history.filter((event, index) => event.type === 'delivered' && breaks(event, history.slice(0, index))).length
}

function deliveries(history: readonly HistoryEvent[]): readonly DeliveredEvent[] {
  return history.filter(event => event.type === 'delivered')
}

/** What was delivered before is a matter of at most once, not of order. */
function comesAfterLater(event: DeliveredEvent, before: readonly DeliveredEvent[]): boolean {
  const alike = before.filter(other => (other.monotonic === true) === (event.monotonic === true))
  if (alike.some(other => isSame(event, other))) return false
  return alike.some((other, index) => {
    const first = !alike.slice(0, index).some(earlier => isSame(earlier, other))
    return first && sameStream(event, other) && other.life === event.life && other.id > event.id
  })
}

function isOf(event: DeliveredEvent, sent: SentEvent): boolean {
  return (
    event.from === sent.node &&
    event.fromLife === sent.life &&
    event.node === sent.to &&
    event.channel === sent.channel &&
    event.key === sent.key &&
    event.id === sent.id
  )
}

function isSame(event: DeliveredEvent, other: DeliveredEvent): boolean {
  return sameStream(event, other) && event.id === other.id
}

function sameStream(event: DeliveredEvent, other: DeliveredEvent): boolean {
  return (
    event.from === other.from &&
    event.fromLife === other.fromLife &&
    event.node === other.node &&
    event.channel === other.channel &&
    event.key === other.key
  )
}
