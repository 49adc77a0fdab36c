import type { Mutant } from './mutant.js'

const arrivals = 'src/manager/arrivals.ts'
const sender = 'src/manager/sender.ts'
const options = 'src/manager/message-options.ts'
const room = 'src/manager/room.ts'
const delays = 'src/manager/delays.ts'

/** Messages: how they are sent, wait and arrive. */
export const messaging: readonly Mutant[] = [
  {
    name: 'what arrives through a cut is delivered',
    file: arrivals,
    find: "    if (lane.link.state.phase === 'cut') {\n      this.#context.counters.add('faulted')\n      if",
    replace:
      "    if (lane.link.state.phase === 'cut' && extra !== undefined) {\n      this.#context.counters.add('faulted')\n      if",
  },
  {
    name: 'a reply that arrives through a cut is taken',
    file: arrivals,
    find: "    if (lane.link.state.phase === 'cut') return counters.add('faulted')\n",
    replace: '',
  },
  {
    name: 'a message that expired on its way is handled',
    file: arrivals,
    find: '    if (extra?.budget === 0) {',
    replace: '    if (extra?.budget === -1) {',
  },
  {
    name: 'a reply is sent on a later connection than its request came on',
    file: arrivals,
    find: "if (lane.session !== session || lane.phase !== 'open') return",
    replace: "if (lane.phase !== 'open') return",
  },
  {
    name: 'a reply goes through a cut that was made while it was worked on',
    file: arrivals,
    find: "if (lane.link.state.phase !== 'cut') return true",
    replace: 'return true',
  },
  {
    name: 'a reply larger than the peer takes is sent',
    file: arrivals,
    find: '    if (body.length > lane.outbound.agreed.messageBytes) {',
    replace: '    if (body.length > Infinity) {',
  },
  {
    name: 'a reply for which there is no room is lost, and its request waits',
    file: arrivals,
    find: 'return this.#sendError(lane, id, tooManyReplies(lane))',
    replace: 'return undefined',
  },
  {
    name: 'a handler is told the incarnation of the life before',
    file: arrivals,
    find: 'if (plain === undefined || plain.incarnation !== spec.incarnation) {',
    replace: 'if (plain === undefined) {',
    survives: 'a lane belongs to one life of its peer, and so does what is kept for it',
  },
  {
    name: 'what passes the interpositions is no sign of life',
    file: arrivals,
    find: '    lane.heard()\n',
    replace: '',
  },
  {
    name: 'a message that an interposition delays is handled although the node has stopped',
    file: delays,
    find: '    for (const end of [...this.#held]) end(error())\n',
    replace: '',
  },
  {
    name: 'an aborted signal does not keep a message from being sent',
    file: sender,
    find: '    options?.signal?.throwIfAborted()\n',
    replace: '',
  },
  {
    name: 'a message whose time is over is sent',
    file: sender,
    find: 'if (expires !== undefined && expires <= this.#context.clock.now()) {',
    replace: 'if (expires !== undefined && expires < 0) {',
  },
  {
    name: 'a message that has to wait stays until something else happens on its lane',
    file: sender,
    find: '    lane.outbound.drain()\n  }\n\n  #waiting(',
    replace: '  }\n\n  #waiting(',
  },
  {
    name: 'bytes that are cast and wait are those of the caller, who may use them for something else',
    file: 'src/codec/value-bytes.ts',
    find: "awaited ? payloadOf(bytes) : payloadOf(copied(bytes), 'copy')",
    replace: 'payloadOf(bytes)',
    tests: ['test/manager/waiting.test.ts'],
  },
  {
    name: 'all messages that wait have the same place in the order',
    file: sender,
    find: '++this.#order',
    replace: 'this.#order',
  },
  {
    name: 'what may wait for a peer that is down is refused',
    file: sender,
    find: "    if (verdict === 'down' && options?.whenDown === 'wait') return\n",
    replace: '',
  },
  {
    name: 'what may wait for a peer that is down does not end when that goes down after it was sent',
    file: 'src/manager/outgoing.ts',
    find: "  if (onDown === 'reject') return 'unsent'\n",
    replace: '',
    tests: ['test/manager/acknowledgement.test.ts'],
  },
  {
    name: 'what may wait for a peer that is down does not wait for it when it goes down',
    file: 'src/manager/outgoing.ts',
    find: "  return options.causalLabel === undefined ? 'always' : 'life'\n",
    replace: "  return 'up'\n",
    tests: ['test/manager/waiting.test.ts', 'test/manager/reconnection.test.ts', 'test/manager/lives.test.ts'],
  },
  {
    name: 'a message larger than this node takes waits',
    file: sender,
    find: '    if (size > this.#context.limits.messageBytes) throw tooLarge(size, this.#context.limits.messageBytes)\n',
    replace: '',
  },
  {
    name: 'the one whose place a newer message takes is not told',
    file: sender,
    find: '    settler?.failed(new SupersededError())\n',
    replace: '',
  },
  {
    name: 'the one whose place a newer message takes is told of the newer one',
    file: sender,
    find: '    settler?.failed(new SupersededError())\n    if (!takesPlace)',
    replace: '    waiting.settler?.failed(new SupersededError())\n    if (!takesPlace)',
  },
  {
    name: 'a newer message that takes the place of another waits beyond its deadline',
    file: sender,
    find: '    this.#watchQueued(takesPlace ? waiting : entry, outgoing)\n',
    replace: '',
  },
  {
    name: 'a message that waits does not end with its deadline',
    file: sender,
    find: "            counters.add('expired')\n            end(new DeadlineError",
    replace: "            counters.add('expired')\n            void (new DeadlineError",
  },
  {
    name: 'a message that waits does not end with its signal',
    file: sender,
    find: 'const unlisten = signal && onAbort(signal, aborted)',
    replace: 'const unlisten = signal && onAbort(signal, () => {})',
  },
  {
    name: 'a message whose caller gave it up is sent',
    file: sender,
    find: '        entry.queue?.remove(entry)\n',
    replace: '',
  },
  {
    name: 'a message that left leaves its listener on the signal',
    file: sender,
    find: '      unlisten?.()\n      cancel?.()\n',
    replace: '      cancel?.()\n',
  },
  {
    name: 'of a deadline and a timeout the later counts',
    file: options,
    find: 'const left = Math.min(timeout ?? Infinity,',
    replace: 'const left = Math.max(timeout ?? -Infinity,',
  },
  {
    name: 'a request on a monotonic channel takes the place of another',
    file: sender,
    find: "isMonotonic && outgoing.kind === 'message' &&",
    replace: 'isMonotonic &&',
  },
  {
    name: 'the partition key of a message does not choose its stream',
    file: 'src/manager/streams.ts',
    find: 'streamOf(key === undefined ? hash : hashPartitionKey(checkKey(key)), streams)',
    replace: 'streamOf(hash, streams)',
  },
  {
    name: 'any number of calls waits for room',
    file: room,
    find: "if (overflow === 'block') return awaited && budget.blocked < blockedCalls ? 'caller' : 'none'",
    replace: "if (overflow === 'block') return awaited ? 'caller' : 'none'",
  },
  {
    name: 'a message may not be larger than the queue, though nothing else waits',
    file: room,
    find: 'if (bytes <= 0 || budget.bytes === 0 || budget.bytes',
    replace: 'if (bytes <= 0 || budget.bytes',
  },
  {
    name: 'a queue takes one message more than fits',
    file: room,
    find: 'budget.bytes === 0 || budget.bytes + bytes <= queueBytes',
    replace: 'budget.bytes === 0 || budget.bytes <= queueBytes',
  },
  {
    name: 'one message is dropped for a new one, however large that is',
    file: room,
    find: "while (budget.bytes > 0 && budget.bytes + bytes > queueBytes) if (!this.#dropOldest(channel)) return 'none'",
    replace: "if (!this.#dropOldest(channel)) return 'none'",
  },
  {
    name: 'of several lanes the newest of the first messages is dropped',
    file: room,
    find: 'entry.order < oldest.entry.order)) oldest',
    replace: 'entry.order > oldest.entry.order)) oldest',
  },
  {
    name: 'a message that is dropped for room is not told of',
    file: room,
    find: '    this.refuse(channel, oldest.entry.settler)\n',
    replace: '',
  },
]
