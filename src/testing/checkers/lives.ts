import type { Incarnation, NodeName } from '../../core/node.js'
import type { DeliveredEvent, HistoryEvent, SentEvent } from '../histories/history-event.js'
import { type HistoryChecker, keyOf, moment } from './checker.js'

/** Which lives there are, and which there have been. */
export class Lives {
  readonly #running = new Map<NodeName, Incarnation>()
  readonly #started = new Map<NodeName, Set<Incarnation>>()

  see(event: HistoryEvent): void {
    if (event.type === 'started') {
      const { node, life } = event
      this.#running.set(node, life)
      const lives = this.#started.get(node) ?? new Set()
      this.#started.set(node, lives.add(life))
    } else if (event.type === 'stopped' || event.type === 'crashed') {
      if (this.isRunning(event.node, event.life)) this.#running.delete(event.node)
    }
  }

  isRunning(node: NodeName, life: Incarnation): boolean {
    return this.#running.get(node) === life
  }

  hasStarted(node: NodeName, life: Incarnation): boolean {
    return this.#started.get(node)?.has(life) ?? false
  }

  /** The life in which the node runs, if any. */
  of(node: NodeName): Incarnation | undefined {
    return this.#running.get(node)
  }

  /** How many lives of the node began. */
  count(node: NodeName): number {
    return this.#started.get(node)?.size ?? 0
  }
}

export const livesCheckers: readonly HistoryChecker[] = [
  {
    name: 'new-lives',
    promise: 'No two starts of a node have the same incarnation.',
    check: livesBegunTwice,
  },
  {
    name: 'only-the-living',
    promise: 'Only a node that runs sends messages and is given some, hears that a peer is up, or has a view.',
    check: actsOfTheDead,
  },
]

function livesBegunTwice(history: readonly HistoryEvent[]): readonly string[] {
  const lives = new Lives()
  const wrong: string[] = []
  for (const event of history) {
    if (event.type === 'started' && lives.hasStarted(event.node, event.life)) {
      wrong.push(`${moment(event)} starts in a life that it began before`)
    }
    lives.see(event)
  }
  return wrong
}

function actsOfTheDead(history: readonly HistoryEvent[]): readonly string[] {
  const lives = new Lives()
  const sentByTheDead = new Set<string>()
  const wrong: string[] = []
  for (const event of history) {
    lives.see(event)
    switch (event.type) {
      case 'sent':
        // A call that was made too late is refused: only what comes of it is wrong.
        if (!lives.isRunning(event.node, event.life)) sentByTheDead.add(sentKey(event))
        break
      case 'delivered':
        if (!lives.isRunning(event.node, event.life)) {
          wrong.push(`${moment(event)} does not run, and was given ${event.id} of '${event.key}' from '${event.from}'`)
        }
        if (sentByTheDead.has(deliveredKey(event))) {
          const { from, fromLife, id, key } = event
          wrong.push(
            `${moment(event)} was given ${id} of '${key}', sent by '${from}' when its life ${fromLife} did not run`,
          )
        }
        break
      case 'up':
        if (!lives.isRunning(event.node, event.life)) {
          wrong.push(`${moment(event)} does not run, and was told that '${event.peer}' is up`)
        }
        break
      case 'members':
        if (!lives.isRunning(event.node, event.life)) wrong.push(`${moment(event)} does not run, and has a new view`)
        break
      default:
    }
  }
  return wrong
}

function sentKey({ node, life, to, channel, id, key }: SentEvent): string {
  return keyOf(node, life, to, channel, id, key)
}

function deliveredKey({ from, fromLife, node, channel, id, key }: DeliveredEvent): string {
  return keyOf(from, fromLife, node, channel, id, key)
}
