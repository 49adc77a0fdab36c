import { describe, expect, test } from 'vitest'
import {
  type ForwardOptions,
  InvalidOptionError,
  NoSuchServerError,
  type PeerServiceManager,
  RemoteError,
  SchemaError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { type ManagedPools, managePools } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)
const handled = { when: 'handled' } as const

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  readonly got: unknown[]
}

/** One that sends, `m`, and workers. */
async function start(cluster: Cluster, ...names: readonly string[]): Promise<Member[]> {
  const managers = [await cluster.start('m', { attributes: { type: 'manager' } })]
  for (const name of names) managers.push(await cluster.start(name, { attributes: { type: 'worker' } }))
  const members = managers.map((manager): Member => {
    const got: unknown[] = []
    manager.register('work', (message: unknown) => void got.push(message))
    return { manager, pools: managePools(manager), got }
  })
  const [m, ...workers] = members as [Member, ...Member[]]
  for (const { manager } of workers) await cluster.settle(manager.syncJoin(m.manager.spec))
  await cluster.until(() => members.every(({ pools }) => pools.worker.aliveCount === names.length))
  await cluster.pass(1_000)
  return members
}

function named(members: readonly Member[], name: string | undefined): Member {
  return members.find(({ manager }) => manager.name === name) as Member
}

/** A server that handles nothing to its end at nodes of these names, and who was given it. */
function stuckAt(members: readonly Member[], ...names: readonly string[]): string[] {
  const begun: string[] = []
  for (const { manager } of members) {
    manager.register('slow', () => {
      begun.push(manager.name)
      return names.includes(manager.name) ? new Promise(() => {}) : undefined
    })
  }
  return begun
}

describe('the time of what is published', () => {
  test.each([
    ['timeout: Infinity', { timeout: Infinity }],
    ['deadline: Infinity', { deadline: Infinity }],
    ['timeout: Number.MAX_VALUE', { timeout: Number.MAX_VALUE, ack: true }],
  ])('is the same as none where it is longer than anything (%s)', async (_, options) => {
    const cluster = new Cluster()
    const [{ pools }, worker] = (await start(cluster, 'a')) as [Member, Member]
    const sent = await cluster.settle(pools.worker.publishHrw('key', 'work', 1, options))
    expect(sent).toMatchObject({ sent: true, node: 'a' })
    await cluster.until(() => worker.got.length === 1)
  })

  test.each([
    ['timeout', { timeout: '5' }],
    ['timeout', { timeout: null }],
    ['deadline', { timeout: 5, deadline: null }],
  ])('is refused where it means nothing (%s: %o)', async (option, options) => {
    const cluster = new Cluster()
    const [{ pools }] = (await start(cluster, 'a')) as [Member]
    const sent = pools.worker.publishHrw('key', 'work', 1, options as unknown as ForwardOptions)
    expect(await cluster.failure(sent)).toMatchObject({ code: 'ERR_INVALID_OPTION', option })
  })
})

