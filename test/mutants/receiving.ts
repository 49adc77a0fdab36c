import type { Mutant } from './mutant.js'

const inbound = 'src/link/inbound.ts'
const gathering = 'src/link/gathering.ts'

/** What a lane takes: frames, numbers, credit, chunks. */
export const receiving: readonly Mutant[] = [
  {
    name: 'a handler that moves its bytes takes those of other messages with it',
    file: 'src/codec/value-views.ts',
    find: '  markAsUntransferable(buffer)\n',
    replace: '',
    tests: ['test/codec/value-views.test.ts', 'test/link/inbound.test.ts', 'test/conformance/managers.test.ts'],
  },
  {
    name: 'what is lost with a batch that a handler took away is lost in silence',
    file: inbound,
    find: '      if (batch.length < size) return this.#handler.emptied()\n',
    replace: '      if (batch.length < size) return\n',
  },
  {
    name: 'a lane that lost what came on it goes on without',
    file: 'src/link/lane.ts',
    find: "    this.close('disconnected', 'a handler took away what came with its message')\n",
    replace: '',
  },
  {
    name: 'a peer may use a byte more than its credit, for ever',
    file: inbound,
    find: 'this.#taken - this.#released >= this.#settings.windowBytes',
    replace: 'this.#taken - this.#released > this.#settings.windowBytes',
  },
  {
    name: 'what a peer sends costs it no credit',
    file: inbound,
    find: '    this.#taken += cost\n',
    replace: '',
  },
  {
    name: 'a message with the number of the last one is handled again',
    file: inbound,
    find: 'if (sequence <= last && extra',
    replace: 'if (sequence < last && extra',
  },
  {
    name: 'the credit of a message that was dropped as seen is lost',
    file: inbound,
    find: '      this.#handler.duplicate()\n      return this.#release(cost)\n',
    replace: '      return this.#handler.duplicate()\n',
  },
  {
    name: 'a peer may send a stream on a lane that is not its own',
    file: inbound,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: '    if (stream % this.#settings.lanes !== this.#lane) throw new MalformedError(`stream ${stream} on lane ${this.#lane}`)\n',
    replace: '',
  },
  {
    name: 'the credit of a message whose handler failed is lost',
    file: inbound,
    find: 'handled.then(release, release)',
    replace: 'handled.then(release, () => {})',
  },
  {
    name: 'a peer may number any number of names',
    file: inbound,
    find: 'if (given > internedNamesMax) throw',
    replace: 'if (given < 0) throw',
  },
  {
    name: 'a peer may send any frame before it is ready',
    file: inbound,
    find: 'if (!this.#ready && kind !== FrameKind.ready && kind !== FrameKind.close) {',
    replace: 'if (kind < 0) {',
  },
  {
    name: 'chunks that were given up are part of the next message',
    file: gathering,
    find: 'this.#spare = this.#bytes\n    this.#bytes = undefined\n',
    replace: 'this.#spare = this.#bytes\n',
  },
  {
    name: 'the bytes of chunks that were given up count for the next message',
    file: gathering,
    find: '    this.#filled = 0\n  }\n\n  /** What came',
    replace: '  }\n\n  /** What came',
  },
  {
    name: 'a peer may send chunks without end',
    file: gathering,
    find: 'if (total > this.#most) throw',
    replace: 'if (total < 0) throw',
  },
  {
    name: 'more may come than was announced',
    file: gathering,
    find: 'if (filled > this.#total) throw',
    replace: 'if (filled < 0) throw',
  },
  {
    name: 'what a peer announces is set aside at once',
    file: gathering,
    find: 'Math.min(total, firstBytes)',
    replace: 'total',
  },
  {
    name: 'chunks may hold frames that are never sent in chunks, chunks too',
    file: inbound,
    find: 'if (!chunked.has(kind)) throw',
    replace: 'if (kind < 0) throw',
  },
  {
    name: 'who sends in chunks is not told that there is room for more',
    file: inbound,
    find: '    if (this.#chunked - this.#chunkedAnnounced >= this.#settings.windowBytes / 4) this.announce()\n',
    replace: '',
  },
  {
    name: 'credit is announced only when all of it has come back',
    file: inbound,
    find: 'if (this.#released - this.#announced >= this.#settings.windowBytes / 4) this.announce()',
    replace: 'if (this.#released - this.#announced > this.#settings.windowBytes) this.announce()',
  },
  {
    name: 'what follows the frame that broke a rule is read',
    file: inbound,
    find: 'while (at < size && !this.#closed) {',
    replace: 'while (at < size) {',
  },
]
