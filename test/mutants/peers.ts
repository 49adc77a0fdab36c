import type { Mutant } from './mutant.js'

const heartbeat = 'src/link/heartbeat.ts'
const backoff = 'src/link/backoff.ts'
const peerState = 'src/link/peer-state.ts'

/** What one peer is taken for: silent, absent, cut off, gone. */
export const peers: readonly Mutant[] = [
  {
    name: 'the time that this process stalled counts as silence of its peers',
    file: heartbeat,
    find: '    if (stalled > 0) this.#heardAt += Math.min(stalled, now - this.#heardAt)\n',
    replace: '',
  },
  {
    name: 'a stall of this process puts off the silence of its peers into the future',
    file: heartbeat,
    find: 'this.#heardAt += Math.min(stalled, now - this.#heardAt)',
    replace: 'this.#heardAt += stalled',
  },
  {
    name: 'a peer is watched from the beginning of time, not from its first lane',
    file: heartbeat,
    find: "      case 'start':\n        this.#heardAt = now\n",
    replace: "      case 'start':\n",
  },
  {
    name: 'a peer is down one tick after its timeout',
    file: heartbeat,
    find: 'if (silence >= this.#timeout) {',
    replace: 'if (silence > this.#timeout) {',
  },
  {
    name: 'a peer is never long absent: the time of its absence begins anew with each dial',
    file: backoff,
    find: 'this.#since ??= now',
    replace: 'this.#since = now',
  },
  {
    name: 'waits have no jitter: nodes that fail together dial together',
    file: backoff,
    find: 'return longest * (0.5 + 0.5 * this.#random.next())',
    replace: 'return longest',
  },
  {
    name: 'the jitter of waits has no lower bound',
    file: backoff,
    find: 'return longest * (0.5 + 0.5 * this.#random.next())',
    replace: 'return longest * this.#random.next()',
  },
  {
    name: 'a peer that was back counts as absent since its first loss',
    file: backoff,
    find: '    this.#failures = 0\n    this.#since = undefined\n',
    replace: '    this.#failures = 0\n',
  },
  {
    name: 'who left and is wanted again stays left',
    file: peerState,
    find: '        if (input.wanted) this.#left = false\n',
    replace: '',
  },
  {
    name: 'who has left is wanted as before',
    file: peerState,
    find: '        this.#left = true\n        this.#wanted = false\n',
    replace: '        this.#left = true\n',
  },
  {
    name: 'a peer that was up and is lost counts as never reached',
    file: peerState,
    find: '        if (input.open > 0) this.#wasUp = true\n',
    replace: '',
  },
  {
    name: 'a cut of the old life holds for the new one',
    file: peerState,
    find: '    const before = this.#phase\n    this.#cut = false\n',
    replace: '    const before = this.#phase\n',
  },
  {
    name: 'what waited for a life that was never reached is failed by the next',
    file: peerState,
    find: '    if (this.#wasUp) out.push(',
    replace: '    out.push(',
  },
  {
    name: 'a life that was reached is remembered by the next',
    file: peerState,
    find: '    this.#wasUp = false\n    this.#wasDirect',
    replace: '    this.#wasDirect',
  },
  {
    name: 'requests wait on behind a cut',
    file: peerState,
    find: "if (after === 'cut' || after === 'left') out.push({ type: 'fail-requests', why: after })",
    replace: "if (after === 'left') out.push({ type: 'fail-requests', why: after })",
  },
  {
    name: 'what waits for a peer that left waits for ever',
    file: peerState,
    find: "if (after === 'left' || after === 'down') out.push({ type: 'fail-queued'",
    replace: "if (after === 'down') out.push({ type: 'fail-queued'",
  },
  {
    name: 'a cut hides that the peer has left',
    file: peerState,
    find: "    if (this.#left) return 'left'\n    if (this.#cut) return 'cut'\n    if (this.#lanes",
    replace: "    if (this.#cut) return 'cut'\n    if (this.#left) return 'left'\n    if (this.#lanes",
  },
]
