import type { Discovery } from '../../discovery/discovery.js'

/** What the cases need of a discovery under test. */
export interface DiscoveryHarness {
  readonly discovery: Discovery
  /** What it finds at first: as many as it shall be able to find, at least two. */
  readonly addresses: readonly string[]
  /** Lets it find these from now: some of `addresses`, or none. Left out where what it finds cannot change. */
  readonly publish?: (addresses: readonly string[]) => Promise<void>
  /** Lets its lookups fail from now, until something is published. Left out where they cannot fail. */
  readonly breakDown?: () => Promise<void>
  /** Lets its lookups go unanswered from now, until something is published. Left out where that cannot be. */
  readonly fallSilent?: () => Promise<void>
  /** Called after the case, whatever came of it. */
  readonly dispose?: () => Promise<void>
}

/** One promise that every discovery keeps. */
export interface DiscoveryCase {
  readonly name: string
  /** Checks it; rejects when it was broken. */
  readonly run: (harness: DiscoveryHarness) => Promise<void>
}
