import { describe, expect, test } from 'vitest'
import { createPools, hashNames } from '../../src/pool/pool.js'

/** Two of them tie with Zeek's hash on every key, and two have the same id. */
const names = ['node-138589', 'proxy-13936', 'node-203027', 'proxy-211000', ...Array.from('abcdefghijklmnopq')]

describe.each(hashNames)('ranked by %s', hash => {
  const pools = createPools({ self: 'm', hash, nodes: names.map(name => ({ name, type: 'worker' })) })
  for (const name of names) pools.nodeUp(name)
  const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)

  test('are those that would own a key, one after the other went down', () => {
    for (const key of keys.slice(0, 20)) {
      const order = pools.worker.ranked(key, names.length).map(({ name }) => name)
      const owners: unknown[] = []
      for (let owner = pools.worker.hrw(key); owner !== undefined; owner = pools.worker.hrw(key)) {
        owners.push(owner.name)
        pools.nodeDown(owner.name)
      }
      expect(order).toEqual(owners)
      for (const name of names) pools.nodeUp(name)
    }
  })

  test('are the first of all, however few are asked for', () => {
    for (const key of keys) {
      const all = pools.worker.ranked(key, names.length)
      for (const count of [0, 1, 2, 3, 8, 20, 21, 100]) {
        expect(pools.worker.ranked(key, count)).toEqual(all.slice(0, count))
      }
    }
  })
})

describe('two nodes of one id, with the hash of Zeek', () => {
  const pair = ['node-203027', 'proxy-211000']
  const keys = Array.from({ length: 2_000 }, (_, index) => `k${index}`)

  test('one of which leaves: keys of all others move, too, and are named', () => {
    const nodes = [...pair, 'a', 'zz'].map(name => ({ name, type: 'worker' }))
    const pools = createPools({ self: 'm', hash: 'zeek-7.1', nodes })
    for (const { name } of nodes) pools.nodeUp(name)
    const owners = (): (string | undefined)[] => keys.map(key => pools.worker.hrw(key)?.name)
    const old = owners()
    let named: unknown[] = []
    pools.worker.events.on('changed', ({ before, after }) => {
      named = pools.worker.moved(keys, before, after)
    })
    pools.nodeLeft('node-203027')
    const now = owners()
    const moved = keys.flatMap((key, index) =>
      old[index] === now[index] ? [] : { key, from: old[index], to: now[index] },
    )
    expect(named).toEqual(moved)
    expect(moved.filter(({ from }) => from !== 'node-203027').length).toBeGreaterThan(100)
  })

  test('one of which is down, and a member yet: its keys move alone', () => {
    const nodes = [...pair, 'a', 'zz'].map(name => ({ name, type: 'worker' }))
    const pools = createPools({ self: 'm', hash: 'zeek-7.1', nodes })
    for (const { name } of nodes) pools.nodeUp(name)
    const before = [...pools.worker.nodes.keys()]
    pools.nodeDown('node-203027')
    const moved = pools.worker.moved(
      keys,
      before,
      before.filter(name => name !== 'node-203027'),
    )
    expect(new Set(moved.map(({ from }) => from))).toEqual(new Set(['node-203027']))
  })
})
