import { invariant } from '../core/invariant.js'
import type { NodeName } from '../core/node.js'
import { type EntryMark, type FullMessage, marksPerMessage } from './full-messages.js'
import type { MemberTable } from './member-table.js'

/** Part of a view in short. */
export type Summary = FullMessage & { readonly type: 'summary' }

/** A view in short, in parts that each cover a range of names, so that each can be answered by itself. */
export function summarize(table: MemberTable): Summary[] {
  const all = parts(table.marks(), marksPerMessage)
  return all.map((marks, index) => ({
    type: 'summary',
    marks,
    ...(index > 0 && { after: lastName(all[index - 1]) }),
    ...(index < all.length - 1 && { upTo: lastName(marks) }),
  }))
}

/** What the sender of a summary knows better than we, and what we know better. */
export function compareSummary(
  table: MemberTable,
  { marks, after = '', upTo }: Summary,
): { readonly wanted: readonly NodeName[]; readonly lacking: readonly NodeName[] } {
  const wanted: NodeName[] = []
  const lacking: NodeName[] = []
  const theirs = new Set<NodeName>()
  for (const mark of marks) {
    theirs.add(mark[0])
    const order = compareMark(table, mark)
    if (order < 0) wanted.push(mark[0])
    else if (order > 0) lacking.push(mark[0])
  }
  for (const { name } of table.members()) {
    if (name > after && (upTo === undefined || name <= upTo) && !theirs.has(name)) lacking.push(name)
  }
  return { wanted, lacking }
}

/** Cuts a list into pieces of at most `size`. */
export function parts<Item>(items: readonly Item[], size: number): Item[][] {
  const all: Item[][] = []
  for (let start = 0; start < items.length; start += size) all.push(items.slice(start, start + size))
  return all
}

/** Positive when ours is newer. That a node has left is newer than its life. */
function compareMark(table: MemberTable, [name, incarnation, version]: EntryMark): number {
  const ours = table.get(name)
  if (ours === undefined) return -1
  return ours.spec.incarnation - incarnation || Number(ours.left) || ours.spec.version - version
}

function lastName(marks: readonly EntryMark[] | undefined): NodeName {
  const last = marks?.at(-1)
  invariant(last !== undefined, 'a part of a summary holds somebody')
  return last[0]
}
