import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import type { NodeName } from '../../src/core/node.js'
import { type HubNode, type HubNodeOptions, World } from '../support/hubs.js'

const never = new AbortController().signal

/** Ends a node as a crash does: nothing is said, and its address is free. */
async function crash(node: HubNode): Promise<void> {
  await node.hub.stop('')
}

async function settled<Value>(
  world: World,
  promise: Promise<Value>,
  millis = 5_000,
): Promise<Value | Error | 'pending'> {
  let outcome: Value | Error | 'pending' = 'pending'
  promise.then(
    value => {
      outcome = value
    },
    (error: Error) => {
      outcome = error
    },
  )
  await world.pass(millis)
  return outcome
}

describe('a restarted node', () => {
  async function restarted(
    options: HubNodeOptions = {},
  ): Promise<{ world: World; a: HubNode; old: HubNode; b: HubNode }> {
    const world = new World()
    const [a, old] = await world.pair()
    // Its connections are still open at a: nobody told it that they are not.
    for (const tap of old.wire.open) tap.connection.pause()
    const muted = a.wire.open.map(({ overheard }) => overheard)
    expect(muted.length).toBe(3)
    await crash(old)
    const b = await world.node('b', { incarnation: 2_000, seed: 9, ...options })
    return { world, a, old, b }
  }

  test('gives down for its former life, then up for the next', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const later = a.hub.ensure({ ...b.spec, incarnation: (b.spec.incarnation + 5) as typeof b.spec.incarnation })
    expect(a.log.slice(-4)).toEqual(expect.arrayContaining(['restarted b', 'down b restarted']))
    expect([later.openLanes, later.state.phase]).toEqual([0, 'connecting'])
    expect(a.told('channel-down').sort()).toEqual(['channel-down b default', 'channel-down b membership'])
    await crash(b)
    const next = await world.node('b', { incarnation: 1_005, seed: 9 })
    next.want(a)
    await world.pass(3_000)
    expect(a.log.filter(line => /^(up|down)/.test(line))).toEqual(['up b', 'down b restarted', 'up b'])
    expect(a.link(b).complete).toBe(true)
  })

  test('is dialled when its next life was only heard of', async () => {
    const { world, a, b } = await restarted()
    a.hub.ensure(b.spec)
    await world.pass(1_000)
    expect([a.link(b).state.phase, a.link(b).complete]).toEqual(['up', true])
  })

  test('is taken at once, whoever dials', async () => {
    for (const dials of ['a', 'b']) {
      const { world, a, b } = await restarted()
      if (dials === 'b') b.want(a)
      await world.pass(3_000)
      const edges = a.log.filter(line => /^(up|down)/.test(line))
      expect(edges[0]).toBe('up b')
      expect(edges.at(-1)).toBe('up b')
      expect(edges.length).toBe(3)
      expect(a.link(b).spec.incarnation).toBe(2_000)
      expect(a.link(b).complete).toBe(true)
    }
  })

  test('hears what waited for a life that was never reached, with its numbers beginning anew', async () => {
    const world = new World()
    const a = await world.node('a')
    const unborn = new World()
    const ghost = await unborn.node('b')
    a.want(ghost)
    const lane = a.lane(ghost)
    for (let index = 0; index < 5; index++) a.send(lane, 'waits', index)
    await world.pass(2_000)
    const b = await world.node('b', { incarnation: 2_000, channels: { default: { parallelism: 1 } } })
    await world.pass(5_000)
    expect(b.payloads('waits')).toEqual([0, 1, 2, 3, 4])
    expect([a.told('fail-queued'), b.told('duplicate')]).toEqual([[], []])
  })

  test('may send its first message with the number one again', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (let index = 0; index < 5; index++) b.send(b.lane(a), 'x', index)
    await world.pass(10)
    await crash(b)
    const next = await world.node('b', { incarnation: 2_000, seed: 9 })
    next.want(a)
    await world.pass(3_000)
    next.send(next.lane(a), 'x', 'anew')
    await world.pass(10)
    expect(a.payloads('x')).toEqual([0, 1, 2, 3, 4, 'anew'])
    expect(a.told('duplicate')).toEqual([])
  })
})

describe('a stale node', () => {
  test.each([[[]], [['sesame']]])('is refused with the incarnation that is known, secrets %j', async secrets => {
    const world = new World()
    const [a, b] = await world.pair({ secrets }, { incarnation: 2_000, secrets })
    expect(a.link(b).spec.incarnation).toBe(2_000)
    await crash(b)
    const stale = await world.node('b', { incarnation: 1_500, secrets, seed: 5 })
    a.link(b).tell({ type: 'wanted', wanted: false })
    a.link(b).pinned = true
    const outcome = await settled(world, stale.hub.greet(['memory://a:1'], undefined, never))
    expect(outcome).toMatchObject({ code: 'ERR_STALE_INCARNATION', known: 2_000 })
    expect(stale.told('refused-as-stale')[0]).toBe('refused-as-stale 2000')
    expect(a.told('refused-as-stale')).toEqual([])
    expect(a.link(b).spec.incarnation).toBe(2_000)
    expect(a.link(b).openLanes).toBe(0)
  })

  test('learns from a node of its own name that it is superseded', async () => {
    const world = new World()
    const old = await world.node('a', { incarnation: 1_000 })
    const young = await world.node('a2', { incarnation: 2_000 })
    Object.assign(young.identity.spec, { name: 'a' })
    const outcome = await settled(world, young.hub.greet(['memory://a:1'], undefined, never))
    expect(outcome).toBeInstanceOf(Error)
    expect(young.told('superseded').concat(young.told('refused-as-stale'))).toEqual([])
    expect(old.hub.links.size).toBe(0)
  })
})

