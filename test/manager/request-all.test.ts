import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  EncodeError,
  InvalidOptionError,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  RemoteError,
  StoppedError,
  UnknownChannelError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

describe('a request to several nodes', () => {
  test('gives what each answered, and names who did not with its error', async () => {
    const cluster = new Cluster()
    const [a, b, c, d] = await cluster.mesh(['a', 'b', 'c', 'd'])
    const heard: unknown[] = []
    for (const node of [a, b]) {
      node?.register('double', (message: number) => {
        heard.push(node.name)
        return [node.name, message * 2]
      })
    }
    c?.register('double', () => {
      throw new TypeError('none')
    })
    expect(d?.isConnected('a')).toBe(true)
    const asked = a?.requestAll(['d', 'a', 'nobody', 'b', 'a', 'c', 'b'], 'double', 4)
    const { replies, missing } = await cluster.settle(asked ?? Promise.reject(new Error('no mesh')))
    expect([...replies]).toEqual([
      ['a', ['a', 8]],
      ['b', ['b', 8]],
    ])
    expect([...missing.keys()]).toEqual(['d', 'nobody', 'c'])
    expect(heard.length).toBe(2)
    expect(missing.get('d')).toBeInstanceOf(NoSuchServerError)
    expect(missing.get('nobody')).toBeInstanceOf(NotConnectedError)
    expect(missing.get('c')).toBeInstanceOf(RemoteError)
  })

  test('keeps what came before the timeout, the deadline or the signal', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    a.register('ask', () => 'a')
    b.register('ask', () => new Promise(() => {}))
    const controller = new AbortController()
    const deadline = cluster.clock.wall().getTime() + 1_000
    const asked = [{ timeout: 1_000 }, { deadline }, { signal: controller.signal }].map(options =>
      a.requestAll(['a', 'b'], 'ask', 1, options),
    )
    await cluster.pass(500)
    const reason = new Error('enough')
    controller.abort(reason)
    const [timeout, late, aborted] = await cluster.settle(Promise.all(asked))
    for (const outcome of [timeout, late, aborted]) expect([...(outcome?.replies ?? [])]).toEqual([['a', 'a']])
    expect(timeout?.missing.get('b')).toBeInstanceOf(DeadlineError)
    expect(late?.missing.get('b')).toBeInstanceOf(DeadlineError)
    expect(aborted?.missing.get('b')).toBe(reason)
    const over = await cluster.settle(a.requestAll(['a', 'b'], 'ask', 1, { signal: controller.signal }))
    expect([...over.missing.values()]).toEqual([reason, reason])
  })

  test('keeps what came before a peer went down, or this node was stopped', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three has three nodes')
    b.register('ask', () => 'b')
    for (const node of [a, c]) node.register('ask', () => new Promise(() => {}))
    const down = a.requestAll(['b', 'c'], 'ask', 1)
    const stopped = a.requestAll(['a', 'b'], 'ask', 1)
    await cluster.pass(100)
    await cluster.settle(c.stop())
    const { replies, missing } = await cluster.settle(down)
    expect([[...replies], missing.get('c')]).toEqual([[['b', 'b']], expect.any(UnknownOutcomeError)])
    await cluster.settle(a.stop())
    const left = await cluster.settle(stopped)
    expect([[...left.replies], left.missing.get('a')]).toEqual([[['b', 'b']], expect.any(StoppedError)])
  })

  test('holds to the bound of pending requests: those refused are missing', async () => {
    const cluster = new Cluster({ options: { limits: { requests: 1 } } })
    const [a, b] = await cluster.pair()
    a.register('ask', () => 'a')
    b.register('ask', () => new Promise(() => {}))
    const first = a.request('b', 'ask', 1, { timeout: 100 }).catch(() => {})
    const { replies, missing } = await cluster.settle(a.requestAll(['a', 'b'], 'ask', 1))
    expect([[...replies], missing.get('b')]).toEqual([[['a', 'a']], expect.any(OverflowError)])
    await cluster.settle(first)
  })

  test('of nobody has no answers', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const { replies, missing } = await a.requestAll([], 'ask', 1)
    expect([replies.size, missing.size]).toEqual([0, 0])
  })

  test('rejects for mistakes of the caller, and asks nobody', async () => {
    const cluster = new Cluster({ options: { limits: { messageBytes: 4_096 } } })
    const [a, b] = await cluster.pair()
    let asked = 0
    b.register('ask', () => void asked++)
    const of = ['b']
    const fails = async (kind: abstract new (...given: never[]) => Error, promise: Promise<unknown>): Promise<void> => {
      expect(await cluster.failure(promise)).toBeInstanceOf(kind)
    }
    await fails(InvalidOptionError, a.requestAll('b' as never, 'ask', 1))
    await fails(InvalidOptionError, a.requestAll(['b', 7] as never, 'ask', 1))
    await fails(InvalidOptionError, a.requestAll(of, '', 1))
    await fails(InvalidOptionError, a.requestAll(of, 'ask', 1, { timeout: Number.NaN }))
    // @ts-expect-error the types refuse it too
    await fails(InvalidOptionError, a.requestAll(of, 'ask', 1, { ack: true }))
    await fails(InvalidOptionError, a.requestAll(of, 'ask', 1, { whenDown: 'no' as never }))
    await fails(UnknownChannelError, a.requestAll(of, 'ask', 1, { channel: 'none' }))
    await fails(
      EncodeError,
      a.requestAll(of, 'ask', () => {}),
    )
    await fails(EncodeError, a.requestAll(of, 'ask', 'x'.repeat(5_000)))
    await fails(EncodeError, a.requestAll(of, 'ask', new Uint8Array(5_000)))
    await cluster.settle(a.stop())
    await fails(StoppedError, a.requestAll(of, 'ask', 1))
    expect(asked).toBe(0)
  })

  test('is typed from end to end', async () => {
    interface Calculator {
      add: { message: [number, number]; reply: number }
    }
    const cluster = new Cluster()
    const [a, b] = await cluster.pair<Calculator>()
    b.register('add', ([x, y]) => x + y)
    const { replies } = await cluster.settle(a.requestAll(a.members(), 'add', [1, 2]))
    const sum: number | undefined = replies.get('b')
    expect(sum).toBe(3)
    // @ts-expect-error a text is no pair of numbers
    await cluster.settle(a.requestAll(a.members(), 'add', 'x'))
    // @ts-expect-error there is no such server
    await cluster.settle(a.requestAll(a.members(), 'none', [1, 2]))
  })
})