describe('what is sent to one node after another', () => {
  test('has one timeout for all of them', async () => {
    const cluster = new Cluster()
    const members = await start(cluster, 'a', 'b')
    const { pools } = members[0] as Member
    const begun = stuckAt(members, 'a', 'b')
    const began = cluster.clock.now()
    const sent = pools.worker.publishHrw('key', 'slow', 1, { ack: handled, timeout: 2_000 })
    await cluster.until(() => begun.length === 1)
    await cluster.pass(1_200)
    void named(members, begun[0]).manager.stop()
    await cluster.until(() => begun.length === 2)
    expect(await cluster.failure(sent)).toMatchObject({ code: 'ERR_DEADLINE' })
    expect(cluster.clock.now() - began).toBeLessThan(2_100)
  })

  test('is in doubt where all went away, one of which had it', async () => {
    const cluster = new Cluster()
    const members = await start(cluster, 'a')
    const { pools } = members[0] as Member
    const begun = stuckAt(members, 'a')
    const sent = pools.worker.publishHrw('key', 'slow', 1, { ack: handled })
    await cluster.until(() => begun.length === 1)
    void named(members, 'a').manager.stop()
    expect(await cluster.failure(sent)).toBeInstanceOf(UnknownOutcomeError)
    expect(pools.worker.counters()).toMatchObject({ resent: 1, empty: 0 })
  })

  test('is in doubt where one had it that went away, and the queue to the next is full', async () => {
    const channels = { default: { overflow: 'reject' } } as const
    const cluster = new Cluster({ options: { channels, limits: { queueBytes: 20_000, windowBytes: 65_536 } } })
    const members = await start(cluster, 'a', 'b')
    const { manager, pools } = members[0] as Member
    const begun = stuckAt(members, 'a', 'b')
    const sent = pools.worker.publishHrw('key', 'slow', new Uint8Array(9_000), { ack: handled })
    await cluster.until(() => begun.length === 1)
    const next = begun[0] === 'a' ? 'b' : 'a'
    cluster.stall(next, 'm')
    const fillers = Array.from({ length: 30 }, () => manager.forwardMessage(next, 'filler', new Uint8Array(9_000)))
    for (const filler of fillers) filler.catch(() => {})
    await cluster.pass(5)
    void named(members, begun[0]).manager.stop()
    expect(await cluster.failure(sent)).toBeInstanceOf(UnknownOutcomeError)
    expect([begun.length, pools.worker.counters().overloaded]).toEqual([1, 0])
  })

  test('ends with its signal, and is not sent to the next', async () => {
    const cluster = new Cluster()
    const members = await start(cluster, 'a', 'b')
    const { pools } = members[0] as Member
    const begun = stuckAt(members, 'a', 'b')
    const controller = new AbortController()
    const sent = pools.worker.publishHrw('key', 'slow', 1, { ack: handled, signal: controller.signal })
    await cluster.until(() => begun.length === 1)
    controller.abort(new Error('no more'))
    const error = await cluster.failure(sent)
    expect(error).toBeInstanceOf(UnknownOutcomeError)
    expect(error).toMatchObject({ cause: { message: 'no more' } })
    await cluster.pass(1_000)
    expect([begun.length, pools.worker.counters().resent]).toEqual([1, 0])
  })

  test('is sent to none twice that does not know what became of it, and is alive', async () => {
    const cluster = new Cluster()
    const m = await cluster.start('m', { attributes: { type: 'manager' } })
    const pools = managePools(m)
    const asked: string[] = []
    for (const name of ['a', 'b']) {
      const manager = await cluster.start(name, { attributes: { type: 'worker' } })
      // In the place of pools.
      manager.register('maquis:pools', async ({ type }: { readonly type: string }) => {
        if (type !== 'publish') return
        asked.push(name)
        await new Promise<void>(resolve => void cluster.clock.schedule(100, resolve))
        throw Object.assign(new Error('{"reason":"outcome-unknown"}'), { name: 'PoolRefusal' })
      })
      await cluster.settle(manager.syncJoin(m.spec))
      const flags = { leaving: false, ended: false, managerIsLogger: false }
      const state = { type: 'state', version: 1, heard: 0, ...flags, specs: [], subscriptions: [] }
      await cluster.settle(manager.forwardMessage('m', 'maquis:pools', state))
    }
    await cluster.settle(pools.worker.ready({ alive: 2 }))
    await cluster.pass(100)
    for (const options of [{}, { boundedLoad: 2 }]) {
      const sent = pools.worker.publishHrw('key', 'work', 1, { ...options, ack: true })
      expect(await cluster.failure(sent)).toBeInstanceOf(UnknownOutcomeError)
      expect(asked.splice(0).sort()).toEqual(['a', 'b'])
    }
    expect(await cluster.failure(pools.worker.publishRoundRobin('work', 1, { ack: true }))).toBeInstanceOf(
      UnknownOutcomeError,
    )
    expect(asked.sort()).toEqual(['a', 'b'])
  })

  test('tells what its handler says, in part where that is long', async () => {
    const cluster = new Cluster()
    const members = await start(cluster, 'a')
    const { pools } = members[0] as Member
    const { manager } = named(members, 'a')
    manager.register('long', () => {
      throw Object.assign(new Error('x'.repeat(10_000)), { code: 'E_LONG' })
    })
    manager.register('unspeakable', () => {
      throw Object.assign(new Error('\u0001'.repeat(4_000)), { code: 'E_LONG' })
    })
    const issues = Array.from({ length: 64 }, () => ({ message: 'y'.repeat(4_000) }))
    manager.register('picky', () => {}, {
      schema: { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } },
    })
    const send = (server: string): Promise<unknown> =>
      cluster.failure(pools.worker.publishHrw('key', server, 1, { ack: handled }))
    const long = await send('long')
    expect(long).toBeInstanceOf(RemoteError)
    expect(long).toMatchObject({ node: 'a', remoteMessage: 'x'.repeat(2_048), remoteCode: 'E_LONG' })
    expect(await send('unspeakable')).toMatchObject({ node: 'a', server: 'unspeakable', remoteCode: 'E_LONG' })
    expect(await send('picky')).toBeInstanceOf(SchemaError)
  })

  test('refuses what cannot be a server, wherever it would go', async () => {
    const cluster = new Cluster()
    const { pools } = (await start(cluster, 'a'))[0] as Member
    for (const server of [undefined, null, 1, '', 'a\nb', 'x'.repeat(256), 'maquis:pools', {}] as string[]) {
      const sent = [
        () => pools.worker.publishHrw('key', server, 1),
        () => pools.worker.publishHrw('key', server, 1, { boundedLoad: 2 }),
        () => pools.worker.publishRoundRobin(server, 1),
        () => pools.publish('zeek/cluster/pool/worker', server, 1),
        () => pools.publish('', server, 1),
      ]
      for (const send of sent) expect(await cluster.failure(send())).toBeInstanceOf(InvalidOptionError)
    }
  })

  test('refuses arguments that cannot be meant so, with a typed error', async () => {
    const cluster = new Cluster()
    const { pools } = (await start(cluster, 'a'))[0] as Member
    const none = null as unknown as ForwardOptions
    const key = {} as unknown as string
    const wrong = [
      () => pools.worker.publishHrw('key', 'work', 1, none),
      () => pools.worker.publishHrw(key, 'work', 1),
      () => pools.worker.publishHrw('key', 'work', 1, { partitionKey: key }),
      () => pools.worker.publishRoundRobin('work', 1, none),
      () => pools.publish(key, 'work', 1),
      () => pools.publish('news', 'work', 1, none),
      () => pools.publish('news', 'work', 1, { partitionKey: key }),
      () => pools.depart(none),
      () => pools.leave(none),
    ]
    for (const send of wrong) expect(await cluster.failure(send())).toBeInstanceOf(InvalidOptionError)
    expect(() => pools.subscribe(key, () => {})).toThrow(InvalidOptionError)
    expect(() => pools.subscribe('news', key as unknown as () => void)).toThrow(InvalidOptionError)
  })
})

