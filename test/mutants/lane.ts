import type { Mutant } from './mutant.js'

const lane = 'src/link/lane.ts'
const channel = 'src/link/channel.ts'
const queue = 'src/link/queue.ts'
const flusher = 'src/link/flusher.ts'
const handover = 'src/link/handover.ts'

/** One lane: its connection, its heartbeats, and what waits for it. */
export const lanes: readonly Mutant[] = [
  {
    name: 'a newer connection leaves the older one open',
    file: 'src/link/hub.ts',
    find: "    lane.close('replaced', 'a newer connection took its place')\n",
    replace: '',
  },
  {
    name: 'a lane does not note the generation of its connection',
    file: lane,
    find: '    this.generation = established.slot.generation\n    this.session++',
    replace: '    this.session++',
  },
  {
    name: 'a peer whose numbering begins anew is taken to repeat itself',
    file: lane,
    find: '      this.channel.forgetSeen(this.index)\n',
    replace: '',
  },
  {
    name: 'the numbers that were seen are forgotten with every connection',
    file: lane,
    find: '    if (established.fresh) {\n      this.channel.forgetSeen(this.index)\n',
    replace: '    this.channel.forgetSeen(this.index)\n    if (established.fresh) {\n',
  },
  {
    name: 'a dialler that never says that it is ready keeps its slot',
    file: lane,
    find: "      this.close('timeout', 'the dialler never said that it is ready')\n",
    replace: '',
  },
  {
    name: 'the bytes of a replaced connection are taken',
    file: lane,
    find: '    if (connection !== this.#connection) {\n      if (',
    replace: '    if (connection !== this.#connection && this.#handover !== undefined) {\n      if (',
  },
  {
    name: 'what arrives is no sign of life of its peer',
    file: lane,
    find: '    if (this.link.listens()) this.heard()\n',
    replace: '',
  },
  {
    name: 'the end of a replaced connection ends the present one',
    file: lane,
    find: 'if (connection === this.#connection) this.#drop(reason)\n    else if',
    replace: 'if (connection !== this.#handover?.connection) this.#drop(reason)\n    else if',
  },
  {
    name: 'what was written in this turn is lost when the lane is closed in order',
    file: lane,
    find: '    this.outbound.flush()\n    connection.send',
    replace: '    connection.send',
  },
  {
    name: 'a ping is sent while another is under way, and its round trip measured from the later one',
    file: lane,
    find: "if (this.phase !== 'open' || this.#pingedAt !== undefined) return",
    replace: "if (this.phase !== 'open') return",
  },
  {
    name: 'a ping that never came back is the last one',
    file: lane,
    find: '    if (this.#pingedAt !== undefined && now - this.#pingedAt > patience) this.#pingedAt = undefined\n',
    replace: '',
  },
  {
    name: 'credit that was too little to tell of at once is never told of',
    file: lane,
    find: '    this.#inbound?.announce()\n',
    replace: '',
  },
  {
    name: 'ready may be said at any time',
    file: lane,
    find: "    if (this.phase !== 'opening') return this.violated('malformed', 'ready, out of turn')\n",
    replace: '',
  },
  {
    name: 'the dialler does not know that the acceptor has opened the lane',
    file: lane,
    find: '    if (!this.#heartbeatArrives()) return\n    this.#confirm()\n',
    replace: '    if (!this.#heartbeatArrives()) return\n',
  },
  {
    name: 'a lane that was opened is closed by the timer of its opening',
    file: lane,
    find: '    const { limits } = this.#established as Established\n    this.#cancelOpening?.()\n',
    replace: '    const { limits } = this.#established as Established\n',
  },
  {
    name: 'the timer of an opening that failed closes the next connection',
    file: lane,
    find: "    const wasOpen = this.phase === 'open'\n    this.#cancelOpening?.()\n",
    replace: "    const wasOpen = this.phase === 'open'\n",
  },
  {
    name: 'the numbering is said to begin anew with every connection',
    file: lane,
    find: '    this.fresh = false\n',
    replace: '',
  },
  {
    name: 'the dialler does not say that it is ready',
    file: lane,
    find: '    if (opened) this.outbound.control(FrameKind.ready)\n',
    replace: '',
  },
  {
    name: 'what waited stays when the lane opens',
    file: lane,
    find: '    this.link.laneOpened(this)\n    this.outbound.drain()\n',
    replace: '    this.link.laneOpened(this)\n',
  },
  {
    name: 'a lane that was confirmed counts as confirmed with its next connection',
    file: lane,
    find: '    this.confirmed = false\n',
    replace: '',
  },
  {
    name: 'a ping of the last connection keeps the next one from being asked',
    file: lane,
    find: '    this.#pingedAt = undefined\n    this.confirmed = false',
    replace: '    this.confirmed = false',
  },
  {
    name: 'what is handled after the end of its connection is told to the next one as credit',
    file: lane,
    find: '    this.#inbound?.close()\n',
    replace: '',
  },
  {
    name: 'the lanes of an ended life tell of their ends',
    file: lane,
    find: 'if (!this.retired) this.link.laneClosed(this, wasOpen, reason)',
    replace: 'this.link.laneClosed(this, wasOpen, reason)',
  },
  {
    name: 'the streams of another lane are taken to begin anew as well',
    file: channel,
    find: 'stream += this.lanes.length) lastSeen',
    replace: 'stream++) lastSeen',
  },
  {
    name: 'streams are spread over the lanes by something else than their number',
    file: channel,
    find: 'this.lanes[stream % this.lanes.length]',
    replace: 'this.lanes[(stream + 1) % this.lanes.length]',
  },
  {
    name: 'the newest message of a key leaves the timers of the one before it',
    file: queue,
    find: '    waiting.release?.()\n',
    replace: '',
  },
  {
    name: 'the newest message of a key counts for the bytes of the one before it',
    file: queue,
    find: '    this.#account(waiting, -1)\n    waiting.release',
    replace: '    waiting.release',
  },
  {
    name: 'a message that is on its way in chunks is changed under way',
    file: queue,
    find: '    if (entry.key !== undefined && this.#keys.get(entry.key) === entry) this.#keys.delete(entry.key)\n  }\n\n  /** The message that has waited longest; it stays',
    replace: '  }\n\n  /** The message that has waited longest; it stays',
  },
  {
    name: 'a message that is gone keeps its timers',
    file: queue,
    find: '    entry.release?.()\n    this.#live--',
    replace: '    this.#live--',
  },
  {
    name: 'a message that has moved to another queue is taken out of the one it was in',
    file: queue,
    find: '    if (entry.queue !== undefined && entry.queue !== this) return entry.queue.remove(entry)\n',
    replace: '',
  },
  {
    name: 'a newer message takes the place of one that has left',
    file: queue,
    find: '    this.#account(entry, -1)\n    if (entry.key !== undefined && this.#keys.get(entry.key) === entry) this.#keys.delete(entry.key)\n',
    replace: '    this.#account(entry, -1)\n',
  },
  {
    name: 'calls that end while they wait pile up',
    file: queue,
    find: '    else if (this.#entries.length - this.#head > 2 * this.#live + 64) this.#compact()\n',
    replace: '',
  },
  {
    name: 'the room of a long queue is never given back',
    file: queue,
    find: 'if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {',
    replace: 'if (this.#head > 1_024 && this.#head > this.#entries.length) {',
  },
  {
    name: 'a caller who waits costs nothing',
    file: queue,
    find: 'return size + entryOverheadBytes + (awaited ? callerOverheadBytes : 0)',
    replace: 'return size + entryOverheadBytes',
  },
  {
    name: 'batches are flushed in one turn only',
    file: flusher,
    find: '    this.#deferred = false\n    const marked',
    replace: '    const marked',
  },
  {
    name: 'batches that were flushed are flushed again in every turn',
    file: flusher,
    find: '    this.#marked = []\n    for',
    replace: '    for',
  },
  {
    name: 'what comes on a direct connection overtakes what is under way on the relayed one',
    file: handover,
    find: '    if (!this.speaks || !this.#heardLast) return\n',
    replace: '    if (!this.speaks) return\n',
  },
  {
    name: 'what came with the word that the dialler goes on is lost',
    file: handover,
    find: '    if (batch.length > end) this.held.push(batch.subarray(end))\n',
    replace: '',
  },
  {
    name: 'a handover waits for ever',
    file: handover,
    find: 'this.#clock.schedule(handoverMillis, ',
    replace: 'this.#clock.schedule(1e9, ',
  },
  {
    name: 'a relayed connection is closed for a direct one that nobody says anything on',
    file: handover,
    find: '    if (!this.abandon()) this.#events.failed(why)',
    replace: '    this.#events.failed(why)',
  },
  {
    name: 'a dialler that begins anew is taken to go on',
    file: handover,
    find: "    if (!goesOn(batch, frameHeaderBytes, end)) return this.#events.failed('the dialler begins anew')\n",
    replace: '',
  },
  {
    name: 'a direct connection breaks off the relayed one that it takes the place of',
    file: 'src/link/hub.ts',
    find: '    if (lane.succeed(connection, established, role)) return lane\n',
    replace: '',
    tests: ['test/manager/relay.test.ts'],
  },
]
