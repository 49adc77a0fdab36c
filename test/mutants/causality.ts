import type { Mutant } from './mutant.js'

const causality = 'src/delivery/causality.ts'
const source = 'src/delivery/causal-source.ts'
const matrix = 'src/delivery/causal-matrix.ts'
const ended = 'src/delivery/ended-lives.ts'
const labels = 'src/manager/causal-labels.ts'
const rounds = 'src/delivery/causal-rounds.ts'
const answers = 'src/delivery/causal-answers.ts'
const frames = 'src/codec/causal-frames.ts'

const machine = ['test/delivery/causality.test.ts', 'test/delivery/causality-simulation.test.ts']
const ofQueries = ['test/manager/causal-queries.test.ts']
const whole = ['test/manager/causal-order.test.ts', 'test/manager/causal-limits.test.ts']

/** Messages of causal labels: what they wait for, what is given up, and who is asked. */
export const causalOrder: readonly Mutant[] = [
  {
    name: 'messages wait for a node without a connection, although the overlay has told that it left',
    file: 'src/manager/node.ts',
    find: '        departed: (node, incarnation) => this.causal.ended(node, incarnation),\n',
    replace: '        departed: () => {},\n',
    tests: ['test/manager/overlay-effects.test.ts'],
  },
  {
    name: 'only messages of the same sender wait for each other, as in Partisan',
    file: causality,
    find: '      if (other.resolved < dependency.number) return',
    replace: '      if (dependency.number < 0) return',
    tests: machine,
  },
  {
    name: 'what a message depends on is forgotten when it is handed over, as in Partisan',
    file: causality,
    find: ') this.#hear(dependency, now)',
    replace: ') this.#isOver(dependency.to)',
    tests: machine,
  },
  {
    name: 'messages of one sender do not wait for each other',
    file: causality,
    find: '    if (source.resolved < number - 1) return',
    replace: '    if (number < 0) return',
    tests: machine,
  },
  {
    name: 'what was given up is handed over when it comes all the same',
    file: causality,
    find: '    if (number <= source.resolved) return',
    replace: '    if (number < 0) return',
    tests: machine,
  },
  {
    name: 'a message to itself that has yet to be handed over counts as handed over',
    file: causality,
    find: ' && keyOfLife(dependency.from) !== sender',
    replace: '',
    tests: machine,
  },
  {
    name: 'what the sender has is named as a dependency for ever',
    file: causality,
    find: '      if (isSettled) this.#matrix.settle(dependency)\n      else if',
    replace: '      if',
    tests: machine,
  },
  {
    name: 'a message that has left still counts as one that may leave',
    file: causality,
    find: '?.open.delete(number)',
    replace: '?.open.has(number)',
    tests: machine,
  },
  {
    name: 'what a life that is over sent is named for ever',
    file: causality,
    find: 'entry => this.#isStale(entry.from, now) || this',
    replace: 'entry => this',
    tests: machine,
  },
  {
    name: 'what a life that is over sent is not named any more at once',
    file: causality,
    find: 'now - since >= endedLifeMillis',
    replace: 'now - since >= 0',
    tests: machine,
  },
  {
    name: 'others bring back what was forgotten of a life that is over',
    file: causality,
    find: ' && !this.#isStale(dependency.from, now)',
    replace: '',
    tests: machine,
  },
  {
    name: 'what is heard of lives without a link is named for ever',
    file: causality,
    find: ' || this.#isOld(entry, now))',
    replace: ')',
    tests: machine,
  },
  {
    name: 'who hears of it from another tells of it for as long again',
    file: causality,
    find: 'sentAt: now - age * 1_000',
    replace: 'sentAt: now - age * 0',
    tests: machine,
  },
  {
    name: 'a peer may tell of as many pairs as it likes',
    file: causality,
    find: '    if (this.size > causalPairsMax) this.#forgetHearsay()\n',
    replace: '',
    tests: machine,
  },
  {
    name: 'a life that is over is waited for',
    file: causality,
    find: '      this.#settle(source.giveUp(Number.POSITIVE_INFINITY), now, out)\n',
    replace: '',
    tests: machine,
  },
  {
    name: 'what has arrived is given up with what has not',
    file: source,
    find: 'Math.min(this.#gone, this.#next() - 1)',
    replace: 'this.#gone',
    tests: machine,
  },
  {
    name: 'what a fault holds back is given up with what has not arrived',
    file: source,
    find: 'return this.#held.has(number) || this.#delayed.has(number)',
    replace: 'return this.#held.has(number)',
    tests: machine,
  },
  {
    name: 'what faults hold back again and again is kept for ever',
    file: source,
    find: '    this.#early.clear()\n',
    replace: '    if (number < 0) this.#early.clear()\n',
    tests: machine,
  },
  {
    name: 'a label is forgotten while the lives that used it go on',
    file: causality,
    find: 'return this.#sent.size === 0 && this.#sources.size === 0 && this.size === 0',
    replace: 'return this.#sources.size === 0',
    tests: ['test/delivery/causality.test.ts', ...whole],
  },
  {
    name: 'labels of lives that are over make no room',
    file: labels,
    find: 'causality.isForgettable(now)) this.#labels.delete(name)',
    replace: 'causality.isForgettable(now) && now < 0) this.#labels.delete(name)',
    tests: whole,
  },
  {
    name: 'of messages before their turn not the first is found',
    file: 'src/delivery/number-heap.ts',
    find: 'this.#at(left + 1) < this.#at(left)',
    replace: 'this.#at(left + 1) > this.#at(left)',
    tests: ['test/delivery/number-heap.test.ts'],
  },
  {
    name: 'a lower number takes the place of a greater one',
    file: matrix,
    find: 'known === undefined || known.number < number ||',
    replace: 'known === undefined || known.number !== number ||',
    tests: machine,
  },
  {
    name: 'more than what the destination has is forgotten',
    file: matrix,
    find: ' || known.number > number',
    replace: '',
    tests: machine,
  },
  {
    name: 'a life that began later counts as over, too',
    file: ended,
    find: 'find(end => incarnation <= end.incarnation)',
    replace: 'find(end => end.incarnation > 0)',
    tests: [...machine, 'test/delivery/ended-lives.test.ts'],
  },
  {
    name: 'lives of a node that dies again and again never grow old',
    file: ended,
    find: '    const last = ends.at(-1)\n',
    replace: '    const last = ends.pop()\n',
    tests: ['test/delivery/ended-lives.test.ts'],
  },
  {
    name: 'a sender is never asked what may still come',
    file: causality,
    find: '      else if (now - since >= causalAskMillis) asked.push(from)\n',
    replace: '',
    tests: whole,
  },
  {
    name: 'what is missing is waited for as long as its sender has it',
    file: causality,
    find: 'now - since >= causalPatienceMillis',
    replace: 'now - since >= Infinity',
    tests: whole,
  },
  {
    name: 'a message is with its handler when it is being checked',
    file: labels,
    find: '      state.isBusy = true\n',
    replace: '',
    tests: whole,
  },
  {
    name: 'the next is handed over before the handler of the last was called',
    file: labels,
    find: 'if (isLater) void Promise.resolve().then(goOn)',
    replace: 'if (isLater) goOn()',
    tests: whole,
  },
  {
    name: 'all that a single message releases is handed over without a break',
    file: labels,
    find: '      if (state.inTurn >= handOversPerTurn) return this.#pause(state)\n',
    replace: '',
    tests: ['test/manager/causal-release.test.ts'],
  },
  {
    name: 'what was numbered for one life is sent to the next',
    file: 'src/manager/link-events.ts',
    find: 'return causal !== undefined || (life !== undefined',
    replace: 'return (life !== undefined',
    tests: whole,
  },
  {
    name: 'the first answer says it all, whatever is under way on other lanes',
    file: rounds,
    find: '    if (open.size > 0 || floors.size !== lanes) return undefined\n',
    replace: '    if (lanes === undefined) return undefined\n',
    tests: machine,
  },
  {
    name: 'the greatest answer counts, not the least',
    file: rounds,
    find: 'Math.min(...floors.values())',
    replace: 'Math.max(...floors.values())',
    tests: whole,
  },
  {
    name: 'it is waited for ever for an answer on a lane that was lost',
    file: rounds,
    find: 'round.open.delete(lane) ? this.#conclude(round) : undefined',
    replace: 'round.open.size < 0 ? this.#conclude(round) : undefined',
    tests: [...machine, ...ofQueries],
  },
  {
    name: 'every question is answered, however many there are',
    file: answers,
    find: '    if (known !== undefined) {\n      known.rounds',
    replace: '    if (known !== undefined && known.rounds.size > 9) {\n      known.rounds',
    tests: ofQueries,
  },
  {
    name: 'answers pile up behind a peer that reads nothing',
    file: answers,
    find: 'now - asked.heldSince < heldMillis',
    replace: 'now < asked.heldSince',
    tests: ofQueries,
  },
  {
    name: 'a field with bytes that mean nothing is taken',
    file: frames,
    find: 'reader.remaining > 0 || ',
    replace: '',
    tests: ['test/codec/causal-frames.test.ts'],
  },
]
