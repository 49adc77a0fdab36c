import type { Incarnation, NodeName } from '../../core/node.js'
import type { DeliveredEvent, HistoryEvent, SentEvent } from '../histories/history-event.js'
import { ByLife, type HistoryChecker, keyOf, moment } from './checker.js'

export const causalityCheckers: readonly HistoryChecker[] = [
  {
    name: 'causal-order',
    promise: 'A message of a causal label is never delivered after one that depends on it.',
    check: orderBroken,
  },
]

/** How much each life has sent of a label: the clock of Fidge and Mattern, counting sends alone. */
type Clock = Map<string, number>

/** A message as it was sent: its sender, the count of that, and all that came before it. */
interface Sent {
  readonly sender: string
  readonly count: number
  readonly past: ReadonlyMap<string, number>
}

/** What one life has seen of a label. */
interface View {
  /** All that came before what it sends next. */
  readonly past: Clock
  /** All that came before anything that was delivered to it, and that itself. */
  readonly delivered: Clock
}

function orderBroken(history: readonly HistoryEvent[]): readonly string[] {
  const labels = new Map<string, readonly HistoryEvent[]>()
  for (const event of history) {
    if ((event.type !== 'sent' && event.type !== 'delivered') || event.label === undefined) continue
    const known = labels.get(event.label)
    if (known === undefined) labels.set(event.label, [event])
    else (known as HistoryEvent[]).push(event)
  }
  return [...labels].flatMap(([label, events]) => orderBrokenIn(label, events))
}

function orderBrokenIn(label: string, events: readonly HistoryEvent[]): readonly string[] {
  const views = new ByLife<View>(() => ({ past: new Map(), delivered: new Map() }))
  const messages = new Map<string, Sent>()
  const wrong: string[] = []
  for (const event of events) {
    if (event.type === 'sent') {
      const { past } = views.of(event.node, event.life)
      const sender = lifeKey(event.node, event.life)
      const count = (past.get(sender) ?? 0) + 1
      past.set(sender, count)
      messages.set(keyOfSent(event), { sender, count, past: new Map(past) })
    } else if (event.type === 'delivered') {
      const message = messages.get(keyOfDelivered(event))
      if (message === undefined) continue
      const { past, delivered } = views.of(event.node, event.life)
      if ((delivered.get(message.sender) ?? 0) >= message.count) wrong.push(complaint(label, event))
      raise(delivered, message.past)
      raise(past, message.past)
    }
  }
  return wrong
}

function raise(clock: Clock, by: ReadonlyMap<string, number>): void {
  for (const [life, count] of by) clock.set(life, Math.max(count, clock.get(life) ?? 0))
}

function complaint(label: string, event: DeliveredEvent): string {
  const { id, key, channel, from } = event
  const what = `${id} of '${key}' on '${channel}' from '${from}'`
  return `${moment(event)} was given ${what}, of the label '${label}', after a message that depends on it`
}

function lifeKey(node: NodeName, life: Incarnation): string {
  return keyOf(life, node)
}

function keyOfSent({ node, life, to, channel, key, id }: SentEvent): string {
  return keyOf(node, life, to, channel, id, key)
}

function keyOfDelivered({ from, fromLife, node, channel, key, id }: DeliveredEvent): string {
  return keyOf(from, fromLife, node, channel, id, key)
}
