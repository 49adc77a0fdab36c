import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  type Delivery,
  EncodeError,
  InvalidOptionError,
  type MessageContext,
  NoSuchServerError,
  NotConnectedError,
  type PeerServiceManager,
  RemoteError,
  SchemaError,
  type SendMessageOptions,
  ServerExistsError,
  type StandardSchemaV1,
  UnknownChannelError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

/** What the server hears, from now. */
function hear(node: PeerServiceManager, server: string): { message: unknown; context: MessageContext }[] {
  const heard: { message: unknown; context: MessageContext }[] = []
  node.register(server, (message, context) => void heard.push({ message, context }))
  return heard
}

const messages = (heard: readonly { readonly message: unknown }[]): unknown[] => heard.map(({ message }) => message)

describe('a message', () => {
  test('goes to a server of another node, which is told who sent it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    await cluster.settle(a.forwardMessage('b', 'orders', { id: 1 }))
    a.castMessage('b', 'orders', { id: 2 })
    await cluster.turn()
    expect(messages(heard)).toEqual([{ id: 1 }, { id: 2 }])
    expect(heard[0]?.context).toEqual({ from: 'a', incarnation: a.spec.incarnation, channel: 'default' })
  })

  test('may be addressed by a reference: to a node, a life of it, a registry, or this node', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const [there, here] = [hear(b, 'orders'), hear(a, 'orders')]
    const registry = {
      whereIs: (name: string) => (name === 'global orders' ? { node: 'b', name: 'orders' } : undefined),
    }
    const { incarnation } = b.spec
    for (const send of [a.forwardMessage.bind(a), a.castMessage.bind(a)] as ((...call: unknown[]) => unknown)[]) {
      send({ node: 'b', name: 'orders' }, 1)
      send({ node: 'b', name: 'orders', incarnation }, 2, { timeout: 1_000 })
      send({ via: registry, name: 'global orders' }, 3)
      send({ node: 'a', name: 'orders' }, 4)
      send('orders', 5)
    }
    await cluster.turn()
    expect(messages(there)).toEqual([1, 2, 3, 1, 2, 3])
    expect(messages(here)).toEqual([4, 5, 4, 5])
    a.processForward('orders', 6)
    a.processForward({ node: 'a', name: 'orders' }, 7)
    expect(messages(here).slice(4)).toEqual([6, 7])
  })

  test('to an ended life of a node is refused', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const ref = { node: 'b', name: 'orders', incarnation: b.spec.incarnation - 1 }
    const error = await cluster.failure(a.forwardMessage(ref, 1))
    expect(error).toBeInstanceOf(NotConnectedError)
    expect(error).toMatchObject({ code: 'ERR_NOT_CONNECTED', reason: 'restarted' })
    expect(await cluster.failure(a.request(ref, 1))).toBeInstanceOf(NotConnectedError)
  })

  test('whose registry knows no such name is refused, and a cast of it told of', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const dropped = record(a, 'dropped')
    const ref = { via: { whereIs: () => undefined }, name: 'nobody' }
    expect(await cluster.failure(a.forwardMessage(ref, 1))).toBeInstanceOf(NoSuchServerError)
    a.castMessage(ref, 1)
    expect(dropped).toHaveLength(1)
  })

  test('to a stranger is refused at once, and a cast of it told of', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const dropped = record(a, 'dropped')
    const error = await cluster.failure(a.forwardMessage('nobody', 'orders', 1), 0)
    expect(error).toMatchObject({ code: 'ERR_NOT_CONNECTED', reason: 'stranger', node: 'nobody' })
    a.castMessage('nobody', 'orders', 1)
    expect(dropped).toEqual([
      [
        'dropped',
        { reason: 'not-connected', node: 'nobody', direction: 'forward', channel: 'default', server: 'orders' },
      ],
    ])
  })

  test('on a channel that this node or the peer lacks is refused, and says who lacks it', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { channels: { mine: {} } })
    const b = await cluster.start('b')
    await cluster.settle(a.syncJoin(b.spec))
    const local = await cluster.failure(a.forwardMessage('b', 'orders', 1, { channel: 'none' }))
    expect(local).toBeInstanceOf(UnknownChannelError)
    expect(local).toMatchObject({ where: 'local', channel: 'none' })
    const remote = await cluster.failure(a.forwardMessage('b', 'orders', 1, { channel: 'mine' }))
    expect(remote).toMatchObject({ where: 'remote', channel: 'mine', code: 'ERR_UNKNOWN_CHANNEL' })
    const own = await cluster.failure(a.forwardMessage('a', 'orders', 1, { channel: 'none' }))
    expect(own).toMatchObject({ where: 'local', channel: 'none' })
  })

  test('that cannot be encoded is refused with the reason, and disturbs nothing', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const dropped = record(a, 'dropped')
    expect(await cluster.failure(a.forwardMessage('b', 'orders', () => {}))).toBeInstanceOf(EncodeError)
    a.castMessage('b', 'orders', () => {})
    expect(dropped).toMatchObject([['dropped', { reason: 'encode' }]])
    await cluster.settle(a.forwardMessage('b', 'orders', 1))
    await cluster.turn()
    expect(messages(heard)).toEqual([1])
  })

  test('to a server that is not there is counted and told of where it arrives', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const dropped = record(b, 'dropped')
    await cluster.settle(a.forwardMessage('b', 'nobody', 1))
    await cluster.turn()
    b.processForward('nobody', 1)
    b.castMessage('nobody', 1)
    await cluster.turn()
    expect(dropped).toHaveLength(3)
    expect(dropped[0]).toEqual([
      'dropped',
      { reason: 'no-such-server', node: 'a', direction: 'receive', channel: 'default', server: 'nobody' },
    ])
    expect(b.counters().noSuchServer).toBe(3)
  })

  test.each([0, 1, 65_535, 65_536, 65_537, 3_000_000])('of %i bytes arrives as it was', async size => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'blob')
    const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251)
    await cluster.settle(a.forwardMessage('b', 'blob', bytes))
    await cluster.settle(a.forwardMessage('b', 'blob', { text: 'x'.repeat(size), bytes }))
    await cluster.until(() => heard.length === 2)
    const [plain, nested] = messages(heard) as [Uint8Array, { text: string; bytes: Uint8Array }]
    expect(Buffer.compare(plain, bytes)).toBe(0)
    expect(plain.constructor).toBe(Uint8Array)
    expect(Buffer.compare(nested.bytes, bytes)).toBe(0)
    expect(nested.text).toHaveLength(size)
  })

  test('larger than both nodes take is refused', async () => {
    const cluster = new Cluster({ options: { limits: { messageBytes: 200_000 } } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'blob')
    expect(await cluster.failure(a.forwardMessage('b', 'blob', new Uint8Array(200_001)))).toBeInstanceOf(EncodeError)
    expect(await cluster.failure(a.forwardMessage('b', 'blob', 'x'.repeat(200_001)))).toBeInstanceOf(EncodeError)
    await cluster.settle(a.forwardMessage('b', 'blob', new Uint8Array(200_000)))
    await cluster.until(() => heard.length === 1)
  })

  test('cast as bytes is copied: the caller may use them for something else', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'blob')
    const bytes = new Uint8Array(100_000).fill(1)
    a.castMessage('b', 'blob', bytes)
    bytes.fill(2)
    await cluster.until(() => heard.length === 1)
    expect(new Set(messages(heard)[0] as Uint8Array)).toEqual(new Set([1]))
  })

  test('carries a clock for the handler, and tells it of the deadline', async () => {
    const cluster = new Cluster({ network: { latency: 10 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const clock = { a: 1, b: [2, 3] }
    await cluster.settle(a.forwardMessage('b', 'orders', 1, { clock, timeout: 500 }))
    await cluster.until(() => heard.length === 1)
    expect(heard[0]?.context.clock).toEqual(clock)
    expect(heard[0]?.context.deadline).toBe(cluster.clock.wall().getTime() + 500)
    await cluster.settle(a.forwardMessage('a', 'orders', 1, { clock }).catch(() => {}))
  })

  test.each<[string, object]>([
    ['a negative timeout', { timeout: -1 }],
    ['a deadline that is no time', { deadline: Number.NaN }],
    ['no options but null', JSON.parse('null') as object],
  ])('with %s is the mistake of the caller', async (_what, options) => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    for (const node of ['a', 'b']) {
      expect(await cluster.failure(a.forwardMessage(node, 'orders', 1, options))).toBeInstanceOf(InvalidOptionError)
      expect(await cluster.failure(a.request(node, 'orders', 1, options))).toBeInstanceOf(InvalidOptionError)
      expect(() => a.castMessage(node, 'orders', 1, options)).toThrow(InvalidOptionError)
    }
  })

  test.each(['', 'x'.repeat(256), 'a\nb', '\ud800'])(
    'with a name that no server has is refused here (%j)',
    async name => {
      const cluster = new Cluster()
      const [a, b] = await cluster.pair()
      const broken = record(b, 'violation')
      expect(await cluster.failure(a.forwardMessage('b', name, 1))).toBeInstanceOf(InvalidOptionError)
      expect(await cluster.failure(a.request('b', name, 1))).toBeInstanceOf(InvalidOptionError)
      expect(() => a.castMessage('b', name, 1)).toThrow(InvalidOptionError)
      await cluster.pass(1_000)
      expect(broken).toEqual([])
      expect(a.isFullyConnected('b')).toBe(true)
    },
  )

  test('for the manager itself waits no longer than it may, and takes no other option', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const gone = AbortSignal.abort(new Error('planted'))
    await cluster.settle(a.sendMessage('b', 1, { timeout: 100, deadline: undefined }))
    expect(await cluster.failure(a.sendMessage('b', 1, { timeout: 0 }))).toMatchObject({ code: 'ERR_DEADLINE' })
    expect(await cluster.failure(a.sendMessage('b', 1, { signal: gone }))).toMatchObject({ message: 'planted' })
    const other = { ack: true } as SendMessageOptions
    expect(await cluster.failure(a.sendMessage('b', 1, other))).toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })

  test('goes to the manager itself by sendMessage, and to whom it names by receiveMessage', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told = record(b, 'message')
    const heard = hear(b, 'orders')
    await cluster.settle(a.sendMessage('b', { hello: 1 }))
    await cluster.turn()
    await cluster.settle(b.sendMessage('b', 'to myself'))
    await cluster.turn()
    b.receiveMessage('x', 'gossip', { what: 'ever' })
    b.receiveMessage('x', 'gossip', { server: 'orders', message: 5 })
    b.receiveMessage('x', 'gossip', { server: 'orders', message: 5, more: 1 })
    expect(told).toEqual([
      ['message', { from: 'a', channel: 'default', message: { hello: 1 } }],
      ['message', { from: 'b', channel: 'default', message: 'to myself' }],
      ['message', { from: 'x', channel: 'gossip', message: { what: 'ever' } }],
      ['message', { from: 'x', channel: 'gossip', message: { server: 'orders', message: 5, more: 1 } }],
    ])
    expect(heard).toMatchObject([{ message: 5, context: { from: 'x', channel: 'gossip' } }])
    expect(await cluster.failure(a.sendMessage('nobody', 1))).toBeInstanceOf(NotConnectedError)
  })
})