describe('what is published to a topic with ack', () => {
  test('waits for subscribers whose promises are open', async () => {
    const cluster = new Cluster()
    const members = await start(cluster, 'a')
    const { pools } = members[0] as Member
    const open: (() => void)[] = []
    named(members, 'a').pools.subscribe('news', () => new Promise<void>(resolve => void open.push(resolve)))
    await cluster.pass(1_000)
    let isSent = false
    const sent = pools.publish('news', 'any', 1, { ack: handled }).then(result => {
      isSent = true
      return result
    })
    await cluster.pass(1_000)
    expect(isSent).toBe(false)
    for (const each of open) each()
    expect(await cluster.settle(sent)).toMatchObject({ sent: true, nodes: ['a'] })
  })

  test('is missed where nobody is subscribed any more, or there are no pools', async () => {
    for (const end of ['unsubscribe', 'dispose'] as const) {
      const cluster = new Cluster()
      const members = await start(cluster, 'a')
      const { pools } = members[0] as Member
      const a = named(members, 'a')
      const heard: unknown[] = []
      const subscription = a.pools.subscribe('news', message => void heard.push(message))
      await cluster.pass(1_000)
      if (end === 'dispose') a.pools[Symbol.dispose]()
      else subscription[Symbol.dispose]()
      // The sender has not been told yet.
      const result = await cluster.settle(pools.publish('news', 'any', 1, { ack: true }))
      expect(result).toMatchObject({ sent: false, reason: 'failed', nodes: [] })
      expect(result.missed.get('a')).toEqual(new NoSuchServerError('a', 'any'))
      await cluster.pass(1_000)
      const later = await cluster.settle(pools.publish('news', 'any', 1, { ack: true }))
      expect([later, heard]).toEqual([{ sent: false, reason: 'empty', nodes: [], missed: new Map() }, []])
    }
  })
})

