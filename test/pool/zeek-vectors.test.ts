import { describe, expect, test } from 'vitest'
import { MaquisError } from '../../src/index.js'
import { fnv1a32, fnv1a64, hrwWeight, type Pool } from '../../src/pool/pool.js'
import { bytesOf, keyOf, type Layout, specOf, vectors, type ZeekSpec, zeekPools } from '../support/zeek.js'

const workers = 'zeek/cluster/pool/worker'

interface Node {
  readonly name: string
  readonly alias: string
  readonly site_id: number
  readonly alive: boolean
}

function described({ nodeList }: Pool): Node[] {
  return nodeList.map(({ name, alias, siteId, alive }) => ({ name, alias, site_id: siteId, alive }))
}

/** A pool of these nodes, all up. */
function poolOf(names: readonly string[], dead: readonly string[] = []): Pool {
  const pools = zeekPools(Object.fromEntries(names.map(name => [name, 'WORKER'])), 'manager')
  for (const name of names) if (!dead.includes(name)) pools.nodeUp(name)
  return pools.worker
}

describe("Zeek's hash", () => {
  interface Digest {
    readonly kind: string
    readonly value: unknown
    readonly bytes: string
    readonly fnv1a32: number
    readonly fnv1a64: string
  }

  test('is taken over the bytes that Zeek takes, of every type', () => {
    const { rows } = vectors<{ rows: Digest[] }>('digest')
    const made = rows.map(({ kind, value }) => {
      const key = keyOf(kind, value)
      const bytes = bytesOf(key)
      const digest = typeof key === 'string' ? fnv1a32(key) : fnv1a32(bytes)
      return { kind, value, bytes: Buffer.from(bytes).toString('hex'), fnv1a32: digest, fnv1a64: `${fnv1a64(bytes)}` }
    })
    expect(rows.length).toBeGreaterThan(90)
    expect(made).toEqual(rows)
  })

  test('gives every site the weight that Zeek gives it', () => {
    const { rows } = vectors<{ rows: [digest: number, site: number, weight: number][] }>('weight')
    expect(rows.length).toBeGreaterThan(600)
    expect(rows.map(([digest, site]) => [digest, site, hrwWeight(digest, site)])).toEqual(rows)
  })

  test('knows a node by the id that Zeek knows it by', () => {
    const { rows } = vectors<{ rows: [name: string, alias: string, id: number][] }>('site-id')
    const ids = rows.map(([name]) => {
      const node = poolOf([name]).nodes.get(name)
      return [name, node?.alias, node?.siteId]
    })
    expect(ids).toEqual(rows)
  })

  interface Owners {
    readonly keysets: Record<string, { readonly kind: string; readonly keys: readonly unknown[] }>
    readonly cases: readonly {
      readonly nodes: readonly string[]
      readonly site_ids: readonly number[]
      readonly dead: readonly number[]
      readonly alive_count: number
      readonly winner: Record<string, readonly number[]>
    }[]
  }

  test('names the owners that Zeek names', () => {
    const { keysets, cases } = vectors<Owners>('hrw')
    for (const { nodes, site_ids, dead, alive_count, winner } of cases) {
      const pool = poolOf(
        nodes,
        dead.map(index => nodes[index] as string),
      )
      expect(pool.nodeList.map(({ name, siteId }) => [name, siteId])).toEqual(
        nodes.map((name, index) => [name, site_ids[index]]),
      )
      expect(pool.aliveCount).toBe(alive_count)
      for (const [keyset, owners] of Object.entries(winner)) {
        const { kind = '', keys = [] } = keysets[keyset] ?? {}
        const found = keys.map(key => nodes.indexOf(pool.hrw(keyOf(kind, key))?.name ?? ''))
        expect(found).toEqual(owners)
      }
    }
  })

  test('tells sites of one id apart as Zeek does, and lets those tie whose low 31 bits are the same', () => {
    interface Collision {
      readonly nodes: readonly { readonly name: string; readonly alias: string; readonly site_id: number }[]
      readonly shares: Record<string, number>
      readonly winner_first_50: readonly string[]
    }
    const { cases } = vectors<{ cases: Collision[] }>('collisions')
    for (const { nodes, shares, winner_first_50 } of cases) {
      const pool = poolOf(nodes.map(({ name }) => name))
      expect(described(pool)).toEqual(nodes.map(node => ({ ...node, alive: true })))
      const owners = Array.from({ length: 1_000 }, (_, index) => pool.hrw(`key-${index}`)?.name ?? '')
      expect(owners.slice(0, 50)).toEqual(winner_first_50)
      expect(Object.fromEntries(nodes.map(({ name }) => [name, owners.filter(each => each === name).length]))).toEqual(
        shares,
      )
      expect(pool.ranked('key-0', 2).map(({ name }) => name)[0]).toBe(owners[0])
    }
  })
})

