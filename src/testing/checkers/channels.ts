import type { Incarnation, NodeName } from '../../core/node.js'
import type { DeliveredEvent, HistoryEvent, SentEvent } from '../histories/history-event.js'
import { ByLife, type HistoryChecker, keyOf, moment } from './checker.js'

export const channelCheckers: readonly HistoryChecker[] = [
  {
    name: 'sent-first',
    promise: 'Whatever is delivered was sent before, to that very node.',
    check: deliveredUnsent,
  },
  {
    name: 'at-most-once',
    promise: 'No message is delivered twice, in whatever lives of its receiver.',
    check: deliveredTwice,
  },
  {
    name: 'in-order',
    promise:
      "Within a sender's life, a receiver's life, a channel and a partition key, messages come as they were sent.",
    check: history => deliveredOutOfOrder(history, false),
  },
  {
    name: 'monotonic',
    promise: 'On a monotonic channel nothing comes after what was sent later under the same key.',
    check: history => deliveredOutOfOrder(history, true),
  },
  {
    name: 'lives-unmixed',
    promise:
      'After the first message of a later life of a node, nothing comes from its earlier ones, whatever the channel.',
    check: deliveredFromEndedLives,
  },
]

function deliveredUnsent(history: readonly HistoryEvent[]): readonly string[] {
  const sent = new Map<string, Set<number>>()
  const wrong: string[] = []
  for (const event of history) {
    if (event.type === 'sent') remember(sent, streamOf(event), event.id)
    else if (event.type === 'delivered' && !sent.get(streamTo(event))?.has(event.id)) {
      wrong.push(`${moment(event)} was given ${what(event)}, which was not sent to it`)
    }
  }
  return wrong
}

function deliveredTwice(history: readonly HistoryEvent[]): readonly string[] {
  const delivered = new Map<string, Set<number>>()
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'delivered' || remember(delivered, streamTo(event), event.id)) continue
    wrong.push(`${moment(event)} was given ${what(event)} a second time`)
  }
  return wrong
}

/** Of a message that comes twice only the first time counts: the second is no matter of order. */
function deliveredOutOfOrder(history: readonly HistoryEvent[], monotonic: boolean): readonly string[] {
  const delivered = new Map<string, Set<number>>()
  const latest = new ByLife(() => new Map<string, number>())
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'delivered' || (event.monotonic === true) !== monotonic) continue
    const stream = streamTo(event)
    if (!remember(delivered, stream, event.id)) continue
    const streams = latest.of(event.node, event.life)
    const last = streams.get(stream) ?? Number.NEGATIVE_INFINITY
    if (event.id < last) wrong.push(`${moment(event)} was given ${what(event)} after ${last}`)
    else streams.set(stream, event.id)
  }
  return wrong
}

function deliveredFromEndedLives(history: readonly HistoryEvent[]): readonly string[] {
  const latest = new ByLife(() => new Map<NodeName, Incarnation>())
  const wrong: string[] = []
  for (const event of history) {
    if (event.type !== 'delivered') continue
    const { node, life, from, fromLife } = event
    const senders = latest.of(node, life)
    const known = senders.get(from)
    if (known === undefined || fromLife > known) senders.set(from, fromLife)
    else if (fromLife < known) {
      wrong.push(`${moment(event)} was given ${what(event)} after it had heard from life ${known} of '${from}'`)
    }
  }
  return wrong
}

/** Whether the number was new. */
function remember(numbers: Map<string, Set<number>>, stream: string, id: number): boolean {
  let known = numbers.get(stream)
  if (known === undefined) {
    known = new Set()
    numbers.set(stream, known)
  }
  if (known.has(id)) return false
  known.add(id)
  return true
}

function streamOf({ node, life, to, channel, key }: SentEvent): string {
  return keyOf(node, life, to, channel, key)
}

function streamTo({ from, fromLife, node, channel, key }: DeliveredEvent): string {
  return keyOf(from, fromLife, node, channel, key)
}

function what({ from, fromLife, channel, key, id }: DeliveredEvent): string {
  return `${id} of '${key}' on '${channel}' from '${from}' (life ${fromLife})`
}
