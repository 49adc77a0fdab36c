import { readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { type HashName, hashNames } from 'maquis/pool'
import { doubling, linePlot, logarithmic } from '../experiments/line-plot.js'
import { type Evenness, heirs, shares } from './distribution.js'
import { type Cost, lookup } from './lookup.js'

// Measures work pools, and writes what was measured into docs/pools.md, between its marks, and docs/pools.svg.

const counts = [2, 3, 5, 8, 10, 16, 32, 64, 100]
const sizes = [3, 10, 30, 100, 300, 1_000]
const keys = 100_000
const costNames = ['owner', 'ranked', 'acquired'] as const
const [begin, end] = ['<!-- measured: npm run bench:pools -->', '<!-- end of what was measured -->']

const evenness = new Map<HashName, Evenness[]>()
const costs = new Map<HashName, Cost[]>()
for (const hash of hashNames) {
  costs.set(
    hash,
    sizes.map(nodes => lookup(hash, nodes)),
  )
  console.log(
    hash,
    ...(costs.get(hash) ?? []).map(
      ({ nodes, owner, ranked, acquired }) =>
        `${nodes}: ${owner.toFixed(0)}, ${ranked.toFixed(0)}, ${acquired.toFixed(0)} ns`,
    ),
  )
  const rows: Evenness[] = []
  for (const nodes of counts) {
    const row = { nodes, ...shares(hash, nodes, keys), ...heirs(hash, nodes) }
    rows.push(row)
    console.log(
      hash,
      nodes,
      Object.values(row)
        .slice(1)
        .map(value => value.toFixed(3))
        .join(' '),
    )
  }
  evenness.set(hash, rows)
}
check()
const page = readFileSync('docs/pools.md', 'utf8')
const [before, after] = [page.indexOf(begin), page.indexOf(end)]
if (before < 0 || after < before) throw new Error('docs/pools.md has no place for what was measured')
writeFileSync('docs/pools.md', `${page.slice(0, before)}${begin}\n\n${tables()}\n${page.slice(after)}`)
writeFileSync('docs/pools.svg', plot())

/** What is promised of the default. */
function check(): void {
  for (const { nodes, most, mostHeir } of evenness.get('fmix32-v1') ?? []) {
    const isFair = nodes <= 10 ? most <= 1.05 && mostHeir <= 1.15 : most <= 1.15
    if (!isFair) throw new Error(`unfair at ${nodes} nodes: ${most}, ${mostHeir}`)
  }
  const hundred = costs.get('fmix32-v1')?.find(({ nodes }) => nodes === 100)
  if (hundred === undefined || hundred.owner >= 1_000) throw new Error(`too slow: ${hundred?.owner} ns`)
}

function tables(): string {
  const share = ({ least, most }: Evenness): string => `${least.toFixed(3)} - ${most.toFixed(3)}`
  const heir = ({ leastHeir, mostHeir }: Evenness): string => `${leastHeir.toFixed(2)} - ${mostHeir.toFixed(2)}`
  const both = (row: (of: Evenness) => string, index: number): string =>
    hashNames.map(hash => row(evenness.get(hash)?.[index] as Evenness)).join(' | ')
  const cost = (index: number): string =>
    costNames.flatMap(name => hashNames.map(hash => costs.get(hash)?.[index]?.[name].toFixed(0))).join(' | ')
  return [
    '| nodes | share, `fmix32-v1` | share, `zeek-7.1` | heir, `fmix32-v1` | heir, `zeek-7.1` |',
    '|---|---|---|---|---|',
    ...counts.map(
      (nodes, index) => `| ${nodes} | ${both(share, index)} | ${nodes < 3 ? '- | -' : both(heir, index)} |`,
    ),
    '',
    `| nodes | ${['`hrw`', '`ranked`', '`acquire`'].flatMap(name => hashNames.map(hash => `${name}, \`${hash}\``)).join(' | ')} |`,
    '|---|---|---|---|---|---|---|',
    ...sizes.map((nodes, index) => `| ${nodes} | ${cost(index)} |`),
    '',
    `Node.js ${process.versions.node}, ${cpus().length} cores (${arch()}), shared with others: processor time, the medians of eleven rounds.`,
    '',
  ].join('\n')
}

function plot(): string {
  const of = (hash: HashName): Evenness[] => (evenness.get(hash) ?? []).filter(({ nodes }) => nodes > 2)
  const nodeCounts = counts.filter(nodes => nodes > 2)
  return linePlot('Work pools', [
    {
      title: 'The heir that has most of the keys of a dead node, over the mean',
      x: doubling('nodes', nodeCounts),
      y: logarithmic('1 is even', 1, 10),
      lines: hashNames.map(name => ({
        name,
        points: of(name).map(({ nodes, mostHeir }) => [nodes, mostHeir] as const),
      })),
    },
    {
      title: 'The node that has most of all keys, over the mean',
      x: doubling('nodes', nodeCounts),
      y: {
        label: '1 is even',
        place: value => (value - 1) / 0.2,
        ticks: [1, 1.05, 1.1, 1.15, 1.2].map(at => ({ at, text: String(at) })),
      },
      lines: hashNames.map(name => ({ name, points: of(name).map(({ nodes, most }) => [nodes, most] as const) })),
    },
    {
      title: 'What the owner of a key costs',
      x: logarithmic('nodes', 1, 1_000),
      y: logarithmic('nanoseconds', 10, 10_000),
      lines: hashNames.map(name => ({
        name,
        points: (costs.get(name) ?? []).map(({ nodes, owner }) => [nodes, owner] as const),
      })),
    },
  ])
}
