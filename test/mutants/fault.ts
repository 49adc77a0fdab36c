import type { Mutant } from './mutant.js'

const partition = 'src/fault/partition.ts'
const interposition = 'src/fault/interposition.ts'
const faults = 'src/manager/faults.ts'

/** What is broken on purpose, broken by accident. */
export const fault: readonly Mutant[] = [
  {
    name: 'a partition that was resolved before it arrives is carried out',
    file: partition,
    find: 'if (this.#resolved.has(ref) || !this.#done.add(ref)) return',
    replace: 'if (!this.#done.add(ref)) return',
  },
  {
    name: 'a partition is carried out each time it arrives',
    file: partition,
    find: 'if (this.#resolved.has(ref) || !this.#done.add(ref)) return',
    replace: 'if (this.#resolved.has(ref)) return',
  },
  {
    name: 'the hops of a partition are never used up',
    file: partition,
    find: 'ttl: ttl - 1 }',
    replace: 'ttl }',
  },
  {
    name: 'a partition goes one hop less than it was told',
    file: partition,
    find: 'if (allowRemote && frame.ttl >= 0)',
    replace: 'if (allowRemote && frame.ttl > 0)',
  },
  {
    name: 'a node that takes no faults from others is cut off by its neighbours',
    file: partition,
    find: 'if (allowRemote && frame.ttl >= 0)',
    replace: 'if (frame.ttl >= 0)',
  },
  {
    name: 'a node that takes no faults from others is cut off by whoever asks',
    file: partition,
    find: 'if (allowRemote) this.#perform(frame.ref, frame.ttl, out)',
    replace: 'this.#perform(frame.ref, frame.ttl, out)',
  },
  {
    name: 'the word of a cut that was resolved meanwhile cuts all the same',
    file: partition,
    find: '    if (this.#resolved.has(ref)) return\n    let nodes',
    replace: '    let nodes',
  },
  {
    name: 'peers may make a node remember any number of cuts',
    file: partition,
    find: '      if (this.#cuts.size >= partitionRefsMax) return\n',
    replace: '',
  },
  {
    name: 'a cut of which both ends tell counts twice',
    file: partition,
    find: '    if (nodes.has(peer.name)) return\n',
    replace: '',
  },
  {
    name: 'a pair is healed when the first of several partitions is resolved',
    file: partition,
    find: 'last: count === 0',
    replace: 'last: true',
  },
  {
    name: 'a partition that is healed counts among those that are remembered',
    file: partition,
    find: '    if (nodes.size === 0) this.#cuts.delete(ref)\n',
    replace: '',
  },
  {
    name: 'a resolution goes round for ever',
    file: partition,
    find: 'if (!this.#resolved.add(ref)) return',
    replace: 'this.#resolved.add(ref)',
  },
  {
    name: 'a resolution is not passed on',
    file: partition,
    find: "    this.#send({ type: 'resolve', ref }, from, out)\n",
    replace: '',
  },
  {
    name: 'a node heals before it tells the others, so that what it then sends finds them cut off',
    file: partition,
    find: "    this.#send({ type: 'resolve', ref }, from, out)\n    const nodes = this.#cuts.get(ref)\n    for (const node of [...(nodes?.keys() ?? [])]) this.#heal(ref, node, out)\n",
    replace:
      "    const nodes = this.#cuts.get(ref)\n    for (const node of [...(nodes?.keys() ?? [])]) this.#heal(ref, node, out)\n    this.#send({ type: 'resolve', ref }, from, out)\n",
  },
  {
    name: 'who missed a resolution is not told of it at the next connection',
    file: partition,
    find: 'for (const ref of frame.resolved) this.#resolve(ref, from.name, out)',
    replace: '',
  },
  {
    name: 'who missed a cut is not told of it at the next connection',
    file: partition,
    find: 'for (const ref of frame.cuts) this.#cut(ref, from, out)',
    replace: '',
  },
  {
    name: 'each connection tells of all cuts, those of other pairs too',
    file: partition,
    find: '.filter(([, nodes]) => nodes.has(input.peer.name))',
    replace: '',
  },
  {
    name: 'a cut outlives the restart of the node that was cut off',
    file: partition,
    find: '        for (const ref of [...this.#cuts.keys()]) this.#heal(ref, input.node, out)\n',
    replace: '',
  },
  {
    name: 'a question on its way is passed on again by everybody who gets it again',
    file: partition,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: 'if (!this.#passedOn.add(`${frame.type} ${frame.ref}`)) return',
    replace: '',
  },
  {
    name: 'the newest references are forgotten, not the oldest',
    file: partition,
    find: 'for (const oldest of this.#items) return this.#items.delete(oldest)',
    replace: 'return this.#items.delete(item)',
  },
  {
    name: 'the oldest resolutions are told of at a connection, not the newest',
    file: partition,
    find: 'return [...this.#items].slice(-count)',
    replace: 'return [...this.#items].slice(0, count)',
  },
  {
    name: 'the second of two interpositions sees the message as the first one found it',
    file: interposition,
    find: 'interposition(message === passage.message ? passage : { ...passage, message })',
    replace: 'interposition(passage)',
  },
  {
    name: 'an interposition that is disposed while others are asked makes the next one be skipped',
    file: interposition,
    find: 'of [...this.#all]) {',
    replace: 'of this.#all) {',
  },
  {
    name: 'disposing of an interposition twice takes away another one',
    file: interposition,
    find: 'if (at >= 0) this.#all.splice(at, 1)',
    replace: 'this.#all.splice(at, 1)',
  },
  {
    name: 'an origin that never answers is waited for for ever',
    file: faults,
    find: 'const cancel = this.#context.clock.schedule(injectTimeout, () => resolve(undefined))',
    replace: 'const cancel = (): void => {}',
  },
  {
    name: 'the timer of an injection runs on when the origin has answered',
    file: faults,
    find: '        cancel()\n        resolve(answer)',
    replace: '        resolve(answer)',
  },
  {
    name: 'an origin that refuses is taken for one that has done it',
    file: faults,
    find: '    if (!done) throw new FaultsDeniedError(origin)\n',
    replace: '',
  },
  {
    name: 'a new life of a node keeps the cuts of the last',
    file: faults,
    find: '  start(): void {\n    this.#partitions = this.#fresh()\n',
    replace: '  start(): void {\n',
  },
  {
    name: 'a node that stops leaves those waiting who injected a partition',
    file: faults,
    find: '    for (const answer of [...this.#waiting.values()]) answer(error())\n',
    replace: '',
  },
  {
    name: 'a restart heals one of the partitions of a pair only',
    file: partition,
    find: 'for (const ref of [...this.#cuts.keys()]) this.#heal(ref, input',
    replace: 'for (const ref of [...this.#cuts.keys()].slice(0, 1)) this.#heal(ref, input',
  },
  {
    name: 'a promise that holds a passage is looked after when it is waited for',
    file: 'src/fault/interposition.ts',
    find: 'holds = [...holds, this.#caught(verdict.until)]',
    replace: 'holds = [...holds, Promise.resolve(verdict.until)]',
  },
]
