import type { Mutant } from './mutant.js'

const full = 'src/membership/full.ts'
const table = 'src/membership/member-table.ts'
const isolation = 'src/membership/isolation.ts'
const summary = 'src/membership/summary.ts'

/** How views of the members are compared, merged, kept and forgotten. */
export const membershipViews: readonly Mutant[] = [
  {
    name: 'who tells of an older life of this node is not told of the present one',
    file: full,
    find: '      if (entry.spec.incarnation < self.incarnation && from !== undefined) this.#sendNews(from, [self.name], out)\n',
    replace: '',
  },
  {
    name: 'the leave of a former life ends the present one',
    file: full,
    find: 'if (entry.spec.incarnation < self.incarnation || !entry.left) {',
    replace: 'if (!entry.left) {',
  },
  {
    name: 'a removed node passes on what it had heard before',
    file: full,
    find: '    this.#news.clear()\n    out.push',
    replace: '    out.push',
  },
  {
    name: 'a node whose table is full says that a joiner is a member, which it is not',
    file: full,
    find: '    if (!this.#table.isMember(to)) return\n    for (const message of welcomeOf',
    replace: '    for (const message of welcomeOf',
  },
  {
    name: 'news is passed on to one peer only, however many there are',
    file: full,
    find: 'const count = fanout + Math.ceil(Math.log(peers.length + 1))',
    replace: 'const count = 1',
  },
  {
    name: 'news that was passed on is passed on again with the next',
    file: full,
    find: '    this.#news.clear()\n    const count',
    replace: '    const count',
  },
  {
    name: 'two views are the same when the first of their two hashes is',
    file: full,
    find: 'if (ours.hash === theirs.hash && ours.check === theirs.check) return',
    replace: 'if (ours.hash === theirs.hash) return',
  },
  {
    name: 'whom a member counts, without its own knowledge, stays unknown to it',
    file: full,
    find: '    if (theirs.counted) this.#learn([{ spec: from, left: false }], undefined, now, out)\n',
    replace: '',
  },
  {
    name: 'a stranger that sends a digest is told who the members are',
    file: full,
    find: 'if (!this.#table.isMember(from.name) || this.#isolation.lasts) return\n    const ours',
    replace: 'if (this.#isolation.lasts) return\n    const ours',
  },
  {
    name: 'a node that was alone for too long tells its old view in answer to a digest',
    file: full,
    find: 'if (!this.#table.isMember(from.name) || this.#isolation.lasts) return\n    const ours',
    replace: 'if (!this.#table.isMember(from.name)) return\n    const ours',
  },
  {
    name: 'what the sender of a summary lacks is not sent',
    file: full,
    find: '    this.#sendNews(from, lacking, out)\n',
    replace: '',
  },
  {
    name: 'what the sender of a summary knows better is not asked for',
    file: full,
    find: "    if (wanted.length > 0) out.push({ type: 'send', to: from, message: { type: 'want', names: wanted } })\n",
    replace: '',
  },
  {
    name: 'the end of one leave is told several times',
    file: 'src/membership/farewells.ts',
    find: '    this.#unnoted.delete(node)\n    out.push',
    replace: '    out.push',
  },
  {
    name: 'members that are down for long are removed, whether their names were generated or not',
    file: 'src/membership/downtimes.ts',
    find: 'if (spec?.generated === true && now',
    replace: 'if (spec !== undefined && now',
  },
  {
    name: 'who left is remembered for ever',
    file: full,
    find: '    this.#table.sweep(now, tombstoneAge)\n',
    replace: '',
  },
  {
    name: 'digests have no jitter: nodes that start together send together for ever',
    file: full,
    find: 'return interval * (0.5 + this.#options.random.next())',
    replace: 'return interval',
  },
  {
    name: 'the jitter of digests has no lower bound',
    file: full,
    find: 'return interval * (0.5 + this.#options.random.next())',
    replace: 'return interval * 2 * this.#options.random.next()',
  },
  {
    name: 'who takes over the view of another forgets the members that it is connected with',
    file: full,
    find: ' || taught.has(name) || this.#up.has(name)) continue',
    replace: ' || taught.has(name)) continue',
  },
  {
    name: 'who takes over the view of another goes on dialling those it forgot',
    file: full,
    find: "      out.push({ type: 'disconnect', node: name, reason: 'unwanted' })\n",
    replace: '',
  },
  {
    name: 'who takes over the view of another does not compare the rest with it',
    file: full,
    find: '    this.#adopt(taught, out)\n    this.#sendDigest(by, out)\n',
    replace: '    this.#adopt(taught, out)\n',
  },
  {
    name: 'messages are routed to who has left',
    file: full,
    find: 'return entry === undefined || entry.left ? [] : [entry.spec]',
    replace: 'return entry === undefined ? [] : [entry.spec]',
  },
  {
    name: 'the first part of an answer to a join says that it is the last',
    file: 'src/membership/news.ts',
    find: 'counted: index === all.length - 1',
    replace: 'counted: index === 0',
  },
  {
    name: 'a member table takes one name more than its bound',
    file: table,
    find: 'this.#entries.size >= this.#most',
    replace: 'this.#entries.size > this.#most',
  },
  {
    name: 'a full member table does not take what is newer of those it has',
    file: table,
    find: 'known === undefined ? this.#entries.size >= this.#most : !supersedes(entry, known)',
    replace: 'this.#entries.size >= this.#most || (known !== undefined && !supersedes(entry, known))',
  },
  {
    name: 'a later version undoes a leave',
    file: table,
    find: '  if (entry.left !== known.left) return entry.left\n  if (spec.version !== known.spec.version) return spec.version > known.spec.version\n',
    replace:
      '  if (spec.version !== known.spec.version) return spec.version > known.spec.version\n  if (entry.left !== known.left) return entry.left\n',
  },
  {
    name: 'of equal marks the one that came first is kept, so that views differ for ever',
    file: table,
    find: 'return spec !== known.spec && canonicalText(spec) > canonicalText(known.spec)',
    replace: 'return false',
  },
  {
    name: 'a sweep forgets members, not only who has left',
    file: table,
    find: 'if (entry.left && now - entry.leftAt >= age)',
    replace: 'if (now - entry.leftAt >= age)',
  },
  {
    name: 'the list of members is not made anew when they change',
    file: table,
    find: '    this.#members = undefined\n',
    replace: '',
  },
  {
    name: 'a later attempt to be connected makes a long isolation a short one',
    file: isolation,
    find: 'this.#since ??= now',
    replace: 'this.#since = now',
  },
  {
    name: 'a short isolation that ended counts as the beginning of the next',
    file: isolation,
    find: '      this.#since = undefined\n      return false',
    replace: '      return false',
  },
  {
    name: 'an isolation of almost a day is taken for a short one, though leaves are forgotten by then',
    file: isolation,
    find: 'Math.max(tombstoneAge - noticeMargin, tombstoneAge / 2)',
    replace: 'tombstoneAge',
  },
  {
    name: 'whoever tells members is taken for the teacher',
    file: isolation,
    find: '    if (by !== this.#teacher) return undefined\n',
    replace: '    if (this.#teacher === undefined) return undefined\n',
  },
  {
    name: 'the view of the teacher is taken over before its last part has come',
    file: isolation,
    find: '    if (!last) return undefined\n',
    replace: '',
  },
  {
    name: 'each part of a summary is answered with all members beyond it',
    file: summary,
    find: '(upTo === undefined || name <= upTo) && ',
    replace: '',
  },
  {
    name: 'a leave is not newer than the life it ends, when views are compared',
    file: summary,
    find: 'Number(ours.left) || ',
    replace: '',
  },
  {
    name: 'the last of each full part of a list is lost',
    file: summary,
    find: 'items.slice(start, start + size)',
    replace: 'items.slice(start, start + size - 1)',
  },
  {
    name: 'a message of a peer may hold any number of entries',
    file: 'src/membership/parsing.ts',
    find: '!Array.isArray(value) || value.length > most',
    replace: '!Array.isArray(value)',
  },
]
