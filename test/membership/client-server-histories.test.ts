import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { SeededRandom, sample } from '../../src/core/random.js'
import { type RoleBus, roleCluster } from '../support/role-bus.js'

describe('any history', () => {
  const servers = ['s1', 's2', 's3', 's4']
  const names = [...servers, 'c1', 'c2', 'c3']

  /** Nodes crash, restart, leave and are removed while the network splits and loses; then all is well again. */
  function history(seed: number): RoleBus {
    const bus = roleCluster(names, seed)
    const random = new SeededRandom(seed)
    const lives = new Map(names.map(name => [name, 1]))
    let loss = 0
    bus.loses = () => random.next() < loss
    const pick = (from: readonly string[]): string => sample(random, from, 1)[0] as string
    const begin = (name: string): void => {
      lives.set(name, (lives.get(name) ?? 0) + 1)
      bus.start(name, lives.get(name))
    }
    const join = (name: string): void => {
      const seeds = servers.filter(each => each !== name && bus.nodes.has(each as NodeName))
      if (seeds.length > 0) bus.join(name, pick(seeds))
    }
    const act = (name: string): void => {
      const node = bus.nodes.get(name as NodeName)
      const roll = random.next()
      if (node === undefined || roll < 0.2) {
        begin(name)
        if (random.next() < 0.7) join(name)
      } else if (roll < 0.4) bus.crash(name)
      else if (roll < 0.5) bus.step(node, { type: 'leave' })
      else if (roll < 0.65 && !name.startsWith('c')) {
        bus.step(node, { type: 'remove', node: pick(names.filter(each => each !== name)) as NodeName })
      } else if (roll < 0.85) {
        const half = sample(random, names, Math.floor(random.next() * names.length))
        const others = names.filter(each => !half.includes(each))
        bus.regroup(half, others)
      } else loss = random.next() < 0.5 ? 0 : 0.3
    }
    for (let round = 0; round < 40; round++) {
      act(pick(names))
      bus.run(Math.floor(random.next() * 3_000))
    }
    loss = 0
    bus.heal()
    // As the managers' seeds do: who is alone joins, and who has left begins a new life.
    for (let round = 0; round < 4; round++) {
      bus.run(5_000)
      for (const name of names) {
        const state = bus.nodes.get(name as NodeName)?.machine.state()
        if (state === undefined || state.departed === true) begin(name)
        if (name !== 's1' && !bus.node(name).members.includes('s1' as NodeName)) bus.join(name, 's1')
      }
    }
    bus.run(60_000)
    return bus
  }

  // Seed 1798: a client alone had heard of a removal.
  test.each([1798, ...Array.from({ length: 60 }, (_, index) => index + 1)])(
    'ends with the same view everywhere (seed %i)',
    seed => {
      const bus = history(seed)
      expect(bus.isWhole(...names)).toBe(true)
      const clients = ['c1', 'c2', 'c3'].map(name => ({ name, servers }))
      for (const server of servers) expect(bus.clientsOf(server)).toEqual(clients)
      for (const client of ['c1', 'c2', 'c3']) expect([...bus.node(client).connected].sort()).toEqual(servers)
    },
  )
})
