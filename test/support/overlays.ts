import { clientServer, fullMesh, hyParView, peerService, scamp, staticMesh } from '../../src/index.js'
import type { ManagerTraits } from '../../src/testing/suites/manager-harness.js'
import type { MakeManager } from '../../src/testing/suites/managers.js'
import { guideOverlay } from './guide-overlay.js'

/** A factory of managers, and where its overlay differs from a full mesh. */
export interface OverlayUnderTest {
  readonly name: string
  readonly make: MakeManager
  readonly traits?: Partial<ManagerTraits>
}

const Introductions = await guideOverlay()

/** Of the nodes that both have joined the first one: who knows whom where nobody is told of third parties. */
const star = { a: ['a', 'b', 'c'], b: ['a', 'b'], c: ['a', 'c'] } as const

const whole = ['full-membership']

/** Every overlay there is, in each of its parts. */
export const overlays: readonly OverlayUnderTest[] = [
  { name: 'the full mesh', make: options => fullMesh(options) },
  {
    name: 'two servers and a client',
    make: (options, name) => clientServer({ role: name === 'c' ? 'client' : 'server', ...options }),
    traits: { removal: { a: 'removes', b: 'removes', c: 'ERR_ROLE' }, capabilities: { a: whole, b: whole, c: [] } },
  },
  {
    name: 'a server and two clients, one of which does not listen',
    make: (options, name) =>
      name === 'a'
        ? clientServer({ role: 'server', ...options })
        : clientServer({ role: 'client', ...options, ...(name === 'c' && { listen: false }) }),
    traits: {
      ...{ members: star, join: 'ERR_ROLE', capabilities: { a: whole, b: [], c: [] } },
      removal: { a: 'removes', b: 'ERR_ROLE', c: 'ERR_ROLE' },
    },
  },
  {
    name: 'an open static mesh',
    make: options => staticMesh(options),
    traits: { members: star, capabilities: { a: [], b: [], c: [] } },
  },
  {
    name: 'a HyParView overlay',
    make: options => hyParView(options),
    traits: { capabilities: { a: [], b: [], c: [] } },
  },
  {
    name: 'a SCAMP overlay (version 1)',
    make: options => scamp({ version: 1, ...options }),
    traits: { capabilities: { a: [], b: [], c: [] } },
  },
  { name: 'a SCAMP overlay', make: options => scamp(options), traits: { capabilities: { a: [], b: [], c: [] } } },
  {
    name: 'a HyParView overlay with xbot',
    make: options => hyParView({ ...options, xbot: { interval: 2_000 } }),
    traits: { capabilities: { a: [], b: [], c: [] } },
  },
  { name: 'the overlay of the guide', make: options => peerService(new Introductions(), options) },
]
