import type { Mutant } from './mutant.js'

const hub = 'src/link/hub.ts'
const link = 'src/link/link.ts'
const ways = 'src/link/ways.ts'

/** Why the checks before a connection is attached cannot be seen to work. */
const judgedBefore =
  'admission has judged the same in the same turn, and nothing runs in between: this is a second lock'

/** The links of a node: dialling, generations, greetings, lives of a peer. */
export const hubs: readonly Mutant[] = [
  {
    name: 'a connection of another incarnation than the known one is given its lane',
    file: hub,
    find: 'if (link.spec.incarnation !== peer.incarnation || slot.generation <= lane.generation) return undefined',
    replace: 'if (slot.generation <= lane.generation) return undefined',
    survives: judgedBefore,
  },
  {
    name: 'a connection whose lane was given to a later one meanwhile takes its place',
    file: hub,
    find: 'if (link.spec.incarnation !== peer.incarnation || slot.generation <= lane.generation) return undefined',
    replace: 'if (link.spec.incarnation !== peer.incarnation) return undefined',
    survives: judgedBefore,
  },
  {
    name: 'a node that stops accepts those whose handshakes are under way',
    file: hub,
    find: "    if (this.#stopped) return { code: CloseCode.stopping, text: 'this node is stopping' }\n",
    replace: '',
    survives: 'a stopped node has given up its handshakes and its listener, and dials nobody: this is a second lock',
  },
  {
    name: 'a node that stops goes on with its handshakes',
    file: hub,
    find: '    this.#stopped = true\n    this.#abandon()\n',
    replace: '    this.#stopped = true\n',
  },
  {
    name: 'a node that leaves does not tell its links, which go on dialling',
    file: hub,
    find: "      link.tell({ type: 'left' })\n",
    replace: '',
  },
  {
    name: 'a node that leaves keeps its connections',
    file: hub,
    find: "      link.close('disconnected', text)\n",
    replace: '',
  },
  {
    name: 'a greeting tries the first address only',
    file: hub,
    find: '        if (signal.aborted) break\n',
    replace: '        break\n',
  },
  {
    name: 'strangers that are gone are remembered for ever',
    file: hub,
    find: "if (idle && !link.pinned && (phase === 'unknown' || phase === 'left')) this.#links.delete(link.name)",
    replace: '',
  },
  {
    name: 'a link that the user asked for is forgotten when its connections are gone',
    file: hub,
    find: 'if (idle && !link.pinned && ',
    replace: 'if (idle && ',
  },
  {
    name: 'who is waited for is tried no sooner when the network is found to work',
    file: hub,
    find: '      this.#want(lane, lane.backoff.failed(this.#options.settings.clock.now()))\n    }\n  }',
    replace: '    }\n  }',
  },
  {
    name: 'both nodes dial at once: the greater name does not leave it to the smaller',
    file: hub,
    find: 'this.#want(lane, leave ? dialGrace : 0)',
    replace: 'this.#want(lane, 0)',
  },
  {
    name: 'a connection that lasted is dialled again as late as one that did not',
    file: hub,
    find: '    if (clock.now() - lane.openedAt >= steadyMillis) lane.backoff.reset()\n',
    replace: '',
  },
  {
    name: 'a connection that never lasts is dialled again at once, for ever',
    file: hub,
    find: 'if (clock.now() - lane.openedAt >= steadyMillis) lane.backoff.reset()',
    replace: 'lane.backoff.reset()',
  },
  {
    name: 'a lane that is waited for is dialled by as many timers as asked for it',
    file: hub,
    find: 'if (!this.#mayDial(lane) || lane.retry !== undefined) return\n    if (after === 0',
    replace: 'if (!this.#mayDial(lane)) return\n    if (after === 0',
  },
  {
    name: 'any number of dials is under way at a time',
    file: hub,
    find: 'if (after === 0 && this.#attempts.size < dialsMax)',
    replace: 'if (after === 0)',
  },
  {
    name: 'a lane of an ended incarnation is dialled',
    file: ways,
    find: 'if (lane.retired || lane.attempt',
    replace: 'if (lane.attempt',
    survives: 'such a lane has lost its attempt and its timer, and nobody is told of its end: this is a second lock',
  },
  {
    name: 'a node that has stopped goes on dialling',
    file: hub,
    find: 'return !this.#stopped && this.#links',
    replace: 'return this.#links',
  },
  {
    name: 'all lanes of a peer that is away are dialled',
    file: ways,
    find: '(directLanes > 0 || isControl)',
    replace: '(directLanes >= 0 || isControl)',
  },
  {
    name: 'only the first address of a peer is ever dialled',
    file: hub,
    find: '    lane.dials++\n',
    replace: '',
  },
  {
    name: 'a dialler that meets an earlier life of its peer goes on',
    file: hub,
    find: '        if (peer.incarnation < link.spec.incarnation) return staleIncarnation(link.spec.incarnation)\n',
    replace: '',
  },
  {
    name: 'a dialler asks for the generation that it had',
    file: hub,
    find: 'attempt.generation = newer ? 1 : lane.generation + 1',
    replace: 'attempt.generation = newer ? 1 : lane.generation',
  },
  {
    name: 'an attempt that failed stays the attempt of its lane',
    file: hub,
    find: '    if (lane.attempt === attempt) lane.attempt = undefined\n    if (refusal !== undefined) this.#refused',
    replace: '    if (refusal !== undefined) this.#refused',
  },
  {
    name: 'a lane does not learn the generation that its peer knows',
    file: hub,
    find: '    if (refusal?.code === CloseCode.staleGeneration) lane.generation = Math.max(lane.generation, refusal.known ?? 0)\n',
    replace: '',
  },
  {
    name: 'a greeting that failed keeps its lane from being dialled',
    file: hub,
    find: '        claimed.attempt = undefined\n        this.laneClosed(claimed)\n',
    replace: '        this.laneClosed(claimed)\n',
  },
  {
    name: 'a greeting of somebody who remembers an earlier connection is not repeated',
    file: hub,
    find: 'claimed === undefined && known === 0 && refusal.known) {',
    replace: 'claimed === undefined && known === 0 && refusal.known === 0) {',
  },
  {
    name: 'a greeting does not end with its signal',
    file: hub,
    find: 'onAbort(signal, () => attempt.cancel())',
    replace: 'onAbort(signal, () => {})',
  },
  {
    name: 'an acceptor does not look whose name the certificate bears',
    file: hub,
    find: '      mutualTls && !names.includes(peer.name)\n',
    replace: '      mutualTls && names.includes(undefined as never)\n',
    tests: ['test/cluster/security.test.ts'],
  },
  {
    name: 'a later start of the own name, seen in a handshake, is not noticed',
    file: hub,
    find: '    if (peer.name === self.name && peer.incarnation > self.incarnation) handler.superseded(peer.incarnation)\n',
    replace: '',
  },
  {
    name: 'slots that were reserved are given to whoever comes',
    file: hub,
    find: 'settings.limits.peers - handler.reservedFor(peer) - this.connected',
    replace: 'settings.limits.peers - this.connected',
  },
  {
    name: 'without secrets a node obeys whoever dials it and says that it is stale',
    file: hub,
    find: "if (refusal.by === 'us' || identity().secrets.length > 0) return this.#refused(peer, refusal)",
    replace: 'return this.#refused(peer, refusal)',
  },
  {
    name: 'what is refused here is taken for a refusal of this node',
    file: hub,
    find: "if (refusal.by === 'peer' && refusal.code === CloseCode.staleIncarnation && refusal.known !== undefined)",
    replace: 'if (refusal.code === CloseCode.staleIncarnation && refusal.known !== undefined)',
  },
  {
    name: 'a changed spec is taken for a new life',
    file: link,
    find: 'const restarted = spec.incarnation !== this.#spec.incarnation',
    replace: 'const restarted = true',
  },
  {
    name: 'an older spec takes the place of a newer one',
    file: link,
    find: '    if (compareSpecs(spec, this.#spec) <= 0) return\n',
    replace: '    if (spec === this.#spec) return\n',
  },
  {
    name: 'replaced specs are remembered without a bound',
    file: link,
    find: '    if (this.#stale.length > staleSpecsMax) this.#stale.shift()\n',
    replace: '',
  },
  {
    name: 'what waits is sent through a cut',
    file: link,
    find: '    if (isCut !== wasCut) for (const lane of this.lanes()) lane.outbound.hold(isCut)\n',
    replace: '',
  },
  {
    name: 'a lane that alone falls silent is never given up',
    file: link,
    find: "      if (now - lane.heardAt >= idleLaneFactor * (interval + timeout))\n        lane.close('silence', 'nothing arrives on this lane')\n",
    replace: '',
  },
  {
    name: 'a lane that alone is idle is never asked for a sign of life',
    file: link,
    find: '      if (now - lane.heardAt >= idleLaneFactor * interval) lane.ping()\n',
    replace: '',
  },
  {
    name: 'the time that this process stalled counts as silence of its lanes',
    file: link,
    find: '      lane.heardAt = Math.min(now, lane.heardAt + stalled)\n',
    replace: '',
  },
  {
    name: 'a peer that falls silent is never found out',
    file: link,
    find: '    this.#heartbeat.step(tickInput, now, this.#beats)\n',
    replace: '',
  },
  {
    name: 'a link that is closed is dialled by the timers that were set before',
    file: link,
    find: '      lane.attempt = undefined\n      lane.cancelRetry()\n      lane.close(code, text)',
    replace: '      lane.attempt = undefined\n      lane.close(code, text)',
  },
  {
    name: 'a link that was closed while none of its lanes was open is not dialled again',
    file: link,
    find: '    this.#dialler.laneClosed(this.control)\n',
    replace: '',
  },
  {
    name: 'the time before the first lane opened counts as silence',
    file: link,
    find: '    if (this.#openLanes === 1) this.#heartbeat.step(startInput, this.settings.clock.now(), this.#beats)\n',
    replace: '',
  },
  {
    name: 'only the control lane is ever opened',
    file: link,
    find: '    if (lane === this.control) for (const other of this.lanes()) this.#dialler.wantLane(other)\n',
    replace: '',
  },
  {
    name: 'the connections of an ended life stay',
    file: link,
    find: "    lane.close('replaced', 'a newer incarnation of this node is known')\n",
    replace: '',
  },
  {
    name: 'what waited for a life that was never reached is lost with it',
    file: link,
    find: '      else queue.moveTo(({ stream }) => channel.laneOf(stream).queue)\n',
    replace: '',
  },
  {
    name: 'a request that was told of a cut is carried out after it',
    file: link,
    find: "        if (effect.why === 'cut') this.takeQueued(({ extra }) => extra?.request !== undefined)\n",
    replace: '',
  },
  {
    name: 'what may wait for a peer that is down does not',
    file: link,
    find: "down: ({ patience }) => patience === 'up'",
    replace: 'down: all',
  },
  {
    name: 'what was sent to a life that is over is sent to the next',
    file: link,
    find: ' || sequence > 0',
    replace: '',
  },
  {
    name: 'the channels of a peer that goes down are not told of',
    file: link,
    find: "      case 'down':\n        for (const channel of this.#channels.values()) {\n          if (channel.open > 0) this.handler.channelDown(this, channel.name)\n        }\n",
    replace: "      case 'down':\n",
  },
  {
    name: 'a peer without a control lane is not asked whether it is there',
    file: link,
    find: "    for (const lane of this.lanes()) if (lane.phase === 'open') return lane.ping()\n",
    replace: '',
  },
  {
    name: 'a channel goes down again when its lane is lost behind a cut',
    file: link,
    find: "if (lane.channel.open === 0 && this.state.phase === 'up') this.handler",
    replace: 'if (lane.channel.open === 0) this.handler',
  },
]