describe('a monitor of all nodes', () => {
  test('is told of each that is up, and of every change, in turns, with lives and reasons', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const early: unknown[] = []
    a.monitorNodes(event => void early.push(event))
    const b = await cluster.start('b')
    await cluster.settle(b.syncJoin(a.spec))
    const late: unknown[] = []
    const watching = a.monitorNodes(event => void late.push(event))
    expect(late).toEqual([{ type: 'up', node: 'b', incarnation: b.spec.incarnation }])
    const again = cluster.node('b', { listen: { host: 'b2', port: 1 } })
    await cluster.settle(again.start())
    await cluster.settle(again.syncJoin(a.spec))
    const lives = [b.spec.incarnation, again.spec.incarnation]
    const replaced = [
      { type: 'up', node: 'b', incarnation: lives[0] },
      { type: 'down', node: 'b', incarnation: lives[0], reason: 'restarted' },
      { type: 'up', node: 'b', incarnation: lives[1] },
    ]
    expect([early, late]).toEqual([replaced, replaced])
    watching[Symbol.dispose]()
    await cluster.settle(a.stop())
    expect(early).toEqual([...replaced, { type: 'down', node: 'b', incarnation: lives[1], reason: 'lost' }])
    expect(late).toEqual(replaced)
  })

  test('may end itself, and what it throws disturbs nobody', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three has three nodes')
    const told: string[] = []
    a.monitorNodes(() => {
      throw new Error('mine')
    })
    const watching = a.monitorNodes(({ type, node }) => {
      told.push(`${type} ${node}`)
      if (type === 'down') watching[Symbol.dispose]()
    })
    await cluster.settle(c.stop())
    await cluster.settle(b.stop())
    await cluster.until(() => !a.isConnected('b') && !a.isConnected('c'))
    expect(told).toEqual(['up b', 'up c', 'down c'])
    a.monitorNodes(({ node }) => void told.push(node))
    expect(told.length).toBe(3)
    expect(a.counters().handlerErrors).toBe(4)
    expect(() => a.monitorNodes(7 as never)).toThrow(InvalidOptionError)
  })
})
