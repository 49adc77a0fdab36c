import type { NodeName } from 'maquis'
import { type HistoryEvent, type HistoryOptions, historyCheckers, judgeHistory } from 'maquis/testing'

export interface JudgementOptions extends HistoryOptions {
  /** What waited for its turn at a server, or for an iterator to take it: meanwhile anything may have happened. */
  readonly isLate: (delivery: HistoryEvent & { readonly type: 'delivered' }) => boolean
  /** Who believes others more than its own memory. */
  readonly follows: (node: NodeName) => boolean
  /** Connections are closed on purpose, with both ends alive. */
  readonly parts: boolean
}

const only = (...names: readonly string[]): typeof historyCheckers =>
  historyCheckers.filter(({ name }) => names.includes(name))

/** They judge when messages are handed over. */
const onArrival = only('only-the-living', 'lives-unmixed', 'delivered-while-up', 'cuts-silence')
const ofStarts = only('new-lives')
const ofMemory = only('listed-lives-rise')
const ofLastingLinks = only('no-false-down')
const special = [...onArrival, ...ofStarts, ...ofMemory, ...ofLastingLinks]
const others = historyCheckers.filter(checker => !special.includes(checker))

/** What is wrong with a history. */
export function complaintsAbout(history: readonly HistoryEvent[], options: JudgementOptions): readonly string[] {
  const { isLate, follows, parts, ...rest } = options
  const prompt = history.filter(event => event.type !== 'delivered' || !isLate(event))
  return [
    ...judgeHistory(history, rest, others),
    ...(parts ? [] : judgeHistory(history, rest, ofLastingLinks)),
    ...judgeHistory(prompt, rest, onArrival),
    ...judgeHistory(startsThatWereMet(history), rest, ofStarts),
    ...judgeHistory(
      history.filter(event => event.type !== 'members' || !follows(event.node)),
      rest,
      ofMemory,
    ),
  ]
}

/**
 * The starts of lives, but not those of which nobody had heard when the life was begun again: that it is taken cannot
 * be known to a process whose clock was set back and that remembers nothing.
 */
function startsThatWereMet(history: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const met = new Set<string>()
  const starts = new Map<string, HistoryEvent[]>()
  for (const event of history) {
    if (event.type === 'up' && event.peerLife !== undefined) met.add(`${event.peer} ${event.peerLife}`)
    else if (event.type === 'members') {
      for (const { name, life } of event.members) if (name !== event.node) met.add(`${name} ${life}`)
    } else if (event.type === 'started') {
      const key = `${event.node} ${event.life}`
      starts.set(key, [...(met.has(key) ? (starts.get(key) ?? []) : []), event])
    }
  }
  return [...starts.values()].flat()
}
