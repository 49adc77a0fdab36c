import type { Incarnation, NodeSpec } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { ComponentMark } from './hyparview-messages.js'
import { sequenceMax } from './parsing.js'

/**
 * Which component of the overlay this node is in. The oldest node of each component, its root, counts up twice a
 * round, and the count is passed on from neighbour to neighbour; a root that is not heard of any more is given up,
 * and the oldest of the others takes its place. This is how bridges find their root in IEEE 802.1D, without the
 * tree. Two nodes with different roots, or of which one has not heard of the root for long, are in components that
 * cannot see each other.
 */
export class ComponentBeacon {
  readonly #beat: Millis
  #own: ComponentMark | undefined
  #mark: ComponentMark | undefined
  /** When the root was taken, and when it was heard of last. */
  #since: Instant = 0
  #heardAt: Instant = 0
  /** The last root that was given up: whoever still tells of that count tells of the past. */
  #ended: ComponentMark | undefined

  /** `beat`: how often a root counts, on average. */
  constructor(beat: Millis) {
    this.#beat = beat
  }

  start({ name, incarnation }: NodeSpec, now: Instant): void {
    this.#own = { root: name, life: incarnation, sequence: 0 }
    this.#mark = this.#own
    this.#since = now
    this.#heardAt = now
    this.#ended = undefined
  }

  get mark(): ComponentMark {
    return this.#mark as ComponentMark
  }

  get isRoot(): boolean {
    return this.#own !== undefined && isSame(this.#own, this.#mark)
  }

  /** The root should have been heard of by now: it is gone, or this is an islet without it. */
  isSilent(now: Instant): boolean {
    return !this.isRoot && now - this.#heardAt > silentBeats * this.#beat
  }

  /**
   * A beat has passed: a root counts, and one that was not heard of is given up. True when the others have to hear.
   */
  tick(now: Instant): boolean {
    const own = this.#own as ComponentMark
    if (this.isRoot) {
      this.#mark = this.#next(own)
      this.#heardAt = now
      return true
    }
    if (now - this.#heardAt <= endedBeats * this.#beat) return false
    this.#ended = this.mark
    this.#take({ ...own, sequence: 1 }, now)
    return true
  }

  /** A neighbour tells of its mark. True when that was news, to be passed on. */
  hear(theirs: ComponentMark, now: Instant): boolean {
    const ours = this.mark
    if (isSame(theirs, this.#own)) {
      // An echo of an earlier count of ours, or somebody's mistake: the count has to go on from there.
      if (this.isRoot && theirs.sequence > ours.sequence) this.#mark = theirs
      return false
    }
    if (isSame(theirs, this.#ended) && theirs.sequence <= (this.#ended?.sequence ?? 0)) return false
    if (isSame(theirs, ours)) {
      if (theirs.sequence <= ours.sequence) return false
      this.#mark = theirs
      this.#heardAt = now
      return true
    }
    if (!isOlder(theirs, ours)) return false
    this.#take(theirs, now)
    return true
  }

  /** Whether who tells of this mark is in another component. Not decided while a root is being found. */
  isElsewhere(theirs: ComponentMark, now: Instant): boolean {
    if (isSame(theirs, this.mark)) return Math.abs(theirs.sequence - this.mark.sequence) >= countsApart
    // A root that was given up, and counts on, lives where this node is not.
    if (isSame(theirs, this.#ended)) return theirs.sequence > (this.#ended?.sequence ?? 0)
    return now - this.#since > this.#beat / 10
  }

  /** No node lives to the end of its count: somebody told of that. Those who believe it give that mark up in time. */
  #next(own: ComponentMark): ComponentMark {
    if (this.mark.sequence < sequenceMax) return { ...own, sequence: this.mark.sequence + 1 }
    this.#own = { ...own, life: (own.life + 1) as Incarnation }
    return { ...this.#own, sequence: 1 }
  }

  #take(mark: ComponentMark, now: Instant): void {
    this.#mark = mark
    this.#since = now
    this.#heardAt = now
  }
}

/** One count that is late may be on its way; two have been lost. */
const silentBeats = 1.5
const endedBeats = 2.5
const countsApart = 2

function isSame(one: ComponentMark, other: ComponentMark | undefined): boolean {
  return one.root === other?.root && one.life === other.life
}

function isOlder(one: ComponentMark, other: ComponentMark): boolean {
  return one.life !== other.life ? one.life < other.life : one.root < other.root
}