test('acknowledged messages that were handled leave room for others', async () => {
  const cluster = new Cluster()
  const members = await start(cluster, 'a')
  const { pools } = members[0] as Member
  const open: (() => void)[] = []
  named(members, 'a').manager.register('slow', () => new Promise<void>(resolve => open.push(resolve)))
  const send = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => pools.worker.publishHrw('key', 'slow', 1, { ack: true })))
  await cluster.settle(send(1_024))
  for (const each of open.splice(0)) each()
  await cluster.pass(100)
  // They are acknowledged while their handlers are at work.
  await cluster.settle(send(1_024), 5_000)
  expect(open.length).toBe(1_024)
})

test('what is sent by load or in turns loses nothing to a node that departs', async () => {
  const cluster = new Cluster()
  const members = await start(cluster, 'a', 'b', 'c')
  const { pools } = members[0] as Member
  const c = named(members, 'c')
  const sent: Promise<unknown>[] = []
  const count = 120
  let ending: Promise<void> = Promise.resolve()
  for (let index = 0; index < count; index++) {
    const options: ForwardOptions = index % 4 < 2 ? { ack: true } : {}
    const isInTurn = index % 2 === 0
    sent.push(
      isInTurn
        ? pools.worker.publishRoundRobin('work', index, options)
        : pools.worker.publishHrw(keys[index % 60] as string, 'work', index, { ...options, boundedLoad: 1.25 }),
    )
    if (index === 40) ending = c.pools.depart().then(() => c.manager.stop())
    await cluster.pass(0.2)
  }
  await cluster.settle(ending)
  await cluster.settle(Promise.all(sent))
  await cluster.pass(1_000)
  const all = members.flatMap(({ got }) => got as number[]).sort((one, other) => one - other)
  expect(all).toEqual(Array.from({ length: count }, (_, index) => index))
  expect(c.got.length).toBeGreaterThan(0)
})

test('on a monotonic channel nothing that is published takes the place of anything else', async () => {
  const channels = { state: { monotonic: (message: { readonly key: string }): string => message.key } }
  const cluster = new Cluster({ options: { channels, limits: { windowBytes: 20_000 } } })
  const members = await start(cluster, 'w')
  const [m, w] = members as [Member, Member]
  const heard: unknown[] = []
  w.pools.subscribe('news', (message, { topic }) => heard.push([topic, (message as { at: number }).at]))
  await cluster.pass(1_000)
  const stalled = cluster.stall('w', 'm')
  const options = { channel: 'state' }
  const bytes = new Uint8Array(100_000)
  const sent: Promise<unknown>[] = []
  for (const at of [1, 2, 3]) {
    sent.push(m.pools.worker.publishHrw('key', 'work', { key: 'k', at, bytes }, options))
    sent.push(m.pools.publish(`news/${at}`, 'any', { key: 'k', at }, { ...options, ack: true }))
  }
  await cluster.pass(100)
  expect(w.got).toEqual([])
  const departed = w.pools.depart({ timeout: 20_000 })
  stalled.resume()
  for (const result of await cluster.settle(Promise.all(sent))) expect(result).toMatchObject({ sent: true })
  await cluster.settle(departed)
  expect(w.got.map(message => (message as { at: number }).at)).toEqual([1, 2, 3])
  expect(heard).toEqual([
    ['news/1', 1],
    ['news/2', 2],
    ['news/3', 3],
  ])
})

test.each([{}, { ack: true }])(
  'what is too large for one node is missed there, and reaches the others (%o)',
  async options => {
    const cluster = new Cluster()
    const attributes = { type: 'worker' }
    const small = await cluster.start('small', { attributes, limits: { messageBytes: 1_100 } })
    const managers = [small, await cluster.start('b', { attributes }), await cluster.start('c', { attributes })]
    const got: string[] = []
    const [, b, c] = managers.map(manager => {
      manager.register('work', () => void got.push(manager.name))
      return managePools(manager)
    })
    for (const manager of managers.slice(1)) await cluster.settle(manager.syncJoin(small.spec))
    await cluster.pass(1_000)
    const large = new Uint8Array(5_000)
    const result = await cluster.settle((b as ManagedPools).publish('zeek/cluster/worker', 'work', large, options))
    await cluster.pass(100)
    expect([result.nodes, [...result.missed.keys()], got.sort()]).toEqual([['b', 'c'], ['small'], ['b', 'c']])
    expect(result.missed.get('small')).toMatchObject({ code: 'ERR_ENCODE' })
    const mistake = (c as ManagedPools).publish('zeek/cluster/node/small/', 'work', large, options)
    expect(await cluster.failure(mistake)).toMatchObject({ code: 'ERR_ENCODE' })
  },
)
