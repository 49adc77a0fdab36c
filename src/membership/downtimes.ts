import type { NodeName, NodeSpec } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { MemberTable } from './member-table.js'

/** Who is down for too long is looked for at least so often, and at most ten times a second. */
const sweepIntervalMax: Millis = 30_000
const sweepIntervalMin: Millis = 100

/**
 * Since when members are down. One whose name was given to it may come back any time; one with a generated name does
 * not, and is given up after a while.
 */
export class Downtimes {
  /** How often to look for those that have to be given up. */
  readonly sweepInterval: Millis
  readonly #most: Millis
  readonly #since = new Map<NodeName, Instant>()

  /** `most`: members with generated names are down for so long at most. */
  constructor(most: Millis) {
    this.#most = most
    this.sweepInterval = Math.max(sweepIntervalMin, Math.min(sweepIntervalMax, most / 4))
  }

  clear(): void {
    this.#since.clear()
  }

  begin(name: NodeName, now: Instant): void {
    this.#since.set(name, now)
  }

  end(name: NodeName): void {
    this.#since.delete(name)
  }

  /** Those that have to be given up. */
  overdue(table: MemberTable, now: Instant): readonly NodeSpec[] {
    const overdue: NodeSpec[] = []
    for (const [name, since] of this.#since) {
      const spec = table.get(name)?.spec
      if (spec?.generated === true && now - since >= this.#most) overdue.push(spec)
    }
    return overdue
  }
}
