import type { NodeName } from '../core/node.js'
import { entriesPerMessage, type FullMessage, type MemberEntry } from './full-messages.js'
import type { MemberTable } from './member-table.js'
import { parts } from './summary.js'

/** What is known of these names, in as many messages as it takes. */
export function newsOf(table: MemberTable, names: readonly NodeName[]): FullMessage[] {
  const entries = names.map(name => table.get(name)).filter(entry => entry !== undefined)
  return tell(entries).map(part => ({ ...part, counted: false }))
}

/** The answer to a join: all of these. Its last part says that the joiner is a member. */
export function welcomeOf(entries: readonly MemberEntry[]): FullMessage[] {
  const all = tell(entries)
  return all.map((part, index) => ({ ...part, counted: index === all.length - 1 }))
}

function tell(entries: readonly MemberEntry[]): { readonly type: 'news'; readonly entries: readonly MemberEntry[] }[] {
  const plain = entries.map(({ spec, left }) => ({ spec, left }))
  return parts(plain, entriesPerMessage).map(part => ({ type: 'news', entries: part }))
}