describe('a message to oneself', () => {
  test('is a copy, comes on a later turn, in order, and cannot be told from a message of a peer', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const heard = hear(a, 'orders')
    const order = { id: 1, when: new Date(5) }
    await a.forwardMessage('a', 'orders', order, { clock: 'c' })
    a.castMessage('orders', 2)
    order.id = 9
    expect(heard).toEqual([])
    await cluster.turn()
    expect(messages(heard)).toEqual([{ id: 1, when: new Date(5) }, 2])
    expect(heard[0]?.context).toEqual({
      ...{ from: 'a', incarnation: a.spec.incarnation, channel: 'default', clock: 'c' },
    })
  })

  test('is bounded as others are, and what was refused is not counted as waiting', async () => {
    const cluster = new Cluster({ options: { limits: { queueBytes: 10_000 } } })
    const [a] = await cluster.pair()
    const heard = hear(a, 'orders')
    const dropped = record(a, 'dropped')
    for (let count = 0; count < 100; count++) {
      expect(() => a.castMessage('a', 'orders', 1, { timeout: -1 })).toThrow(InvalidOptionError)
      await cluster.failure(a.forwardMessage('a', 'orders', 1, { clock: () => {} }))
    }
    for (let count = 0; count < 60; count++) a.castMessage('a', 'orders', new Uint8Array(100))
    await cluster.turn()
    expect(heard.length).toBeGreaterThanOrEqual(20)
    expect(heard.length + dropped.length).toBe(60)
    expect(a.counters().overflowed).toBe(dropped.length)
  })

  test('may be a request', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    a.register('add', ([x, y]: [number, number]) => x + y)
    a.register('never', () => new Promise(() => {}))
    expect(await cluster.settle(a.request('a', 'add', [1, 2]))).toBe(3)
    expect(await cluster.settle(a.request('add', [1, 2]))).toBe(3)
    expect(await cluster.failure(a.request('nobody', 1))).toBeInstanceOf(NoSuchServerError)
    expect(await cluster.failure(a.request({ node: 'a', name: 'never' }, 1, { timeout: 100 }))).toBeInstanceOf(
      DeadlineError,
    )
  })
})

