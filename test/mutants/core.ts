import type { Mutant } from './mutant.js'

const requests = 'src/delivery/requests.ts'
const channel = 'src/core/channel.ts'
const node = 'src/core/node.ts'
const random = 'src/core/random.ts'
const size = 'src/core/size.ts'

/** The words that everybody shares, and the bookkeeping of requests. */
export const core: readonly Mutant[] = [
  {
    name: 'a stall of the own process is patience that was had',
    file: 'src/core/patience.ts',
    find: 'const looks = 8',
    replace: 'const looks = 1',
  },
  {
    name: 'patience that was called off ends all the same',
    file: 'src/core/patience.ts',
    find: '  return () => cancel()',
    replace: '  return cancel',
  },
  {
    name: 'a queue that was emptied loses what comes next',
    file: 'src/core/fifo.ts',
    find: '    this.#items = []\n    this.#front = 0\n',
    replace: '    this.#items = []\n',
  },
  {
    name: 'the number of a request that ended is given again',
    file: requests,
    find: '    this.#lastId++\n',
    replace: '    this.#lastId = this.#pending.size + 1\n',
  },
  {
    name: 'requests that ended count for their node',
    file: requests,
    find: '    if (left > 0) this.#perNode.set(request.node, left)\n    else this.#perNode.delete(request.node)\n',
    replace: '    if (left > 0) this.#perNode.set(request.node, left)\n',
  },
  {
    name: 'a request that ended can end again',
    file: requests,
    find: '    this.#pending.delete(id)\n',
    replace: '',
  },
  {
    name: 'a request that the failure of another has ended fails once more',
    file: requests,
    find: 'if (concerned(request) && this.close(id) !== undefined) request.lost()',
    replace: 'if (concerned(request)) {\n        this.close(id)\n        request.lost()\n      }',
  },
  {
    name: 'requests that are opened while others fail, fail too',
    file: requests,
    find: 'of [...this.#pending]) {',
    replace: 'of this.#pending) {',
  },
  {
    name: 'two nodes use the greater of their numbers of lanes',
    file: channel,
    find: 'parallelism: Math.min(our.parallelism, their.parallelism)',
    replace: 'parallelism: Math.max(our.parallelism, their.parallelism)',
  },
  {
    name: 'two nodes compress where one of them asks for it',
    file: channel,
    find: 'compression: our.compression && their.compression',
    replace: 'compression: our.compression || their.compression',
  },
  {
    name: 'a peer may ask for any number of lanes',
    file: channel,
    find: '(value as number) >= 1 && (value as number) <= parallelismMax',
    replace: '(value as number) >= 1',
  },
  {
    name: 'a later version is newer than a later incarnation',
    file: node,
    find: 'return a.incarnation - b.incarnation || a.version - b.version',
    replace: 'return a.version - b.version || a.incarnation - b.incarnation',
  },
  {
    name: 'two starts in one millisecond have the same incarnation',
    file: node,
    find: 'wall.getTime() * tieBreaks + Math.floor(random.next() * tieBreaks)',
    replace: 'wall.getTime() * tieBreaks',
  },
  {
    name: 'a peer may claim the last incarnation there is',
    file: node,
    find: 'value >= 0 && value < incarnationMax',
    replace: 'value >= 0 && value <= incarnationMax',
  },
  {
    name: 'a peer may have any number of addresses',
    file: node,
    find: '!Array.isArray(addresses) || addresses.length > addressesMax',
    replace: '!Array.isArray(addresses)',
  },
  {
    name: 'a peer may tell any amount of itself',
    file: node,
    find: '  if (approximateBytes(value) > specApproximateBytesMax) return undefined\n',
    replace: '',
  },
  {
    name: 'a sample never holds the last item',
    file: random,
    find: 'index + Math.floor(random.next() * (pool.length - index))',
    replace: 'index + Math.floor(random.next() * (pool.length - index - 1))',
  },
  {
    name: 'a fork draws what its parent draws',
    file: random,
    find: 'return new SeededRandom(Math.floor(this.next() * 4_294_967_296))',
    replace: 'return new SeededRandom(this.#counter)',
  },
  {
    name: 'a key of characters beyond ASCII has another stream than the protocol says',
    file: 'src/core/fnv.ts',
    find: 'if (unit < 0x80) {',
    replace: 'if (unit < 0x800) {',
  },
  {
    name: 'the size of a value counts only what was looked at',
    file: size,
    find: 'return bytes + open.length * Math.ceil(bytes / looked)',
    replace: 'return bytes',
  },
  {
    name: 'each who listens to a signal has a listener of its own',
    file: 'src/core/abort.ts',
    find: 'const all = listeners.get(signal) ?? listenTo(signal)',
    replace: 'const all = listenTo(signal)',
  },
  {
    name: 'a signal keeps its listener when nobody waits any more',
    file: 'src/core/abort.ts',
    find: 'if (all.delete(aborted) && all.size === 0) release(signal)',
    replace: 'all.delete(aborted)',
  },
  {
    name: 'work goes on when its signal aborts',
    file: 'src/core/abort.ts',
    find: '      release()\n      reject(abortReason(signal))\n',
    replace: '      release()\n',
  },
]
