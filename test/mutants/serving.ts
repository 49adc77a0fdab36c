import type { Mutant } from './mutant.js'

const requester = 'src/manager/requester.ts'
const registry = 'src/manager/registry.ts'
const receiver = 'src/manager/receiver.ts'
const local = 'src/manager/local-servers.ts'

/** Requests and servers: who is asked, handles, answers. */
export const serving: readonly Mutant[] = [
  {
    name: 'who else guesses the number of a request may answer it',
    file: requester,
    find: "    if (this.#requests.get(id)?.lane !== lane) return this.#context.counters.add('lateReplies')\n",
    replace: '',
  },
  {
    name: 'one request more waits for a peer than may',
    file: requester,
    find: 'this.#requests.count(name) >= limits.requests',
    replace: 'this.#requests.count(name) > limits.requests',
  },
  {
    name: 'the timer of a request runs on when it was answered',
    file: requester,
    find: '        cancelTimer?.()\n',
    replace: '',
  },
  {
    name: 'a request does not note the lane that it left on',
    file: requester,
    find: '          pending.lane = sender.laneFor(node, server, options)\n',
    replace: '',
  },
  {
    name: 'a request that could not be sent counts as waiting',
    file: requester,
    find: '        end(error as Error)\n      }\n    })',
    replace: '        reject(error as Error)\n      }\n    })',
  },
  {
    name: 'a lost lane ends the requests that left on others',
    file: requester,
    find: 'this.#requests.fail(request => request.lane === lane)',
    replace: 'this.#requests.fail(request => request.node === lane.link.name)',
  },
  {
    name: 'a peer that goes down ends the requests that wait for it to come up',
    file: requester,
    find: "request.node === link.name && (request.lane !== undefined || why === 'cut')",
    replace: 'request.node === link.name',
  },
  {
    name: 'a peer that goes down ends the requests to others',
    file: requester,
    find: "request.node === link.name && (request.lane !== undefined || why === 'cut')",
    replace: "request.lane !== undefined || why === 'cut'",
  },
  {
    name: 'a node that stops leaves its requests waiting',
    file: requester,
    find: '    this.#requests.fail(() => true)\n',
    replace: '',
  },
  {
    name: 'who waits for its turn is served after who comes meanwhile',
    file: registry,
    find: '      if (next === undefined) server.running--\n      else next()\n',
    replace: '      server.running--\n      next?.()\n',
  },
  {
    name: 'the last who waits for its turn is served first',
    file: registry,
    find: 'const next = server.backlog.shift()',
    replace: 'const next = server.backlog.pop()',
  },
  {
    name: 'what a handler rejects with is taken for a refusal of its node',
    file: registry,
    find: 'return isIterator ? thrown : new HandlerError(thrown)',
    replace: 'return thrown',
  },
  {
    name: 'what the handler of a message with ack throws is taken for a refusal of its node',
    file: registry,
    find: '      return this.#notHandled(name, context, acceptor, new HandlerError(thrown))',
    replace: '      return this.#notHandled(name, context, acceptor, thrown)',
  },
  {
    name: 'what a schema throws is taken for a refusal of its node',
    file: registry,
    find: '    throw new HandlerError(thrown)',
    replace: '    throw thrown',
  },
  {
    name: 'misspelt options of a message are ignored',
    file: 'src/manager/message-options.ts',
    find: '  for (const name in options) if (!optionNames.has(name)) throw unknownOption(name)\n',
    replace: '',
    tests: ['test/manager/caller.test.ts'],
  },
  {
    name: 'misspelt options of a watch are ignored',
    file: 'src/manager/peer-service.ts',
    find: `    checkKeys('options', options, ['channel'])\n`,
    replace: '',
    tests: ['test/manager/caller.test.ts'],
  },
  {
    name: 'transitive is named as a way to a stranger where all members know each other',
    file: 'src/manager/seeker.ts',
    find: 'this.#context.isPartial() && ',
    replace: '',
    tests: ['test/manager/relay.test.ts'],
  },
  {
    name: 'what a handler said is told in other words',
    file: 'src/core/errors.ts',
    find: 'this.remoteMessage = remote.message',
    replace: 'this.remoteMessage = this.message',
    tests: ['test/manager/thrown-refusals.test.ts'],
  },
  {
    name: 'messages are handled in the order in which their checks end',
    file: registry,
    find: 'const turn = server.checked.then(() => check)',
    replace: 'const turn = check',
  },
  {
    name: 'disposing of an old registration takes away the new one of its name',
    file: registry,
    find: '        if (this.#servers.get(name) !== server) return\n',
    replace: '',
  },
  {
    name: 'an iterator that ends leaves the requests unanswered that it holds',
    file: receiver,
    find: '      for (const held of this.#held.splice(0)) held.dismissed()\n',
    replace: '',
  },
  {
    name: 'an iterator that ends leaves the requests unanswered that were taken',
    file: receiver,
    find: '      for (const dismissed of this.#unanswered) dismissed()\n',
    replace: '',
  },
  {
    name: 'a message that is taken at once is never reported as taken',
    file: receiver,
    find: '    held.taken()\n    waiting(',
    replace: '    waiting(',
  },
  {
    name: 'what was handled counts against what may wait at this node itself',
    file: local,
    find: 'const release = (): void => {\n      this.#bytes -= cost\n',
    replace: 'const release = (): void => {\n',
  },
  {
    name: 'what an own server has not handled yet does not count',
    file: local,
    find: 'if (isPromiseLike(handled)) handled.then(release, release)\n    else release()',
    replace: 'release()',
  },
  {
    name: 'a node that stops leaves the requests to itself waiting',
    file: local,
    find: "    for (const end of [...this.#asked]) end(error('unknown'))\n",
    replace: '',
  },
  {
    name: 'what a node sent itself and its signal ends in time is handed over all the same',
    file: local,
    find: '        if (!isBound && !this.#asked.has(end)) return this.#release(cost, undefined)\n',
    replace: '',
  },
  {
    name: 'what waited for its turn beyond its deadline is handed over',
    file: registry,
    find: 'if (expires <= this.#clock.now()) {',
    replace: 'if (expires < 0) {',
  },
  {
    name: 'a message to an iterator is acknowledged before it is taken',
    file: registry,
    find: 'if (isIterator) acceptor.held?.()\n',
    replace: 'if (isIterator) acceptor.given()\n',
  },
  {
    name: 'a message that was sent and whose signal aborts is taken for one that was not',
    file: 'src/core/abort.ts',
    find: 'return wasSent ?',
    replace: 'return false ?',
  },
  {
    name: 'a request under way that is cut off is taken for one that was not sent',
    file: requester,
    find: 'new PartitionedError(node, outcome)',
    replace: 'new PartitionedError(node)',
  },
]
