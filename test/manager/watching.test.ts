import { describe, expect, test } from 'vitest'
import { type PeerServiceManager, UnknownChannelError, type WatchOptions } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const channels = { data: { parallelism: 2 } }

/** What a watcher of both edges is told, from now. */
function watch(node: PeerServiceManager, whom: string, options?: WatchOptions): string[] {
  const told: string[] = []
  const name = (peer: string, channel?: string): string => (channel === undefined ? peer : `${peer}/${channel}`)
  node.onUp(whom, (...given) => void told.push(`up ${name(...given)}`), options)
  node.onDown(whom, (...given) => void told.push(`down ${name(...given)}`), options)
  return told
}

describe('a watcher', () => {
  test('is told of each peer, once for each up and once for each down', async () => {
    const cluster = new Cluster({ options: { channels } })
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const [all, named, other, data] = [watch(a, '*'), watch(a, 'b'), watch(a, 'c'), watch(a, 'b', { channel: 'data' })]
    const events = record(a, 'up', 'down')
    await cluster.settle(a.syncJoin(b.spec))
    expect(all).toEqual(['up b'])
    cluster.sever('a', 'b')
    await cluster.until(() => a.isFullyConnected('b') && all.length === 3)
    await cluster.settle(b.stop())
    await cluster.until(() => !a.isConnected('b'))
    await cluster.pass(20_000)
    expect(all).toEqual(['up b', 'down b', 'up b', 'down b'])
    expect(named).toEqual(all)
    expect(other).toEqual([])
    expect(data).toEqual(all.map(edge => `${edge}/data`))
    expect(events).toEqual([
      ['up', 'b'],
      ['down', 'b', 'lost'],
      ['up', 'b'],
      ['down', 'b', 'lost'],
    ])
  })

  test('that comes late is told at once of who is up', async () => {
    const cluster = new Cluster({ options: { channels } })
    const [a] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined) throw new Error('no node')
    expect(watch(a, '*').sort()).toEqual(['up b', 'up c'])
    expect(watch(a, 'b')).toEqual(['up b'])
    expect(watch(a, 'b', { channel: 'data' })).toEqual(['up b/data'])
    expect(() => watch(a, 'b', { channel: 'none' })).toThrow(UnknownChannelError)
    expect(watch(a, 'x')).toEqual([])
  })

  test('of a channel hears of that channel alone: its last lane gone, its first lane back', async () => {
    const cluster = new Cluster({ options: { channels } })
    const [a, b] = await cluster.pair()
    const [peer, data] = [watch(a, 'b'), watch(a, 'b', { channel: 'data' })]
    // The control lane opens first, so these are the others, among them both lanes of the channel.
    for (const connection of cluster.ends('a', 'b').slice(1)) connection.destroy()
    await cluster.until(() => data.length === 3)
    expect(data).toEqual(['up b/data', 'down b/data', 'up b/data'])
    expect(peer).toEqual(['up b'])
    await cluster.until(() => b.isConnected('a', 'data'))
  })

  test('of a channel hears of it when the peer is cut off, and when it is healed', async () => {
    const cluster = new Cluster({ options: { channels } })
    const [a, b] = await cluster.pair()
    const [here, there] = [watch(a, 'b', { channel: 'data' }), watch(b, 'a', { channel: 'data' })]
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.until(() => b.partitions().length === 1)
    expect([here.at(-1), there.at(-1)]).toEqual(['down b/data', 'down a/data'])
    await cluster.settle(a.resolvePartition(ref))
    await cluster.until(() => b.partitions().length === 0)
    expect(here).toEqual(['up b/data', 'down b/data', 'up b/data'])
    expect(there).toEqual(['up a/data', 'down a/data', 'up a/data'])
  })

  test('is not told of a channel of which a lane is left', async () => {
    const cluster = new Cluster({ options: { channels } })
    const [a] = await cluster.pair()
    const data = watch(a, 'b', { channel: 'data' })
    for (const end of cluster.ends('a', 'b')) {
      end.destroy()
      await cluster.until(() => a.isFullyConnected('b'))
      await cluster.pass(2_000)
    }
    // Each of the four connections was lost once, one after another.
    expect(data).toEqual(['up b/data'])
  })

  test('of a peer that was replaced is told of the old down, then of the new up', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told = watch(a, 'b')
    const events = record(a, 'down')
    const again = cluster.node('b', { listen: { host: 'b2' } })
    await cluster.settle(again.start())
    await cluster.settle(again.syncJoin(a.spec))
    await cluster.pass(100)
    expect(told).toEqual(['up b', 'down b', 'up b'])
    expect(events).toEqual([['down', 'b', 'restarted']])
    expect(b.isConnected('a')).toBe(false)
  })

  test('of a peer that was cut off and restarted is told of no up in between', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const told = watch(a, 'b')
    await cluster.settle(a.injectPartition('a', 0))
    await cluster.turn()
    expect(told).toEqual(['up b', 'down b'])
    const again = await cluster.start('b', { listen: { host: 'b2' } })
    await cluster.settle(again.syncJoin(a.spec))
    await cluster.pass(100)
    expect(told).toEqual(['up b', 'down b', 'up b'])
    expect(a.partitions()).toEqual([])
  })

  test('hears of a peer that leaves', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told = watch(a, 'b')
    const events = record(a, 'down')
    await cluster.settle(b.leave())
    await cluster.turn()
    expect(told).toEqual(['up b', 'down b'])
    expect(events).toEqual([['down', 'b', 'left']])
  })

  test('hears nothing after it was disposed, not even when that happens meanwhile', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const told: string[] = []
    const first = a.onDown('b', () => {
      told.push('first')
      second[Symbol.dispose]()
    })
    const second = a.onDown('b', () => void told.push('second'))
    const third = a.onDown('b', () => void told.push('third'))
    third[Symbol.dispose]()
    cluster.sever('a', 'b')
    await cluster.until(() => told.length > 0)
    first[Symbol.dispose]()
    await cluster.until(() => a.isConnected('b'))
    cluster.sever('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    expect(told).toEqual(['first'])
  })

  test('that is added while others are told hears of the same up once', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const told: string[] = []
    cluster.sever('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    a.onUp('b', () => {
      if (told.length === 0) a.onUp('b', peer => void told.push(peer))
    })
    await cluster.until(() => told.length > 0)
    await cluster.pass(10)
    expect(told).toEqual(['b'])
  })

  test('that throws keeps nobody else from hearing, and is told of', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const failures = record(a, 'handler-error')
    a.onDown('b', () => {
      throw new Error('mine')
    })
    const told = watch(a, 'b')
    a.onUp('b', () => {
      throw new Error('at once')
    })
    cluster.sever('a', 'b')
    await cluster.until(() => told.length === 3)
    expect(failures).toMatchObject([
      ['handler-error', { where: 'a watcher', error: { message: 'at once' } }],
      ['handler-error', { where: 'a watcher', error: { message: 'mine' } }],
      ['handler-error', { where: 'a watcher', error: { message: 'at once' } }],
    ])
    expect(a.counters().handlerErrors).toBe(3)
  })

  test('may send to the peer that came up', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const heard: unknown[] = []
    b.register('hello', (message: unknown) => void heard.push(message))
    const sent: Promise<void>[] = []
    a.onUp('*', node => void sent.push(a.forwardMessage(node, 'hello', 'hi')))
    await cluster.settle(a.join(b.spec))
    await cluster.settle(Promise.all(sent))
    await cluster.until(() => heard.length === 1)
  })
})

describe('an event', () => {
  test('listened to once is heard once, and a listener that throws is told of', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    let heard = 0
    a.events.once('down', () => void heard++)
    for (let count = 0; count < 2; count++) {
      cluster.sever('a', 'b')
      await cluster.until(() => !a.isConnected('b'))
      await cluster.until(() => a.isConnected('b'))
    }
    expect(heard).toBe(1)
    const failures = record(a, 'handler-error')
    a.events.on('down', () => {
      throw new Error('mine')
    })
    cluster.sever('a', 'b')
    await cluster.until(() => failures.length === 1)
    expect(failures).toMatchObject([['handler-error', { error: { message: 'mine' } }]])
  })

  test('of members tells what members() answers', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const told = record(a, 'members')
    await cluster.settle(b.syncJoin(a.spec))
    await cluster.settle(b.leave())
    await cluster.pass(5_000)
    expect(told).toEqual([
      ['members', ['a', 'b']],
      ['members', ['a']],
    ])
  })
})