describe('a request', () => {
  test('is answered with what the handler returns, or resolves with', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('add', ([x, y]: [number, number]) => x + y)
    b.register('later', async message => ({ message }))
    b.register('nothing', () => {})
    b.register('bytes', () => new Uint8Array([1, 2]))
    expect(await cluster.settle(a.request('b', 'add', [1, 2]))).toBe(3)
    expect(await cluster.settle(a.request({ node: 'b', name: 'add' }, [3, 4]))).toBe(7)
    expect(await cluster.settle(a.request('b', 'later', 1))).toEqual({ message: 1 })
    expect(await cluster.settle(a.request('b', 'nothing', 1))).toBeUndefined()
    expect(await cluster.settle(a.request('b', 'bytes', 1))).toEqual(new Uint8Array([1, 2]))
  })

  test('with a large answer gets all of it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('blob', (size: number) => new Uint8Array(size).fill(7))
    const answers = await cluster.settle(Promise.all([2_000_000, 70_000, 1].map(size => a.request('b', 'blob', size))))
    expect(answers.map(answer => (answer as Uint8Array).length)).toEqual([2_000_000, 70_000, 1])
  })

  test('rejects with what the handler threw: its name, message and code, but not its stack', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    class StockError extends Error {
      override readonly name = 'StockError'
      readonly code = 'E_STOCK'
    }
    b.register('sync', () => {
      throw new StockError('none left')
    })
    b.register('async', () => Promise.reject(new TypeError('bad')))
    const error = await cluster.failure(a.request('b', 'sync', 1))
    expect(error).toBeInstanceOf(RemoteError)
    const facts = { code: 'ERR_REMOTE', remoteName: 'StockError', remoteCode: 'E_STOCK', node: 'b', server: 'sync' }
    expect(error).toMatchObject(facts)
    expect((error as Error).message).toContain('none left')
    const other = await cluster.failure(a.request('b', 'async', 1))
    expect(other).toMatchObject({ remoteName: 'TypeError', remoteCode: undefined })
    b.register('numbered', () => Promise.reject(Object.assign(new Error('not found'), { code: 404 })))
    expect(await cluster.failure(a.request('b', 'numbered', 1))).toMatchObject({ remoteCode: '404' })
  })

  test('to a server that is not there rejects, and is counted there', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const error = await cluster.failure(a.request('b', 'nobody', 1))
    expect(error).toBeInstanceOf(NoSuchServerError)
    expect(error).toMatchObject({ code: 'ERR_NO_SUCH_SERVER', node: 'b', server: 'nobody' })
    expect(b.counters().noSuchServer).toBe(1)
  })

  test('whose answer cannot be encoded rejects with the reason', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('fn', () => () => {})
    expect(await cluster.failure(a.request('b', 'fn', 1))).toBeInstanceOf(RemoteError)
  })

  test('stops waiting at its timeout or its deadline, whichever is first', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('never', () => new Promise(() => {}))
    const deadline = cluster.clock.wall().getTime() + 300
    const began = cluster.clock.now()
    for (const [options, after] of [
      [{ timeout: 200 }, 200],
      [{ deadline, timeout: 5_000 }, 300],
    ] as const) {
      const error = await cluster.failure(a.request('b', 'never', 1, options))
      expect(error).toBeInstanceOf(DeadlineError)
      expect(error).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'unknown' })
      expect(cluster.clock.now() - began).toBeGreaterThanOrEqual(after)
      expect(cluster.clock.now() - began).toBeLessThan(after + 100)
    }
  })

  test('that is answered too late is counted, and nothing else', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    let answer: (value: number) => void = () => {}
    b.register('slow', () => new Promise<number>(resolve => (answer = resolve)))
    await cluster.failure(a.request('b', 'slow', 1, { timeout: 50 }))
    answer(1)
    await cluster.turn()
    expect(a.counters().lateReplies).toBe(1)
  })

  test('ends with the signal of the caller, and its reason', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('never', () => new Promise(() => {}))
    const controller = new AbortController()
    const asked = a.request('b', 'never', 1, { signal: controller.signal })
    await cluster.turn()
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await cluster.failure(asked)).toBe(reason)
    expect(await cluster.failure(a.request('b', 'never', 1, { signal: controller.signal }))).toBe(reason)
    expect(await cluster.failure(a.forwardMessage('b', 'never', 1, { signal: controller.signal }))).toBe(reason)
  })

  test('has an unknown outcome when its connection is lost, at once', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('never', () => new Promise(() => {}))
    const asked = a.request('b', 'never', 1)
    await cluster.turn()
    cluster.sever('a', 'b')
    const error = await cluster.failure(asked, 10)
    expect(error).toBeInstanceOf(UnknownOutcomeError)
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME', node: 'b' })
  })
})

