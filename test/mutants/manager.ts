import type { Mutant } from './mutant.js'

const joiner = 'src/manager/joiner.ts'
const port = 'src/manager/overlay-port.ts'
const overlay = 'src/manager/overlay.ts'
const node = 'src/manager/node.ts'
const events = 'src/manager/link-events.ts'
const service = 'src/manager/peer-service.ts'
const watchers = 'src/manager/watchers.ts'

/** Joining, seeds, the overlay's shell, the node that composes all of it. */
export const managers: readonly Mutant[] = [
  {
    name: 'a seed that was lost is not looked after',
    file: service,
    find: '(directLanes === 0 || !this.members().includes(name))',
    replace: '!this.members().includes(name)',
  },
  {
    name: 'a seed that is no member any more is not joined again',
    file: service,
    find: '(directLanes === 0 || !this.members().includes(name))',
    replace: 'directLanes === 0',
  },
  {
    name: 'a seed is joined once and never looked after',
    file: joiner,
    find: '          if (link === undefined) return\n          backoff.reset()\n',
    replace: '          return\n',
  },
  {
    name: 'a seed that is this node itself is asked for ever',
    file: joiner,
    find: '          if (link === undefined) return\n          backoff.reset()\n',
    replace: '          backoff.reset()\n',
  },
  {
    name: 'a seed that refuses is given up',
    file: joiner,
    find: 'if (error instanceof InvalidOptionError) return\n        // A seed',
    replace: 'return\n        // A seed',
  },
  {
    name: 'an answer to an earlier join counts for this one',
    file: joiner,
    find: '(this.#answers.get(name) ?? 0) > before',
    replace: '(this.#answers.get(name) ?? 0) >= before',
  },
  {
    name: 'a join that was not answered is not asked again',
    file: joiner,
    find: '> before, signal, answerTimeout)',
    replace: '> before, signal)',
  },
  {
    name: 'a join that must fail is tried for ever',
    file: joiner,
    find: '        if (this.#isFinal(error)) throw error\n',
    replace: '',
  },
  {
    name: 'a join is tried again without a pause',
    file: joiner,
    find: '      await this.#pause(delay, signal)\n',
    replace: '',
  },
  {
    name: 'what was waited for leaves its listener behind',
    file: joiner,
    find: "        signal.removeEventListener('abort', aborted)\n",
    replace: '',
  },
  {
    name: 'a join that is over leaves a listener on the signal of the caller',
    file: 'src/manager/stopping.ts',
    find: '      if (shared.users === 0) shared.release()\n',
    replace: '',
  },
  {
    name: 'the first of several joins that is over makes the others deaf to the signal that they share',
    file: 'src/manager/stopping.ts',
    find: '      if (shared.users === 0) shared.release()\n',
    replace: '      shared.release()\n',
  },
  {
    name: 'what was waited for leaves its timer behind',
    file: joiner,
    find: '        cancel?.()\n        signal.remove',
    replace: '        signal.remove',
  },
  {
    name: 'a join does not end with the signal of the caller',
    file: joiner,
    find: "      signal.addEventListener('abort', aborted)\n",
    replace: '',
  },
  {
    name: 'a node that has stopped cannot join in its next life',
    file: joiner,
    find: '    this.#stopping.abort(why)\n    this.#stopping = new Stopping()\n',
    replace: '    this.#stopping.abort(why)\n',
  },
  {
    name: 'a node that stops leaves its joins waiting',
    file: joiner,
    find: '    this.#stopping.abort(why)\n',
    replace: '',
  },
  {
    name: 'a join of a peer that leaves meanwhile never ends',
    file: joiner,
    find: "link.state.phase === 'left' || links.get(link.name) !== link",
    replace: 'false',
  },
  {
    name: 'a join takes a link that has no open lane for a connection',
    file: joiner,
    find: 'if (known !== undefined && known.directLanes > 0 && known.spec',
    replace: 'if (known !== undefined && known.spec',
  },
  {
    name: 'a link that the user asked for is not kept',
    file: joiner,
    find: '      link.pinned = true\n',
    replace: '',
  },
  {
    name: 'a node that is stale to its peer keeps on joining it',
    file: joiner,
    find: "return error.by === 'us' || this.#context.superseded()",
    replace: 'return false',
  },
  {
    name: 'a node joins another that goes by its own name, for ever',
    file: joiner,
    find: 'if (error instanceof WrongNodeError && error.found === this.#context.self().name) return true\n',
    replace: '',
  },
  {
    name: 'the word of the overlay passes through a cut',
    file: port,
    find: "    if (link.state.phase === 'cut') {\n      reporter.counters.add('faulted')\n      return true\n    }\n",
    replace: '',
  },
  {
    name: 'the overlay speaks through a cut',
    file: port,
    find: 'if (link === undefined || !link.state.direct) return\n    if (!interpositions',
    replace: 'if (link === undefined) return\n    if (!interpositions',
  },
  {
    name: 'a node that is superseded goes on dialling whom it hears of',
    file: port,
    find: 'if (peer.name === settings.name || observer.isSuperseded()) return',
    replace: 'if (peer.name === settings.name) return',
    survives:
      'who knows of the later start closes its connection, and hears of it from this node: nobody is left to tell',
  },
  {
    name: 'a peer can make a node dial any number of members that it made up',
    file: port,
    find: 'if (!hub.links.has(peer.name) && hub.links.size >= settings.limits.peers) {',
    replace: 'if (hub.links.size < 0) {',
  },
  {
    name: 'a member that is met behind a cut is up',
    file: events,
    find: "    if (this.#node.faults.cutsOff(link.spec)) link.tell({ type: 'cut', cut: true })\n",
    replace: '',
  },
  {
    name: 'a member that was removed stays connected where the user had asked for the connection',
    file: port,
    find: '    link.pinned = false\n',
    replace: '',
  },
  {
    name: 'a member that left is taken for one that is not wanted',
    file: port,
    find: "link.tell(reason === 'left' ? { type: 'left' } : { type: 'wanted', wanted: false })",
    replace: "link.tell({ type: 'wanted', wanted: false })",
  },
  {
    name: 'of two who asked for the same leave only the later is told',
    file: port,
    find: '[...(this.#told.get(node) ?? []), { resolve, reject }]',
    replace: '[{ resolve, reject }]',
  },
  {
    name: 'a node that stops leaves those waiting who asked for a leave',
    file: port,
    find: '    for (const { resolve } of [...this.#told.values()].flat()) resolve()\n',
    replace: '',
  },
  {
    name: 'an input that an effect causes is taken before the other effects',
    file: overlay,
    find: '    if (this.#stepping) return\n',
    replace: '',
  },
  {
    name: 'a timer that is armed again fires twice',
    file: overlay,
    find: '    this.#timers.get(timer)?.()\n',
    replace: '',
  },
  {
    name: 'the timers of a life outlive it',
    file: overlay,
    find: '    for (const cancel of this.#timers.values()) cancel()\n',
    replace: '',
  },
  {
    name: 'a new life keeps the links of the last',
    file: node,
    find: "    this.hub.clear('a new life of this node begins')\n",
    replace: '',
  },
  {
    name: 'a node whose clock was set back starts with an earlier incarnation than its last',
    file: node,
    find: 'now > last ? now : incarnationAfter(last, random)',
    replace: 'now',
  },
  {
    name: 'who was at this node once counts as met in its next life',
    file: node,
    find: '    this.#greeted = false\n',
    replace: '',
  },
  {
    name: 'a node that is superseded says so again and again',
    file: node,
    find: '    if (this.#superseded) return\n',
    replace: '',
  },
  {
    name: 'a node that is superseded goes on dialling',
    file: node,
    find: "      link.pinned = false\n      link.tell({ type: 'wanted', wanted: false })\n",
    replace: '',
  },
  {
    name: 'a node that somebody has met takes a later incarnation all the same',
    file: node,
    find: '    if (this.#greeted) return this.superseded(known)\n',
    replace: '',
  },
  {
    name: 'a refusal that names an earlier start than this one is obeyed',
    file: node,
    find: '    if (known < this.spec.incarnation) return\n',
    replace: '',
  },
  {
    name: 'a node that took a later incarnation goes on with the handshakes of the one before',
    file: node,
    find: '    this.hub.renew()\n',
    replace: '',
  },
  {
    name: 'anybody can push the incarnation of a new node to the last there is',
    file: node,
    find: 'if (!this.#greeted && known <= heardIncarnationMax) this.refusedAsStale(known)',
    replace: 'if (!this.#greeted) this.refusedAsStale(known)',
  },
  {
    name: 'a node that was removed says so again and again',
    file: node,
    find: '    if (this.#departed) return\n    this.#departed = true\n    this.overlay.step',
    replace: '    this.#departed = true\n    this.overlay.step',
  },
  {
    name: 'a node that was removed keeps its seeds and its links',
    file: node,
    find: "    this.#alone(new RemovedError('the cluster', 'peer'))\n",
    replace: '',
  },
  {
    name: 'a node that stops leaves what is queued unsettled',
    file: node,
    find: '      fail([...link.takeQueued(), ...this.acknowledgements.takeAll(link)], error)\n',
    replace: '      for (const _ of [...link.takeQueued(), ...this.acknowledgements.takeAll(link)]) {}\n',
  },
  {
    name: 'a node looks after its links once in its life',
    file: node,
    find: '      this.seeker.tick()\n      this.#pulse()\n',
    replace: '      this.seeker.tick()\n',
  },
  {
    name: 'a peer that comes back does not help others to be tried',
    file: events,
    find: '    this.#node.hub.encourage()\n',
    replace: '',
  },
  {
    name: 'who missed a cut or a resolution is not told at the next connection',
    file: events,
    find: "      this.#node.faults.step({ type: 'connected', peer: link.spec })\n",
    replace: '',
  },
  {
    name: 'requests wait on for an answer over a lane that was lost',
    file: events,
    find: '    this.#node.requester.laneClosed(lane)\n',
    replace: '',
  },
  {
    name: 'a slot is kept for a tag that a peer has taken',
    file: events,
    find: '.filter(tag => !taken.has(tag))',
    replace: '',
  },
  {
    name: 'a watcher of one channel is told of the whole peer',
    file: watchers,
    find: 'watch.edge !== edge || watch.channel !== channel ||',
    replace: 'watch.edge !== edge ||',
  },
  {
    name: 'a watcher that another one disposes of is told all the same',
    file: watchers,
    find: 'if (this.#watches.has(watch)) this.call',
    replace: 'this.call',
  },
  {
    name: 'a watcher that is added by another is told of what was before',
    file: watchers,
    find: 'of [...this.#watches]) {',
    replace: 'of this.#watches) {',
  },
  {
    name: 'a join of a later life takes the connections with the life before',
    file: joiner,
    find: ' && known.spec.incarnation === (peer as NodeSpec).incarnation',
    replace: '',
  },
  {
    name: 'a request that a cut dropped is not answered',
    file: 'src/manager/arrivals.ts',
    find: '      if (extra?.request !== undefined) this.#sendCut(lane, extra.request)\n',
    replace: '',
  },
  {
    name: 'lives that count on from the same known one are the same',
    file: 'src/core/node.ts',
    find: 'known + 1 + Math.floor(random.next() * aSecond)',
    replace: 'known + 1',
  },
  {
    name: 'what the overlay says goes over its own lane or not at all',
    file: port,
    find: 'const lanes = [link.control, ...link.lanes()].filter',
    replace: 'const lanes = [link.control].filter',
  },
]
