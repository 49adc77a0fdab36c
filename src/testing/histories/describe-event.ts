import { unreachable } from '../../core/invariant.js'
import type { HistoryEvent } from './history-event.js'
import { moment } from './plan.js'

/** What happened, in a line. */
export function describeEvent(event: HistoryEvent): string {
  return `${moment(event.at)}  ${textOf(event)}`
}

function textOf(event: HistoryEvent): string {
  switch (event.type) {
    case 'started':
    case 'stopped':
    case 'crashed':
    case 'removed':
    case 'superseded':
      return `${event.node} ${event.type} (life ${event.life})`
    case 'sent':
      return `${event.node} sends ${event.key} ${event.id} to ${event.to} on ${event.channel}`
    case 'delivered':
      return `${event.node} is given ${event.key} ${event.id} from ${event.from} on ${event.channel}`
    case 'acknowledged':
      return `${event.node} is told that ${event.key} ${event.id} to ${event.to} on ${event.channel}: ${event.outcome}`
    case 'up':
      return `${event.node} sees ${event.peer} up`
    case 'down':
      return `${event.node} sees ${event.peer} down (${event.reason ?? 'for no reason given'})`
    case 'members':
      return `${event.node} lists ${event.members.map(({ name }) => name).join(', ')}`
    case 'leave':
      return event.leaver === event.node ? `${event.node} leaves` : `${event.node} removes ${event.leaver}`
    case 'cut':
    case 'healed':
      return `${event.node} is ${event.type === 'cut' ? 'cut off from' : 'joined again with'} ${event.peer}`
    case 'fault':
      return `fault: ${event.what} (${event.nodes.join(', ')})`
    case 'settled':
      return `everything is at rest; ${event.live.join(', ')} run`
    case 'note':
      return event.node === undefined ? event.text : `${event.node}: ${event.text}`
    default:
      return unreachable(event)
  }
}
