import type { Mutant } from './mutant.js'

const sender = 'src/pool/pool-sender.ts'
const arrivals = 'src/pool/pool-arrivals.ts'
const peerPools = 'src/pool/peer-pools.ts'
const traffic = 'src/pool/pool-traffic.ts'
const managePools = 'src/pool/manage-pools.ts'

const ofDepartures = ['test/pool/departure.test.ts']
const ofPassingOn = ['test/pool/passing-on.test.ts']
const ofRestarts = ['test/pool/rolling-restarts.test.ts']
const ofPublishing = ['test/pool/publishing.test.ts']

/** What is sent to pools, and passed on by them. */
export const poolSending: readonly Mutant[] = [
  {
    name: 'credit is kept until a message was passed on',
    file: arrivals,
    find: 'new SettledLater(this.#track(this.#pass(published, owned, context, bytes)))',
    replace: 'this.#track(this.#pass(published, owned, context, bytes))',
    tests: [...ofPassingOn, ...ofDepartures],
  },
  {
    name: 'the credit of what is settled later is kept until then',
    file: 'src/manager/registry.ts',
    find: '        void this.#settle(name, context, acceptor, result.outcome)\n        return undefined',
    replace: '        return this.#settle(name, context, acceptor, result.outcome)',
    tests: [...ofPassingOn, ...ofDepartures],
  },
  {
    name: 'any number of messages may be on their way to the owners of their keys',
    file: arrivals,
    find: 'this.#passing === passingMax ||',
    replace: 'this.#passing < 0 ||',
    tests: ofPassingOn,
  },
  {
    name: 'messages of any size may be on their way to the owners of their keys',
    file: arrivals,
    find: 'this.#passingBytes + bytes > passingBytesMax',
    replace: 'bytes > passingBytesMax',
    tests: ofPassingOn,
  },
  {
    name: 'what arrived counts as on its way for ever',
    file: arrivals,
    find: '      this.#passing--\n',
    replace: '',
    tests: ofPassingOn,
  },
  {
    name: 'a message that meets a full queue on its way to the owner is refused',
    file: arrivals,
    find: '        if (isStuck(error)) return false\n',
    replace: '',
    tests: ofPassingOn,
  },
  {
    name: 'a message that is passed on and not sent is given up',
    file: arrivals,
    find: 'if (!goesOn(error, options)) throw error',
    replace: 'throw error',
    tests: ofPassingOn,
  },
  {
    name: 'a message that is passed on is handled twice though its sender would rather know',
    file: arrivals,
    find: '...(onDown !== undefined && { onDown })',
    replace: '',
    tests: ofPassingOn,
  },
  {
    name: 'a message that is passed on has no deadline any more',
    file: arrivals,
    find: '      ...(deadline !== undefined && { deadline }),\n',
    replace: '',
    tests: ofPassingOn,
  },
  {
    name: 'handlers are told of lives that nobody knows',
    file: arrivals,
    find: 'known === undefined || incarnation > known',
    replace: 'known === undefined',
    tests: ofPassingOn,
  },
  {
    name: 'subscribers are not waited for',
    file: arrivals,
    find: 'if (told.some(isPromiseLike)) await',
    replace: 'if (told.some(isPromiseLike)) void',
    tests: ofPublishing,
  },
  {
    name: 'a message that no subscriber heard is acknowledged',
    file: arrivals,
    find: 'else if (told.length === 0 && published.ack !== undefined)',
    replace: 'else if (told.length < 0 && published.ack !== undefined)',
    tests: ofPublishing,
  },
  {
    name: 'acknowledged messages that were handled count as at work for ever',
    file: arrivals,
    find: '.finally(() => void this.#unhandled--)',
    replace: '.finally(() => {})',
    tests: ofPublishing,
  },
  {
    name: 'what became of a message is known though the node that it was passed on to went away',
    file: sender,
    find: 'if (isLost || error instanceof StoppedError)',
    replace: 'if (isLost && error instanceof StoppedError)',
    tests: ofPassingOn,
  },
  {
    name: 'each node that is tried has the whole timeout',
    file: sender,
    find: 'return { ...rest, deadline: Math.min(',
    replace: 'if (timeout >= 0) return options\n    return { ...rest, deadline: Math.min(',
    tests: ofPublishing,
  },
  {
    name: 'a message that somebody may have handled was not sent',
    file: sender,
    find: 'if (inDoubt !== undefined) throw inDoubt\n    counts.empty++',
    replace: 'counts.empty++',
    tests: ofPublishing,
  },
  {
    name: 'a message that somebody may have handled was not sent where the next has a full queue',
    file: sender,
    find: 'if (inDoubt !== undefined) throw inDoubt\n          counts.overloaded++',
    replace: 'counts.overloaded++',
    tests: ofPublishing,
  },
  {
    name: 'a message goes on though its signal has aborted',
    file: sender,
    find: 'if (options.signal?.aborted === true) return false',
    replace: 'if (options.signal?.aborted === undefined && false) return false',
    tests: ofPublishing,
  },
  {
    name: 'the long words of a handler are not told at all',
    file: sender,
    find: 'message: message.slice(0, refusalMax / 2)',
    replace: 'message',
    tests: ofPublishing,
  },
  {
    name: 'a refusal that is too long is told in part, which nobody can read',
    file: sender,
    find: 'refusal.message.length <= refusalMax ?',
    replace: 'refusal.message.length > 0 ?',
    tests: ofPublishing,
  },
  {
    name: 'subscribers at a node without pools were told',
    file: sender,
    find: 'if (subscribersOnly === true) throw new NoSuchServerError(node, server)',
    replace: 'if (subscribersOnly === true) return',
    tests: ofPublishing,
  },
  {
    name: "the library's own servers take what is published",
    file: 'src/pool/pool-messages.ts',
    find: ' && !isReserved(server)',
    replace: '',
    tests: [...ofPassingOn, ...ofPublishing],
  },
  {
    name: 'a broadcast tells of the pools of whom it says it is from',
    file: 'src/manager/broadcaster.ts',
    find: 'if (isReserved(server)) return',
    replace: "if (isReserved(server) && server === '') return",
    tests: ofPassingOn,
  },
  {
    name: 'a message that cannot be read is acknowledged',
    file: managePools,
    find: ': new SettledLater(Promise.reject(unreadable()))',
    replace: ': undefined',
    tests: ofPassingOn,
  },
  {
    name: 'subscriptions outlive the pools',
    file: managePools,
    find: '    this.#arrivals.close()\n',
    replace: '',
    tests: ofPublishing,
  },
  {
    name: 'who departs does not wait for messages of causal labels',
    file: traffic,
    find: 'if (causalLabel !== undefined) {',
    replace: "if (causalLabel === '') {",
    tests: ofDepartures,
  },
  {
    name: 'who departs does not wait for what it sent to itself to be acknowledged',
    file: traffic,
    find: 'return this.#of(node).sends.track(sending)',
    replace: 'return node === this.#manager.name ? sending : this.#of(node).sends.track(sending)',
    tests: ofDepartures,
  },
  {
    name: 'departures wait behind messages of users',
    file: peerPools,
    find: 'poolServer, state, { channel: membershipChannel, ack }',
    replace: 'poolServer, state, { ack }',
    tests: ofDepartures,
  },
  {
    name: 'a round robin gives a message to a node that was tried',
    file: 'src/pool/managed-pool.ts',
    find: 'if (name === undefined || !tried.has(name)) return name',
    replace: 'if (name === undefined || tried.size >= 0) return name',
    tests: ofPublishing,
  },
  {
    name: 'a flush that meets a full queue is given up',
    file: traffic,
    find: 'if (!(error instanceof OverflowError)) return',
    replace: 'if (error !== undefined) return',
    tests: ofDepartures,
  },
  {
    name: 'a state that cannot be read is refused, and told again and again',
    file: managePools,
    find: "isRecord(message) && message.type === 'state' ? undefined :",
    replace: "isRecord(message) && message.type === '' ? undefined :",
    tests: ofPassingOn,
  },
  {
    name: 'who departs does not ask nodes that come up meanwhile',
    file: managePools,
    find: 'asked !== this.#ups && isLeaving()',
    replace: 'asked < 0 && isLeaving()',
    tests: [...ofDepartures, ...ofRestarts],
  },
  {
    name: 'who departs does not wait for what it sends to itself',
    file: managePools,
    find: '      await this.#sender.traffic.flush(this.#manager.name)\n',
    replace: '',
    tests: [...ofDepartures, ...ofRestarts],
  },
]
