import type { Mutant } from './mutant.js'

const book = 'src/membership/address-book.ts'
const beacon = 'src/membership/component-beacon.ts'
const hyparview = 'src/membership/hyparview.ts'
const xbot = 'src/membership/xbot.ts'
const lives = 'src/membership/lives.ts'
const trips = 'src/membership/round-trips.ts'

const reserveTests = ['test/membership/hyparview-reserve.test.ts']

/** HyParView: what nodes know of others, how islets are found, and exchanges of neighbours. */
export const partialViews: readonly Mutant[] = [
  {
    name: 'a life that was removed may connect again',
    file: lives,
    find: "return incarnation === ended ? { type: 'removed' } : undefined",
    replace: 'return undefined',
  },
  {
    name: 'lives that have ended are brought back by those who tell of them',
    file: lives,
    find: 'return !this.departures.includes(spec) && spec',
    replace: 'return spec',
  },
  {
    name: 'a root counts beyond what others read',
    file: beacon,
    find: 'if (this.mark.sequence < sequenceMax) return',
    replace: 'if (this.mark.sequence <= sequenceMax) return',
  },
  {
    name: 'an address book keeps whoever came first',
    file: book,
    find: 'if (victim === undefined || (!failing && victim.rank < rank)) return false',
    replace: 'if (victim === undefined || !failing) return false',
  },
  {
    name: 'an address book keeps whoever came last',
    file: book,
    find: '(!failing && victim.rank < rank)',
    replace: '(!failing && rank < 0)',
  },
  {
    name: 'all address books keep the same nodes',
    file: book,
    find: 'this.#salt = Math.floor(this.#random.next() * 2 ** 32)',
    replace: 'this.#salt = 1',
  },
  {
    name: 'a node that was joined makes room for others',
    file: book,
    find: '    this.#pinned.add(name)\n',
    replace: '',
  },
  {
    name: 'an address book forgets whoever does not answer',
    file: book,
    find: 'const failing = this.#failing > this.#most / 2',
    replace: 'const failing = this.#failing > 0',
  },
  {
    name: 'a root that was given up, and lives elsewhere, is taken for an echo',
    file: beacon,
    find: 'return theirs.sequence > (this.#ended?.sequence ?? 0)\n    return',
    replace: 'return false\n    return',
  },
  {
    name: 'who joins is told of nobody',
    file: hyparview,
    find: 'sample(random, book.sound(name), nodesPerWelcome)',
    replace: 'sample(random, book.sound(name), 0)',
  },
  {
    name: 'who joins does not remember those that it is told of',
    file: hyparview,
    find: '        for (const spec of message.nodes) this.#neighborhood.remember(spec, out)\n',
    replace: '',
  },
  {
    name: 'the place of a neighbour that changes over is anybody’s',
    file: xbot,
    find: '    this.#neighborhood.active.hold(true)\n',
    replace: '',
  },
  {
    name: 'the place that is kept for an exchange is kept for ever',
    file: xbot,
    find: "      case 'initiator':\n        active.hold(false)\n",
    replace: "      case 'initiator':\n",
  },
  {
    name: 'a neighbour changes over although it is no nearer',
    file: xbot,
    find: '    if (!this.#isNearer(old.name, candidate)) return this.#end(now, out)\n',
    replace: '',
  },
  {
    name: 'the farthest neighbour is exchanged, too',
    file: xbot,
    find: 'measured.slice(this.#settings.unbiased).find',
    replace: 'measured.find',
  },
  {
    name: 'the nearest neighbour is exchanged first',
    file: xbot,
    find: 'this.#trips.of(other) - this.#trips.of(one)',
    replace: 'this.#trips.of(one) - this.#trips.of(other)',
  },
  {
    name: 'a reserved slot waits for whoever comes by itself',
    file: 'src/membership/neighborhood.ts',
    find: 'if (active.tags.length > 0 && !alone) this.#fillReserved(now, out)',
    replace: 'if (active.tags.length < 0 && !alone) this.#fillReserved(now, out)',
    tests: reserveTests,
  },
  {
    name: 'who keeps a slot for a node may be pushed out by it',
    file: 'src/membership/hyparview.ts',
    find: '    if (claims) active.claim(from.name)\n',
    replace: '',
    tests: reserveTests,
  },
  {
    name: 'those who keep a slot for a node may take all of its places',
    file: 'src/membership/active-view.ts',
    find: 'this.#tags.size + this.#claims.size < this.#most - 1',
    replace: 'this.#tags.size + this.#claims.size < this.#most',
    tests: reserveTests,
  },
  {
    name: 'a second node with a reserved tag takes the place of another',
    file: 'src/membership/hyparview.ts',
    find: '!isForReserved(attempt.opening) || active.fillsReserved(from)',
    replace: 'isForReserved(attempt.opening) || attempt.makesRoom || active.fillsReserved(from)',
    tests: reserveTests,
  },
  {
    name: 'refusals of reserved slots keep other places empty',
    file: 'src/membership/neighborhood.ts',
    find: 'isForReserved(attempt.opening) ? this.#reservedRefusals : this.#refusals',
    replace: 'attempt.dialled && !attempt.dialled ? this.#reservedRefusals : this.#refusals',
    tests: reserveTests,
  },
  {
    name: 'the holder of a reserved slot is exchanged',
    file: xbot,
    find: 'return active.get(name)?.up === true && !active.isKept(name)',
    replace: 'return active.get(name)?.up === true',
  },
  {
    name: 'a candidate takes part in several exchanges at a time',
    file: xbot,
    find: 'if (this.#part !== undefined || active.has(from.name)) return answer',
    replace: 'if (active.has(from.name)) return answer',
  },
  {
    name: 'an exchange that nobody answers never ends',
    file: xbot,
    find: '    if (timer === partTimer) return this.#end(now, out)\n',
    replace: '',
  },
  {
    name: 'a candidate that fails does not say so to the initiator',
    file: xbot,
    find: '        answer(part.initiator.name, false, out)\n        break',
    replace: '        break',
  },
  {
    name: 'a candidate that accepts too late stays in the belief that it is a neighbour',
    file: xbot,
    find: "      if (accepted) out.push({ type: 'send', to: from.name, message: { type: 'disconnect' } })\n      return\n    }\n    const { active, attempts } = this.#neighborhood",
    replace: '      return\n    }\n    const { active, attempts } = this.#neighborhood',
  },
  {
    name: 'the old neighbour keeps the initiator, and has one neighbour too many',
    file: xbot,
    find: '    this.#neighborhood.part(initiator, out)\n',
    replace: '',
  },
  {
    name: 'one answer is enough for a round trip',
    file: trips,
    find: 'const samplesWanted = 3',
    replace: 'const samplesWanted = 1',
  },
  {
    name: 'round trips that links measure do not reach the overlay',
    file: 'src/link/lane.ts',
    find: '    if (this === this.link.control) this.link.handler.measured(this.link, this.roundTrip)\n',
    replace: '',
  },
]
