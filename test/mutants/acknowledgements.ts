import type { Mutant } from './mutant.js'

const acceptance = 'src/delivery/acceptance.ts'
const outstanding = 'src/delivery/outstanding.ts'
const outboxes = 'src/manager/outboxes.ts'
const inboxes = 'src/manager/inboxes.ts'
const arrivals = 'src/manager/acked-arrivals.ts'
const heldBack = 'src/manager/held-back.ts'
const acknowledgement = 'src/manager/acknowledgements.ts'
const queue = 'src/link/queue.ts'

const tests = [
  'test/delivery/acceptance.test.ts',
  'test/manager/acknowledgement.test.ts',
  'test/manager/acknowledgement-lives.test.ts',
  'test/manager/acknowledgement-order.test.ts',
]

/** Messages with `ack`: what is kept, sent again, taken once, and told. */
export const acknowledgements: readonly Mutant[] = [
  {
    name: 'a message that comes again, because its acknowledgement was lost, is handled again',
    file: acceptance,
    find: 'number <= this.#taken || number === this.#held',
    replace: 'number === this.#held',
  },
  {
    name: 'what follows a message that a fault took away is handed over before it',
    file: acceptance,
    find: 'previous <= this.#taken && ',
    replace: '',
  },
  {
    name: 'a handler that never ends keeps all refusals after its message',
    file: acceptance,
    find: ' || (previous < one && one < number)',
    replace: '',
    tests,
  },
  {
    name: 'a refusal is forgotten that its sender still waits for',
    file: acceptance,
    find: '(previous < one && one < number)',
    replace: 'one < number',
    tests,
  },
  {
    name: 'what was not handed over yet is acknowledged',
    file: acceptance,
    find: 'if (this.#latest !== undefined && !lengthen(runs, this.#latest, most)) return',
    replace: 'if (this.#latest === 0) return',
  },
  {
    name: 'what is handed over does not count as taken',
    file: arrivals,
    find: '    acceptance.take(ack.number)\n',
    replace: '',
  },
  {
    name: 'a stream waits for ever for a message that could not be held back',
    file: acceptance,
    find: '  letGo(): void {\n    this.#held = undefined\n',
    replace: '  letGo(): void {\n',
  },
  {
    name: 'what was asked for once is asked for for ever',
    file: acceptance,
    find: '  asked(): void {\n    this.#misses = false\n',
    replace: '  asked(): void {\n',
  },
  {
    name: 'refusals that their sender was told of are remembered for ever',
    file: acceptance,
    find: '        this.#refusals.delete(refused)\n',
    replace: '',
    tests,
  },
  {
    name: 'the last message that an acknowledgement names is not settled',
    file: outstanding,
    find: 'number !== undefined && number <= upTo',
    replace: 'number !== undefined && number < upTo',
  },
  {
    name: 'what nobody waits for any more stays open at its receiver',
    file: acceptance,
    find: '      if (isOver(open)) this.#open.delete(open)\n      else if (!isBehind) return\n',
    replace: '      if (open > 0) return\n',
  },
  {
    name: 'what a sender has given up behind a message that is open stays open',
    file: acceptance,
    find: 'const isBehind = this.#openAtMost > previous && this.#openAtMost < number',
    replace: 'const isBehind = false as boolean',
  },
  {
    name: 'what a sender has given up is not looked for, once something was',
    file: acceptance,
    find: '      this.#openAtMost = this.#latest\n',
    replace: '      this.#openAtMost ||= this.#latest\n',
  },
  {
    name: 'a refusal that was told counts as delivered afterwards',
    file: acceptance,
    find: 'const told = [...this.#refusals.keys()].filter(number => !this.#untold.has(number))',
    replace: 'const told: number[] = []',
  },
  {
    name: 'a refusal that its sender missed is not told again',
    file: acceptance,
    find: '      if (this.#refusals.has(number)) this.#untold.add(number)\n',
    replace: '',
  },
  {
    name: 'every acknowledgement repeats all refusals',
    file: acceptance,
    find: '    for (const [number] of part) this.#untold.delete(number)\n    const last',
    replace:
      '    if (part.length < refusals.length) for (const [number] of part) this.#untold.delete(number)\n    const last',
  },
  {
    name: 'what is open is sent again whenever something behind it is asked for',
    file: outboxes,
    find: 'outbox?.again(acknowledgement.stream, acknowledgement.upTo)',
    replace: 'outbox?.again(acknowledgement.stream)',
    tests,
  },
  {
    name: 'when a link was made anew, what came over the former is never acknowledged',
    file: arrivals,
    find: "came.phase === 'open' ? came : this.#presentOf(came, stream)",
    replace: "came.phase === 'open' ? came : undefined",
    tests: ['test/manager/acknowledgement-relay.test.ts'],
  },
  {
    name: 'what is open is settled with the rest',
    file: outstanding,
    find: 'if (message === undefined || (open[next] as number) <= number) continue',
    replace: 'if (message === undefined) continue',
  },
  {
    name: 'behind a message that is open for long the list of the others grows',
    file: outstanding,
    find: '    this.#compact()\n',
    replace: '',
  },
  {
    name: 'a message that was given up is outstanding for ever',
    file: outstanding,
    find: '    this.#messages[at] = undefined\n    this.#live--\n  }\n',
    replace: '  }\n',
    tests,
  },
  {
    name: 'a message that was acknowledged takes its place in the budget for ever',
    file: outboxes,
    find: '      this.#forget(entry)\n      if (refused',
    replace: '      if (refused',
  },
  {
    name: 'a message that was refused counts as delivered',
    file: outboxes,
    find: 'if (refused?.has(number) !== true) entry',
    replace: 'if (refused === undefined || number > 0) entry',
  },
  {
    name: 'what was sent on a lane that was lost does not come again on the next',
    file: outboxes,
    find: '    this.#outboxes.get(lane.channel)?.putBack(lane)\n',
    replace: '',
  },
  {
    name: 'of a lane that was lost only the first stream comes again',
    file: outboxes,
    find: 'stream += this.#channel.lanes.length',
    replace: 'stream = Infinity',
  },
  {
    name: 'whose acknowledgement a fault took away waits for ever',
    file: outboxes,
    find: '      this.#outboxes.get(channel)?.againAll()\n    })\n',
    replace: '    })\n',
  },
  {
    name: 'what was said through a cut is not said again when it is healed',
    file: outboxes,
    find: '    for (const channel of link.channels.values()) this.#outboxes.get(channel)?.againAll()\n',
    replace: '',
  },
  {
    name: 'what a former life of a peer sent counts as sent by its next',
    file: inboxes,
    find: 'if (inbox === undefined || inbox.incarnation !== spec.incarnation)',
    replace: 'if (inbox === undefined)',
  },
  {
    name: 'the peer that was heard of last is the first to be forgotten',
    file: inboxes,
    find: '    this.#inboxes.delete(name)\n    this.#inboxes.set(name, inbox)\n',
    replace: '    this.#inboxes.set(name, inbox)\n',
  },
  {
    name: 'what a peer numbers anew is taken for what it sent before',
    file: inboxes,
    find: 'streams?.delete(stream)',
    replace: 'continue',
  },
  {
    name: 'a node remembers in its next life what was sent to the last',
    file: inboxes,
    find: '    this.#inboxes.clear()\n',
    replace: '',
  },
  {
    name: 'a message that came again is not acknowledged again',
    file: arrivals,
    find: "      counters.add('duplicates')\n      this.#owe(lane, ack.stream)\n",
    replace: "      counters.add('duplicates')\n",
  },
  {
    name: 'a message counts as handled when its handler was given it',
    file: arrivals,
    find: 'if (!this.ack.handled) this.settle()',
    replace: 'this.settle()',
  },
  {
    name: 'a message that a cut took away where it arrived is not asked for again',
    file: arrivals,
    find: '      acceptance.dropped()\n      return undefined\n    }\n    if (!inter',
    replace: '      return undefined\n    }\n    if (!inter',
  },
  {
    name: 'what follows a message that is held back where it arrives overtakes it',
    file: arrivals,
    find: '    acceptance.hold(number)\n',
    replace: '',
  },
  {
    name: 'refusals that one acknowledgement cannot hold are told as deliveries',
    file: acceptance,
    find: 'return { upTo: last[0], open',
    replace: 'return { upTo, open',
  },
  {
    name: 'when an interposition ends, what follows overtakes what it held back where it left',
    file: heldBack,
    find: 'return this.#lines.size > 0 && this.#lines.has(keyOf(channel, stream))',
    replace: 'return false',
  },
  {
    name: 'what a fault drops where it leaves is not tried again',
    file: heldBack,
    find: '    line.cancel = clock.schedule(resendMillis, () => this.#advance(line))\n',
    replace: '',
  },
  {
    name: 'a message that was held back where it left keeps its room for ever',
    file: heldBack,
    find: '    held.leave()\n    return true\n',
    replace: '    return true\n',
  },
  {
    name: 'a message that was held back where it left counts for its queue for ever',
    file: heldBack,
    find: '      leave()\n      unwatch?.()\n',
    replace: '      unwatch?.()\n',
    tests: ['test/manager/held-acknowledgement.test.ts'],
  },
  {
    name: 'a message that is held back goes to the next life of its peer',
    file: heldBack,
    find: '        if (!isOver({ patience: patienceOf(options), sequence: 0, transitive, extra })) continue\n',
    replace: '        continue\n',
    tests: ['test/manager/held-acknowledgement.test.ts'],
  },
  {
    name: 'what has ended stays behind what a fault stands in the way of',
    file: heldBack,
    find: '    if (!held.line.waiting.delete(held)) return false\n',
    replace: '    if (!held.line.waiting.has(held)) return false\n',
    tests: ['test/manager/held-acknowledgement.test.ts'],
  },
  {
    name: 'what waited behind a held message that ended waits for its fault',
    file: heldBack,
    find: '    if (line.first === held) this.#advanceSoon(line)\n',
    replace: '',
    tests: ['test/manager/held-acknowledgement.test.ts'],
  },
  {
    name: 'a peer that goes takes nothing with it that is held back for another channel of it',
    file: heldBack,
    find: '        if (held.channel.link.name !== name) break\n',
    replace: '        if (held.channel.link.name !== name) return count\n',
    tests: ['test/manager/held-acknowledgement.test.ts'],
  },
  {
    name: 'an acknowledgement passes through a cut',
    file: acknowledgement,
    find: "    if (link.state.phase === 'cut') return counters.add('faulted')\n",
    replace: '',
  },
  {
    name: 'an acknowledgement that was held back speaks for the next life of its peer',
    file: acknowledgement,
    find: 'if (link.spec.incarnation === incarnation) this',
    replace: 'this',
  },
  {
    name: 'who waits for an acknowledgement by a life that is over waits for ever',
    file: acknowledgement,
    find: `    for (const { settler } of this.outboxes.end(link))
      settler?.failed(new UnknownOutcomeError(link.name, 'message', because))
`,
    replace: '    this.outboxes.end(link)\n',
  },
  {
    name: 'a newer message of its key takes the place of one that was sent and waits for its acknowledgement',
    file: queue,
    find: '    this.seal(entry)\n    this.#advance()\n',
    replace: '    this.#advance()\n',
    tests,
  },
  {
    name: 'what is sent again goes after what waits',
    file: queue,
    find: '[...entries, ...this.#entries.slice(this.#head)]',
    replace: '[...this.#entries.slice(this.#head), ...entries]',
    tests,
  },
  {
    name: 'what is to be sent again does not count as waiting',
    file: queue,
    find: '    this.#live += entries.length\n',
    replace: '',
    tests,
  },
  {
    name: 'a message that was acknowledged keeps its timer',
    file: queue,
    find: '  settle(entry: Waiting): void {\n    entry.gone = true\n    entry.release?.()\n',
    replace: '  settle(entry: Waiting): void {\n    entry.gone = true\n',
    tests,
  },
  {
    name: 'what cannot make room is dropped for what is refused all the same',
    file: 'src/manager/room.ts',
    find: "    if (budget.pinned > 0 && budget.pinned + bytes > queueBytes) return 'none'\n",
    replace: '',
    tests,
  },
  {
    name: 'a cast that a fault holds back may block',
    file: heldBack,
    find: 'room.take(channel, costOf(bytes, awaited), awaited)',
    replace: 'room.take(channel, costOf(bytes, true), true)',
    tests,
  },
  {
    name: 'a cast that a fault holds back ends in silence',
    file: heldBack,
    find: '    this.#context.fail(channel, outgoing, error)\n  }\n\n  /** Whether it',
    replace: '    outgoing.settler?.failed(error)\n  }\n\n  /** Whether it',
    tests,
  },
]
