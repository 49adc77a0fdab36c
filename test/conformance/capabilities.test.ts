import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import {
  clientServer,
  fullMesh,
  hyParView,
  type PeerServiceManager,
  peerService,
  scamp,
  staticMesh,
} from '../../src/index.js'
import { commonCapabilities } from '../../src/manager/capabilities.js'
import { ClientMembership } from '../../src/membership/client.js'
import { FullMembership } from '../../src/membership/full.js'
import { HyParViewMembership } from '../../src/membership/hyparview.js'
import { ScampMembership } from '../../src/membership/scamp.js'
import { ServerMembership } from '../../src/membership/server.js'
import { StaticMembership } from '../../src/membership/static.js'
import { managerCases } from '../../src/testing/suites/manager-suite.js'
import { readPages } from '../support/examples.js'
import { guideOverlay } from '../support/guide-overlay.js'

const Introductions = await guideOverlay()
const peers = { b: 'ws://127.0.0.1:1' }

/** The columns of the table, as its header calls them. */
const managers: Readonly<Record<string, () => PeerServiceManager>> = {
  '`fullMesh`': () => fullMesh(),
  '`clientServer`, a server': () => clientServer({ role: 'server' }),
  '`clientServer`, a client': () => clientServer({ role: 'client' }),
  '`staticMesh`': () => staticMesh(),
  '`staticMesh` with `peers`': () => staticMesh({ peers }),
  '`hyParView`': () => hyParView(),
  '`scamp`': () => scamp(),
  '`peerService` with [the overlay of the guide](guide.md#an-overlay-of-your-own)': () =>
    peerService(new Introductions()),
}

/** What the code can do: the layers that all share, and the overlays' own. */
const random = new SeededRandom(1)
const known = new Set([
  ...commonCapabilities,
  ...[new FullMembership({ random }), new ServerMembership({ random }), new ClientMembership({ random })]
    .concat([
      new HyParViewMembership({ random }),
      new ScampMembership({ random }),
      new StaticMembership(),
      new StaticMembership({ peers: [] }),
      new Introductions(),
    ] as never[])
    .flatMap(({ capabilities }) => capabilities),
])

describe('the table of capabilities in docs/guarantees.md', () => {
  const { head, rows } = tableOf('## Capabilities')

  test('has a column for each kind of manager', () => {
    expect(head.slice(1, -1)).toEqual(Object.keys(managers))
  })

  test('has a row for each capability that there is in the code, and no other', () => {
    expect(rows.map(([name = '']) => name.replaceAll('`', '')).sort()).toEqual([...known].sort())
  })

  test.each(Object.entries(managers))('says of %s what it says itself', (column, make) => {
    const manager = make()
    const at = head.indexOf(column)
    const said = Object.fromEntries(rows.map(row => [row[0], row[at]]))
    const says = Object.fromEntries(
      rows.map(([name = '']) => [name, manager.supportsCapability(name.replaceAll('`', '')) ? 'yes' : 'no']),
    )
    expect(said).toEqual(says)
  })

  test('names nothing that no case of the suite exercises', () => {
    const exercised = new Set(managerCases.flatMap(({ exercises = [] }) => exercises))
    expect([...known].filter(name => !exercised.has(name))).toEqual([])
    expect([...exercised].filter(name => !known.has(name))).toEqual([])
  })
})

/** The first table after a heading. */
function tableOf(heading: string): { head: string[]; rows: string[][] } {
  const [page] = readPages(['docs/guarantees.md'], [])
  const text = page?.text.split(`\n${heading}\n`)[1] ?? ''
  const lines = text.split('\n')
  const start = lines.findIndex(line => line.startsWith('|'))
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  const [head = [], , ...rows] = lines.slice(start, end).map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )
  return { head, rows }
}
