import { describe, expect, test } from 'vitest'
import { fnv1a32, fnv1a64, HrwSites, type Pool, type PurePools } from '../../src/pool/pool.js'
import { bytesOf, keyOf, type Layout, specOf, vectors, type ZeekSpec, zeekPools } from '../support/zeek.js'

interface Call {
  readonly call: 'hrw_topic' | 'rr_topic'
  readonly pool: string
  readonly kind?: string
  readonly key: unknown
  readonly topic: string
}

interface Phase {
  readonly state: string
  readonly calls: readonly Call[]
  readonly returned: readonly [how: 'hrw' | 'rr', sent: boolean][]
}

interface Baseline {
  readonly layout: Layout
  readonly local_node: string
  readonly manager_is_logger: boolean
  readonly backend: 'BROKER' | 'ZEROMQ'
  readonly pool: ZeekSpec
  readonly pools?: Record<string, ZeekSpec>
  readonly phases: readonly Phase[]
  readonly cases: readonly { kind: string; value: unknown; fnv1a32: string; fnv1a64: string }[]
  readonly keys: readonly unknown[]
  readonly rr_key: string
  readonly sites: readonly { id: number; user_data: string }[]
  readonly ops: readonly { op: string; id: number; kind: string; key: unknown; expect: unknown }[]
  readonly calls: readonly { node?: string; topic?: string; kind: string; key?: unknown; rr_key?: string }[]
  readonly received: Record<string, readonly unknown[]>
}

const { tests } = vectors<{ tests: Record<string, Baseline> }>('baselines')

function baseline(name: string): Baseline {
  const found = tests[name]
  if (found === undefined) throw new Error(`no baseline ${name}`)
  return found
}

function poolsOf({ layout, local_node, manager_is_logger, backend, pools }: Baseline): PurePools {
  const proxy = pools?.proxy && specOf(pools.proxy)
  const made = zeekPools(layout, local_node, {
    managerIsLogger: manager_is_logger,
    ...(proxy !== undefined && { proxyPoolSpec: proxy }),
    ...(backend === 'ZEROMQ' && { nodeTopic: (name: string) => `zeek.cluster.node.${name}.` }),
  })
  for (const [name, spec] of Object.entries(pools ?? {})) if (name !== 'proxy') made.register(specOf(spec))
  return made
}

/** What a phase says of its nodes: `after node_down proxy-1`. */
function enter(pools: PurePools, { layout }: Baseline, { state }: Phase): void {
  const [, dead] = /^after node_down (.*)$/.exec(state) ?? []
  if (dead !== undefined) return pools.nodeDown(dead)
  for (const name of Object.keys(layout)) pools.nodeUp(name)
}

describe('the baselines of the tests of Zeek itself', () => {
  test('bifs/fnv1a_hash', () => {
    for (const { kind, value, ...expected } of baseline('bifs.fnv1a_hash').cases) {
      const bytes = bytesOf(keyOf(kind, value))
      const made = { fnv1a32: `0x${fnv1a32(bytes).toString(16)}`, fnv1a64: `0x${fnv1a64(bytes).toString(16)}` }
      expect(made).toEqual(expected)
    }
  })

  test('scripts/base/utils/hash_hrw', () => {
    const { sites, ops } = baseline('scripts.base.utils.hash_hrw')
    const pool = new HrwSites<string>()
    for (const { op, id, kind, key, expect: expected } of ops) {
      const userData = sites.find(site => site.id === id)?.user_data ?? ''
      if (op === 'add_site') expect(pool.addSite({ id, userData })).toBe(expected)
      else if (op === 'rem_site') expect(pool.removeSite({ id })).toBe(expected)
      else expect(pool.getSite(keyOf(kind, key))?.id).toBe(expected)
    }
    expect(new HrwSites().getSite('key')).toBe(undefined)
  })

  test.each(['topic_distribution', 'topic_distribution_bifs', 'custom_pool_limits', 'custom_pool_exclusivity'])(
    'scripts/base/frameworks/cluster/%s',
    name => {
      const found = tests[`scripts.base.frameworks.cluster.${name}`]
      // Only a part of the baselines is here.
      if (found === undefined) return
      const pools = poolsOf(found)
      for (const phase of found.phases) {
        enter(pools, found, phase)
        const made = phase.calls.map(each => {
          const pool = [...pools.registered.values()].find(
            ({ spec }) => spec.topic === found.pools?.[each.pool]?.topic,
          ) as Pool
          const key = each.kind === undefined ? each.key : keyOf(each.kind, each.key)
          return {
            ...each,
            topic: each.call === 'hrw_topic' ? pool.hrwTopic(key as string) : pool.rrTopic(key as string),
          }
        })
        expect(made).toEqual(phase.calls)
      }
    },
  )

  test('scripts/base/frameworks/cluster/topic_distribution_make_event', () => {
    const found = baseline('scripts.base.frameworks.cluster.topic_distribution_make_event')
    const pools = poolsOf(found)
    const received: Record<string, [string, unknown][]> = {}
    for (const phase of found.phases) {
      enter(pools, found, phase)
      const publish = (how: 'hrw' | 'rr', key: unknown): ['hrw' | 'rr', boolean] => {
        const node = how === 'hrw' ? pools.proxy.hrw(keyOf('count', key)) : pools.proxy.rr(found.rr_key)
        if (node !== undefined) received[node.name] = [...(received[node.name] ?? []), [how, key]]
        return [how, node !== undefined]
      }
      expect([...found.keys.map(key => publish('hrw', key)), ...found.keys.map(key => publish('rr', key))]).toEqual(
        phase.returned,
      )
    }
    expect(received).toEqual(found.received)
  })

  test('cluster/generic/publish-hrw and -rr, and a topic function of &publish_on_change', () => {
    for (const name of [
      'generic.publish-hrw',
      'generic.publish-rr',
      'publish-on-change.table-element-new-topic-func',
    ]) {
      const found = baseline(`cluster.${name}`)
      const pools = poolsOf(found)
      const pool = pools.register(specOf(found.pool))
      for (const node of Object.keys(found.layout)) pools.nodeUp(node)
      for (const { node, topic, kind, key, rr_key } of found.calls) {
        const chosen = rr_key === undefined ? pool.hrw(keyOf(kind, key)) : pool.rr(rr_key)
        if (node !== undefined) expect(chosen?.name).toBe(node)
        if (topic !== undefined) expect(chosen?.topic).toBe(topic)
      }
    }
  })

  test('scripts/base/frameworks/cluster/log_distribution', () => {
    const found = baseline('scripts.base.frameworks.cluster.log_distribution')
    const pools = poolsOf(found)
    expect(pools.rrLogTopic('Test::LOG', 'test')).toBe('zeek/logs/Test::LOG')
    for (const node of Object.keys(found.layout)) pools.nodeUp(node)
    const received: Record<string, number[]> = {}
    for (let record = 1; record <= 100; record++) {
      const topic = pools.rrLogTopic('Test::LOG', 'test')
      const [, node = ''] = /^zeek\/cluster\/node\/(.*)\/$/.exec(topic) ?? []
      received[node] = [...(received[node] ?? []), record]
    }
    expect(received).toEqual(found.received)
  })
})
