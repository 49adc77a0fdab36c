import type { Mutant } from './mutant.js'

const outbound = 'src/link/outbound.ts'
const batch = 'src/link/batch.ts'
const writer = 'src/link/frame-writer.ts'
const large = 'src/link/large-frame.ts'
const waiting = 'src/link/waiting-frames.ts'

/** What a lane sends: batches, numbers, names, credit, chunks, replies. */
export const sending: readonly Mutant[] = [
  {
    name: 'a message overtakes those that wait',
    file: outbound,
    find: 'this.#isOpen && this.#queue.length === 0 && this.#unhindered',
    replace: 'this.#isOpen && this.#unhindered',
  },
  {
    name: 'an answer overtakes those that wait',
    file: outbound,
    find: 'this.#job === undefined && this.#replies.length === 0',
    replace: 'this.#job === undefined',
  },
  {
    name: 'an answer that cannot be encoded leaves half of itself in the batch',
    file: outbound,
    find: '      writer.reset(start)\n      throw',
    replace: '      throw',
  },
  {
    name: 'an answer that needs chunks leaves half of itself in the batch',
    file: outbound,
    find: '    else writer.reset(start)\n',
    replace: '',
  },
  {
    name: 'a message that is to be acknowledged, and did not wait, counts for nothing',
    file: outbound,
    find: '    this.#queue.admit(entry)\n',
    replace: '',
  },
  {
    name: 'messages leave without credit',
    file: outbound,
    find: 'return this.batch.writable && this.#credit > 0 && this.#job',
    replace: 'return this.batch.writable && this.#job',
  },
  {
    name: 'messages cut into a large one on its way',
    file: outbound,
    find: ' && this.#job === undefined && !this.#held',
    replace: ' && !this.#held',
  },
  {
    name: 'messages leave through a cut',
    file: outbound,
    find: ' && this.#job === undefined && !this.#held',
    replace: ' && this.#job === undefined',
  },
  {
    name: 'what was held back by a cut stays when it is healed',
    file: outbound,
    find: '    if (!held) this.drain()\n',
    replace: '',
  },
  {
    name: 'messages are as large as this node takes, whatever the peer takes',
    file: outbound,
    find: 'this.#messageBytes = Math.min(limits.messageBytes, this.#settings.messageBytes)',
    replace: 'this.#messageBytes = this.#settings.messageBytes',
  },
  {
    name: 'a batch that was not sent goes to the next connection',
    file: batch,
    find: '    this.frames.clear()\n',
    replace: '',
  },
  {
    name: 'who waits for a reply to be sent waits for ever when the connection is lost',
    file: waiting,
    find: 'for (const frame of this.#frames.splice(0)) frame.sent()',
    replace: 'this.#frames.length = 0',
  },
  {
    name: 'a connection that was full leaves the next one blocked',
    file: batch,
    find: '    this.#writable = true\n    this.#sealed',
    replace: '    this.#sealed',
  },
  {
    name: 'the credit that was spent on a lost connection is missing on the next',
    file: outbound,
    find: '    this.#spent = 0\n',
    replace: '',
  },
  {
    name: 'a large message goes on in the middle on the next connection',
    file: outbound,
    find: '    this.#spent = 0\n    this.#job = undefined\n',
    replace: '    this.#spent = 0\n',
  },
  {
    name: 'control frames that were not sent go to the next connection',
    file: batch,
    find: '    this.#sealed.length = 0\n    this.#sealedBytes = 0\n',
    replace: '',
  },
  {
    name: 'a message that waits is sent, though the peer does not take one so large',
    file: outbound,
    find: '    if (size > this.#messageBytes) {\n',
    replace: '    if (size > this.#settings.messageBytes) {\n',
  },
  {
    name: 'replies that waited are not counted off when they leave',
    file: waiting,
    find: '    if (frame !== undefined) this.#bytes -= frame.body.length\n',
    replace: '',
  },
  {
    name: 'any number of replies waits for a peer that does not read',
    file: outbound,
    find: 'if (!urgent && bytes > 0 && bytes + body.length > this.#settings.replyBytes) return false',
    replace: '',
  },
  {
    name: 'any number of control frames waits for a peer that does not read',
    file: batch,
    find: '    if (this.#sealedBytes + this.frames.bytes.position > this.#settings.controlBytes) this.overflowed()\n',
    replace: '',
  },
  {
    name: 'control frames that wait make a batch larger than the peer takes',
    file: batch,
    find: '    if (this.frames.bytes.position >= batchBytes) {\n      this.#sealedBytes',
    replace: '    if (this.frames.bytes.position < 0) {\n      this.#sealedBytes',
  },
  {
    name: 'credit that comes back does not set those going that wait for it',
    file: outbound,
    find: '    if (this.#credit > 0) this.drain()\n',
    replace: '',
  },
  {
    name: 'credit is counted from the last grant, not from the beginning',
    file: outbound,
    find: 'this.#credit = this.#granted + total - this.#spent',
    replace: 'this.#credit += total',
  },
  {
    name: 'a large message stays where it is when the connection has room again',
    file: outbound,
    find: '    this.#pump()\n    this.drain()\n',
    replace: '    this.drain()\n',
  },
  {
    name: 'a message that cannot be encoded leaves half of itself in the batch',
    file: outbound,
    find: '      this.#frames.undo(start, stream)\n      throw',
    replace: '      throw',
  },
  {
    name: 'who waits for a message to be sent is not told',
    file: outbound,
    find: '    this.#finish(at)\n    if (entry.extra?.ack === undefined) entry.settler?.sent()\n',
    replace: '    this.#finish(at)\n',
  },
  {
    name: 'the name in a large message that was given up keeps its number',
    file: outbound,
    find: '    this.#frames.forgetName()\n',
    replace: '',
  },
  {
    name: 'a newer message takes the place of one that is on its way in chunks',
    file: outbound,
    find: '    this.#queue.seal(entry)\n',
    replace: '',
  },
  {
    name: 'a large message costs no credit',
    file: outbound,
    find: '    this.#spend(this.#job.cost)\n',
    replace: '',
  },
  {
    name: 'a large message that was given up goes on',
    file: outbound,
    find: '      if (job.abandoned) {',
    replace: '      if (job.abandoned && job.entry === undefined) {',
  },
  {
    name: 'a large message that was given up costs its credit for ever',
    file: outbound,
    find: '    this.#spend(-job.cost)\n',
    replace: '',
  },
  {
    name: 'the peer is not told that a large message was given up',
    file: outbound,
    find: '    this.control(FrameKind.chunk, givenUp)\n',
    replace: '',
  },
  {
    name: 'a message that was taken back keeps its number',
    file: writer,
    find: '    this.#sequences[stream] = (this.#sequences[stream] as number) - 1\n',
    replace: '',
  },
  {
    name: 'a message that was taken back leaves its name numbered',
    file: writer,
    find: '    this.forgetName()\n',
    replace: '',
  },
  {
    name: 'the numbers of names outlive their connection',
    file: writer,
    find: '    this.#interned.clear()\n',
    replace: '',
  },
  {
    name: 'one name more is numbered than a peer takes',
    file: writer,
    find: 'this.#interned.size < internedNamesMax ?',
    replace: 'this.#interned.size <= internedNamesMax ?',
  },
  {
    name: 'a message whose time is over says that it has a negative time left',
    file: writer,
    find: 'Math.max(0, Math.ceil(extra.expires - this.#clock.now()))',
    replace: 'Math.ceil(extra.expires - this.#clock.now())',
  },
  {
    name: 'a large message costs another credit than its peer counts',
    file: large,
    find: 'return this.#total - 1 + creditOverheadBytes',
    replace: 'return this.#total + creditOverheadBytes',
  },
  {
    name: 'the chunks of a large message all say that they begin one',
    file: large,
    find: 'frames.bytes.u8(from === 0 ?',
    replace: 'frames.bytes.u8(from >= 0 ?',
  },
]
