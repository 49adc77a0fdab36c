import { describe, test } from 'vitest'
import { ClientMembership } from '../../src/membership/client.js'
import { FullMembership } from '../../src/membership/full.js'
import { HyParViewMembership, hyParViewRole } from '../../src/membership/hyparview.js'
import { ScampMembership, scampRole } from '../../src/membership/scamp.js'
import { ServerMembership } from '../../src/membership/server.js'
import { StaticMembership } from '../../src/membership/static.js'
import type { StrategyHarness } from '../../src/testing/suites/strategy-harness.js'
import { strategySuite } from '../../src/testing/suites/strategy-suite.js'
import { guideOverlay } from '../support/guide-overlay.js'

const Introductions = await guideOverlay()
const isClient = (name: string): boolean => name.startsWith('c')

/** Three servers, and two clients, one of which only dials. */
const clientsAndServers: StrategyHarness = {
  names: ['c1', 'c2', 's1', 's2', 's3'],
  machine: (name, random) => (isClient(name) ? new ClientMembership({ random }) : new ServerMembership({ random })),
  spec: name => ({ role: isClient(name) ? 'client' : 'server', ...(name === 'c2' && { addresses: [] }) }),
  seeds: name => ['s1', 's2', 's3'].filter(seed => seed !== name).slice(0, 2),
  expected: (node, all) => all.filter(name => name === node || !isClient(name) || !isClient(node)),
  removes: name => !isClient(name),
}

const joined: Readonly<Record<string, readonly string[]>> = {
  ...{ a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'], d: ['a', 'b'], e: ['a', 'b'] },
}

/** Members are those of whom one has joined the other. */
const staticMesh: StrategyHarness = {
  machine: () => new StaticMembership(),
  spec: () => ({ role: 'static' }),
  gossips: false,
  seeds: name => joined[name] ?? [],
  expected: (node, all) =>
    all.filter(name => name === node || joined[node]?.includes(name) || joined[name]?.includes(node)),
}

/** As many nodes as fit into an active view and itself: the overlay is a mesh, of those who are there. */
const hyParView: StrategyHarness = {
  machine: (_name, random) => new HyParViewMembership({ random }),
  spec: () => ({ role: hyParViewRole }),
  keepsDown: false,
  capabilities: () => [],
}

/** As many nodes as each knows of: the overlay is a mesh. */
const scamp = (version: 1 | 2): StrategyHarness => ({
  machine: (_name, random) => new ScampMembership({ random, version }),
  spec: () => ({ role: scampRole }),
  capabilities: () => [],
})

const xbot = { interval: 10_000, candidates: 2, unbiased: 1 }

const runner = { describe, test }

strategySuite('the full mesh', () => ({ machine: (_name, random) => new FullMembership({ random }) }), runner)
strategySuite('a cluster of clients and servers', () => clientsAndServers, runner)
strategySuite('an open static mesh', () => staticMesh, runner)
strategySuite('a HyParView overlay', () => hyParView, runner)
strategySuite('a SCAMP overlay (version 1)', () => scamp(1), runner)
strategySuite('a SCAMP overlay (version 2)', () => scamp(2), runner)
strategySuite(
  'a HyParView overlay with xbot',
  () => ({ ...hyParView, machine: (_name, random) => new HyParViewMembership({ random, xbot }) }),
  runner,
)
strategySuite('the overlay of the guide', () => ({ machine: () => new Introductions(), idleMessages: 4 }), runner)