describe("Zeek's allocation", () => {
  interface Case {
    readonly name: string
    readonly layout: Layout
    readonly specs: readonly ZeekSpec[]
    readonly local: string
    readonly manager_is_logger: boolean
    readonly expect: {
      readonly error?: string
      readonly pools?: readonly { topic: string; nodes: Node[]; alive_count: number; hrw_sites: number }[]
    }
  }
  const { cases } = vectors<{ cases: Case[] }>('allocation')

  test('is refused where Zeek ends its process', () => {
    for (const {
      name,
      layout,
      specs,
      local,
      manager_is_logger,
      expect: { error },
    } of cases) {
      if (error === undefined) continue
      const pools = zeekPools(layout, local, { managerIsLogger: manager_is_logger })
      const before = [...pools.registered.keys()]
      let thrown: unknown
      try {
        pools.registerAll(specs.map(specOf))
      } catch (caught) {
        thrown = caught
      }
      expect(thrown, name).toBeInstanceOf(MaquisError)
      expect(codeOf(error), error).toMatchObject({ code: (thrown as MaquisError).code })
      const { needed, nodeType } = thrown as { needed?: number; nodeType?: string }
      expect(codeOf(error)).toMatchObject({
        ...(needed !== undefined && { needed }),
        ...(nodeType !== undefined && { nodeType }),
      })
      expect([...pools.registered.keys()]).toEqual(before)
    }
  })

  test.each(['at once', 'one by one'])('gives every pool the nodes that Zeek gives it, registered %s', how => {
    for (const {
      name,
      layout,
      specs,
      local,
      manager_is_logger,
      expect: { pools: expected },
    } of cases) {
      if (expected === undefined) continue
      const pools = zeekPools(layout, local, { managerIsLogger: manager_is_logger })
      if (how === 'at once') pools.registerAll(specs.map(specOf))
      else for (const spec of specs) pools.register(specOf(spec))
      const made = expected.map(({ topic }) => {
        const pool = pools.registered.get(topic) as Pool
        return { topic, nodes: described(pool), alive_count: pool.aliveCount, hrw_sites: pool.sites.size }
      })
      expect(made, name).toEqual(expected)
    }
  })
})

function codeOf(text: string): object {
  const [, type = '', needed = ''] = /not enough Cluster::(\w+) nodes.* need (\d+) nodes/.exec(text) ?? []
  if (type !== '') return { code: 'ERR_POOL_SUPPLY', nodeType: type.toLowerCase(), needed: Number(needed) }
  const [, invalid = ''] = /invalid pool node type: Cluster::(\w+)/.exec(text) ?? []
  return invalid === '' ? { code: 'ERR_POOL_LIMIT' } : { code: 'ERR_POOL_NODE_TYPE', nodeType: invalid.toLowerCase() }
}

describe("Zeek's choices", () => {
  interface Step {
    readonly op: 'up' | 'down' | 'hrw' | 'rr'
    readonly node?: string
    readonly key?: string
    readonly topic?: string
    readonly alive: number
    readonly sites: number
  }

  test('follow its traces step by step', () => {
    const { traces } = vectors<{ traces: { layout: Layout; local: string; steps: Step[] }[] }>('traces')
    for (const { layout, local, steps } of traces) {
      const pools = zeekPools(layout, local)
      const made = steps.map(step => {
        const { op, node = '', key = '' } = step
        if (op === 'up') pools.nodeUp(node)
        if (op === 'down') pools.nodeDown(node)
        const topic = op === 'hrw' ? pools.worker.hrwTopic(key) : op === 'rr' ? pools.worker.rrTopic(key) : undefined
        const { aliveCount: alive, sites } = pools.worker
        return { ...step, ...(topic !== undefined && { topic }), alive, sites: sites.size }
      })
      expect(made).toEqual(steps)
    }
  })

  test('the topic is that of the default pool', () => {
    expect(zeekPools({ w: 'WORKER' }, 'm').worker.spec.topic).toBe(workers)
  })
})