test('a node that is dialled by a later start of its own name knows that it is superseded', async () => {
  const world = new World()
  const old = await world.node('a', { incarnation: 1_000 })
  const young = await world.node('a', { incarnation: 2_000, listens: false })
  const outcome = await settled(world, young.hub.greet(['memory://a:1'], undefined, never))
  expect(outcome).toMatchObject({ code: 'ERR_WRONG_NODE', by: 'peer' })
  expect([old.told('superseded'), young.told('superseded')]).toEqual([['superseded 2000'], []])
})

describe('a node keeps links', () => {
  test('to so many others and no more', async () => {
    const world = new World()
    const hub = await world.node('hub', { limits: { peers: 2 } })
    const others = await Promise.all(['x', 'y', 'z'].map((name, seed) => world.node(name, { seed })))
    for (const other of others) other.want(hub)
    await world.pass(3_000)
    expect(hub.hub.links.size).toBe(2)
    const refused = others.find(other => other.log.includes('refused hub by peer: tooManyPeers'))
    expect(refused?.told('up')).toEqual([])
    // When one goes, there is room for the other.
    const gone = others.find(other => other !== refused)
    await crash(gone as HubNode)
    await world.pass(40_000)
    expect(refused?.told('up')).toEqual(['up hub'])
  })

  test('only with whom it admits', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    b.judge = () => ({ code: CloseCode.role, text: 'no clients here' })
    const outcome = await settled(world, a.hub.greet(['memory://b:1'], undefined, never))
    expect(outcome).toMatchObject({ code: 'ERR_ROLE' })
    expect([a.hub.links.size, b.hub.links.size]).toEqual([0, 0])
  })
})

describe('a greeting', () => {
  test('finds who answers, and opens the control lane to it', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    const link = await settled(world, a.hub.greet(['memory://nobody:1', 'memory://b:1'], undefined, never))
    expect(link).toBe(a.link(b))
    expect(b.link(a).openLanes).toBe(1)
  })

  test('gives the link that is there already', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const dials = a.wire.open.length
    expect(await settled(world, a.hub.greet(['memory://b:1'], 'b' as NodeName, never))).toBe(a.link(b))
    expect(a.wire.open.length).toBe(dials)
  })

  test('is refused by another node than was meant, and unanswered by none', async () => {
    const world = new World()
    const [a] = [await world.node('a'), await world.node('b')]
    expect(await settled(world, a.hub.greet(['memory://b:1'], 'c' as NodeName, never))).toMatchObject({
      code: 'ERR_WRONG_NODE',
    })
    expect(await settled(world, a.hub.greet(['memory://nobody:1'], undefined, never))).toMatchObject({
      code: 'ERR_UNREACHABLE',
    })
  })

  test('ends with its signal, and with its node', async () => {
    const world = new World({ latency: 200 })
    const [a] = [await world.node('a'), await world.node('b')]
    const controller = new AbortController()
    const aborted = a.hub.greet(['memory://b:1'], undefined, controller.signal)
    const stopped = a.hub.greet(['memory://b:1'], undefined, never)
    const reasons: unknown[] = []
    for (const promise of [aborted, stopped]) promise.catch((error: unknown) => reasons.push(error))
    await world.pass(500)
    controller.abort(new Error('enough'))
    await world.pass(0)
    expect(reasons).toEqual([new Error('enough')])
    await a.hub.stop('')
    await world.pass(0)
    expect(reasons.length).toBe(2)
  })

  test('that the other side is faster than ends with the link, too', async () => {
    for (let gap = 0; gap < 60; gap += 2) {
      const world = new World({ latency: 10 })
      const [a, b] = [await world.node('a', { seed: 1 }), await world.node('b', { seed: 2 })]
      a.hub.ensure(b.spec).tell({ type: 'wanted', wanted: true })
      b.hub.ensure(a.spec).tell({ type: 'wanted', wanted: true })
      const greeting = a.hub.greet(['memory://b:1'], undefined, never)
      await world.pass(gap)
      b.hub.connect(b.link(a))
      expect(await settled(world, greeting), `gap ${gap}`).toBe(a.link(b))
      expect(a.link(b).complete, `gap ${gap}`).toBe(true)
    }
  })

  test('that fails or is given up half-way does not keep its lane from being dialled', async () => {
    for (let steps = 1; steps < 30; steps++) {
      const world = new World({ latency: 10 })
      const [a, b] = [await world.node('a', { seed: 1 }), await world.node('b', { seed: 2 })]
      const controller = new AbortController()
      const link = a.hub.ensure(b.spec)
      link.tell({ type: 'wanted', wanted: true })
      a.hub.greet(['memory://b:1'], undefined, controller.signal).catch(() => {})
      a.hub.wantLane(link.control)
      await world.clock.runAsync({ maxSteps: steps })
      if (steps % 2 === 0) controller.abort(new Error('enough'))
      else a.wire.drop()
      await world.pass(10_000)
      expect(link.complete, `${steps} steps`).toBe(true)
    }
  })

  test('of a node that remembers a connection of ours is repeated with a later generation', async () => {
    const world = new World()
    const [a, b] = await world.pair({ listens: false })
    b.lane(a, 'membership').generation = 7
    a.hub.clear('the test')
    await world.pass(2_000)
    expect(a.hub.links.size).toBe(0)
    const link = await settled(world, a.hub.greet(['memory://b:1'], undefined, never))
    expect(link).toBe(a.hub.links.get(b.spec.name))
    expect(b.link(a).openLanes).toBeGreaterThan(0)
  })
})