describe('a server', () => {
  const whole: StandardSchemaV1<unknown, number> = {
    '~standard': {
      ...{ version: 1, vendor: 'test' },
      validate: value => {
        const number = Number(value)
        return Number.isInteger(number) ? { value: number } : { issues: [{ message: 'no whole number', path: ['id'] }] }
      },
    },
  }

  test('with a schema sees only what fits, as the schema makes it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const dropped = record(b, 'dropped')
    b.register('double', (message: number) => message * 2, { schema: whole })
    expect(await cluster.settle(a.request('b', 'double', '21'))).toBe(42)
    const error = await cluster.failure(a.request('b', 'double', 'x'))
    expect(error).toBeInstanceOf(SchemaError)
    expect(error).toMatchObject({ code: 'ERR_SCHEMA', server: 'double', issues: ['id: no whole number'] })
    await cluster.settle(a.forwardMessage('b', 'double', 'x'))
    await cluster.turn()
    expect(dropped).toMatchObject([['dropped', { reason: 'schema', node: 'a', server: 'double' }]])
    expect(b.counters().schemaRefused).toBe(1)
  })

  test('has its name alone until it is disposed', async () => {
    const cluster = new Cluster()
    const [, b] = await cluster.pair()
    const first = b.register('orders', () => {})
    expect(() => b.register('orders', () => {})).toThrow(ServerExistsError)
    expect(() => b.receive('orders')).toThrow(ServerExistsError)
    first[Symbol.dispose]()
    const second = b.register('orders', () => {})
    first[Symbol.dispose]()
    expect(() => b.register('orders', () => {})).toThrow(ServerExistsError)
    second[Symbol.dispose]()
  })

  test('whose handler throws is told of, counted, and goes on', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const failures = record(b, 'handler-error')
    b.register('orders', (id: number) => {
      if (id === 1) throw new Error('sync')
      return id === 2 ? Promise.reject(new Error('async')) : undefined
    })
    for (const id of [1, 2, 3]) a.castMessage('b', 'orders', id)
    await cluster.turn()
    expect(failures).toMatchObject([
      ['handler-error', { where: "server 'orders'", error: { message: 'sync' } }],
      ['handler-error', { where: "server 'orders'", error: { message: 'async' } }],
    ])
    expect(b.counters().handlerErrors).toBe(2)
  })

  test('with a concurrency handles no more at a time, in the order of arrival', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const started: number[] = []
    const finish: (() => void)[] = []
    let most = 0
    b.register(
      'orders',
      async (id: number) => {
        started.push(id)
        most = Math.max(most, started.length - finish.filter(done => done === finished).length)
        await new Promise<void>(resolve => finish.push(resolve))
        finish[finish.indexOf(finished, id)] = finished
      },
      { concurrency: 2 },
    )
    const finished = (): void => {}
    for (let id = 0; id < 6; id++) a.castMessage('b', 'orders', id)
    await cluster.turn()
    expect(started).toEqual([0, 1])
    finish[0]?.()
    await cluster.turn()
    expect(started).toEqual([0, 1, 2])
    finish[1]?.()
    finish[2]?.()
    await cluster.turn()
    expect(started).toEqual([0, 1, 2, 3, 4])
  })

  test('with a concurrency of one is not overtaken by what arrives while its turn is handed on', async () => {
    const cluster = new Cluster()
    const [, b] = await cluster.pair()
    const log: string[] = []
    const finish: (() => void)[] = []
    b.register(
      'orders',
      async (id: number) => {
        log.push(`begin ${id}`)
        await new Promise<void>(resolve => finish.push(resolve))
        log.push(`end ${id}`)
      },
      { concurrency: 1 },
    )
    b.processForward('orders', 1)
    b.processForward('orders', 2)
    finish[0]?.()
    // One after another of the microtasks in which the first handler ends.
    for (let id = 3; id < 20; id++) {
      await Promise.resolve()
      b.processForward('orders', id)
    }
    for (let count = 1; count < 20; count++) {
      await cluster.turn()
      finish[count]?.()
    }
    await cluster.turn()
    expect(log).toEqual(Array.from({ length: 19 }, (_, index) => [`begin ${index + 1}`, `end ${index + 1}`]).flat())
  })
})

describe('an iterator', () => {
  test('gives what arrives, in order, and ends with its loop', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const taken: unknown[] = []
    const loop = (async () => {
      for await (const { message, from, channel } of b.receive('orders')) {
        taken.push([message, from, channel])
        if (message === 3) break
      }
    })()
    for (const id of [1, 2, 3]) a.castMessage('b', 'orders', id)
    await cluster.settle(loop)
    expect(taken).toEqual([1, 2, 3].map(id => [id, 'a', 'default']))
    a.castMessage('b', 'orders', 4)
    await cluster.turn()
    expect(b.counters().noSuchServer).toBe(1)
  })

  test('answers requests with reply, which other messages do not have', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const orders = b.receive('orders')
    const asked = a.request('b', 'orders', 1)
    a.castMessage('b', 'orders', 2)
    const deliveries: Delivery[] = []
    for (let count = 0; count < 2; count++) deliveries.push((await cluster.settle(orders.next())).value as Delivery)
    expect(deliveries[1]?.reply).toBeUndefined()
    deliveries[0]?.reply?.('done')
    expect(await cluster.settle(asked)).toBe('done')
  })
})
