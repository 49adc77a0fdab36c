import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  type Interposition,
  NotConnectedError,
  OverflowError,
  only,
  PartitionedError,
  type PassageFilter,
  type PeerServiceManager,
  StoppedError,
} from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

/** Holds what passes it until it is opened, and lets everything pass from then on. */
class Gate {
  readonly interposition: Interposition
  held = 0
  #open: () => void = () => {}

  constructor(filter: PassageFilter) {
    const until = new Promise<void>(resolve => {
      this.#open = resolve
    })
    this.interposition = only(filter, () => {
      this.held++
      return { type: 'hold', until }
    })
  }

  open(): void {
    this.#open()
  }
}

function hold(node: PeerServiceManager, filter: PassageFilter): Gate {
  const gate = new Gate(filter)
  node.interpose(gate.interposition)
  return gate
}

/** What became of a promise so far. */
function watch(promise: Promise<unknown>): { state: unknown } {
  const watched: { state: unknown } = { state: 'pending' }
  promise.then(
    () => {
      watched.state = 'resolved'
    },
    (error: unknown) => {
      watched.state = error
    },
  )
  return watched
}

const outgoing: PassageFilter = { direction: 'forward', kind: ['message', 'request'], server: 'x' }

describe('a message that is held before it leaves', () => {
  test('keeps its call pending, and nobody who comes after it waiting', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, { ...outgoing, kind: 'message' })
    const call = watch(a.forwardMessage('b', 'x', 'held'))
    a.interpose(() => ({ type: 'pass' }))
    await cluster.settle(a.request('b', 'x', 'later'))
    await cluster.pass(10_000)
    expect([call.state, heard, a.isConnected('b')]).toEqual(['pending', ['later'], true])
    gate.open()
    await cluster.turn()
    expect([call.state, heard]).toEqual(['resolved', ['later', 'held']])
  })

  test('is sent as it was when it was given', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const value = { count: 1 }
    const bytes = Uint8Array.of(1)
    a.castMessage('b', 'x', value)
    a.castMessage('b', 'x', bytes)
    value.count = 2
    bytes[0] = 2
    gate.open()
    await cluster.turn()
    expect(heard).toEqual([{ count: 1 }, Uint8Array.of(1)])
  })

  test('ends with its deadline, and is not sent after it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const calls = [
      watch(a.forwardMessage('b', 'x', 1, { timeout: 100 })),
      watch(a.request('b', 'x', 2, { timeout: 100 })),
    ]
    await cluster.pass(100)
    for (const { state } of calls) expect(state).toMatchObject({ constructor: DeadlineError, outcome: 'not-sent' })
    gate.open()
    await cluster.pass(1_000)
    expect([heard, queuedBytes(a)]).toEqual([[], 0])
  })

  test('ends with its signal, and is not sent after it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const calls = [watch(a.forwardMessage('b', 'x', 1, options)), watch(a.request('b', 'x', 2, options))]
    controller.abort(new Error('mine'))
    await cluster.turn()
    expect(calls.map(({ state }) => state)).toEqual([new Error('mine'), new Error('mine')])
    gate.open()
    await cluster.turn()
    expect([heard, queuedBytes(a)]).toEqual([[], 0])
  })

  test('has nothing more to do with its deadline once it has gone on', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const drops = record(a, 'dropped')
    a.castMessage('b', 'x', 1, { timeout: 100 })
    gate.open()
    await cluster.pass(1_000)
    expect([heard, drops, a.counters().expired, queuedBytes(a)]).toEqual([[1], [], 0, 0])
  })

  test('finds out only then that its peer is lost, and waits for it if it should', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const gate = hold(a, outgoing)
    const drops = record(a, 'dropped')
    const [call, patient] = [
      watch(a.forwardMessage('b', 'x', 1)),
      watch(a.forwardMessage('b', 'x', 2, { whenDown: 'wait' })),
    ]
    a.castMessage('b', 'x', 3)
    await cluster.settle(b.stop())
    await cluster.pass(1_000)
    expect(call.state).toBe('pending')
    gate.open()
    await cluster.turn()
    expect(call.state).toMatchObject({ constructor: NotConnectedError, reason: 'down' })
    expect(drops).toEqual([['dropped', expect.objectContaining({ reason: 'down', node: 'b', server: 'x' })]])
    const heard = hear(b, 'x')
    await cluster.settle(b.start())
    await cluster.until(() => patient.state === 'resolved' && heard.length === 1)
    expect(heard).toEqual([2])
  })

  test('finds out only then that a cut lies before it; of a request its caller is told at once', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gates = [hold(a, { ...outgoing, kind: 'message' }), hold(a, { ...outgoing, kind: 'request' })]
    const [call, request] = [watch(a.forwardMessage('b', 'x', 1)), watch(a.request('b', 'x', 2))]
    const ref = await cluster.settle(a.injectPartition('a', 0))
    expect([call.state, request.state]).toEqual(['pending', expect.any(PartitionedError)])
    gates[0]?.open()
    await cluster.turn()
    expect(call.state).toBeInstanceOf(PartitionedError)
    await cluster.settle(a.resolvePartition(ref))
    gates[1]?.open()
    await cluster.turn()
    expect(heard).toEqual([])
  })

  test('ends when its node stops, and is not sent in the next life', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const calls = [watch(a.forwardMessage('b', 'x', 1)), watch(a.request('b', 'x', 2))]
    await cluster.settle(a.stop())
    for (const { state } of calls) expect(state).toBeInstanceOf(StoppedError)
    await cluster.settle(a.start())
    gate.open()
    await cluster.until(() => a.isFullyConnected('b'))
    expect(heard).toEqual([])
  })

  test('ends when its node leaves and begins a new life', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    hold(a, outgoing)
    const call = watch(a.forwardMessage('b', 'x', 1))
    await cluster.settle(a.leave())
    await cluster.settle(a.join(b.spec))
    expect(call.state).toBeInstanceOf(StoppedError)
  })

  test('counts as waiting: the queue bounds it, and has room again after it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({
      channels: { full: { overflow: 'reject' } },
      limits: { queueBytes: 4_096, blockedCalls: 2 },
    })
    const heard = hear(b, 'x')
    const gate = hold(a, outgoing)
    const drops = record(a, 'dropped')
    const message = 'm'.repeat(1_000)
    const send = (channel: string): { state: unknown } => watch(a.forwardMessage('b', 'x', message, { channel }))
    const rejecting = Array.from({ length: 5 }, () => send('full'))
    const blocking = Array.from({ length: 5 }, () => send('default'))
    for (let count = 0; count < 5; count++) a.castMessage('b', 'x', message, { channel: 'full' })
    await cluster.turn()
    const overflowed = expect.any(OverflowError)
    // Each takes 1,000 bytes and 896 of bookkeeping; two calls more may wait for room where the policy is to block.
    expect(rejecting.map(({ state }) => state)).toEqual(['pending', 'pending', overflowed, overflowed, overflowed])
    expect(blocking.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'pending', overflowed])
    expect(drops).toHaveLength(5)
    expect(drops[0]).toEqual(['dropped', expect.objectContaining({ reason: 'overflow', channel: 'full' })])
    expect(a.counters().overflowed).toBe(9)
    expect(queuedBytes(a)).toBeGreaterThan(4 * 1_896)
    gate.open()
    await cluster.turn()
    expect([heard.length, queuedBytes(a)]).toEqual([6, 0])
  })

  test('that cannot travel rejects at once', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    hold(a, outgoing)
    expect(await cluster.failure(a.forwardMessage('b', 'x', () => {}))).toMatchObject({ code: 'ERR_ENCODE' })
  })
})

describe('a message that is held when it arrives', () => {
  const incoming: PassageFilter = { direction: 'receive', server: 'x' }

  test('holds its credit, so that its sender has to stop', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 4_096, queueBytes: 1_048_576 } } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(b, incoming)
    for (let count = 0; count < 100; count++) a.castMessage('b', 'x', 'm'.repeat(1_000))
    await cluster.pass(1_000)
    expect(gate.held).toBeGreaterThanOrEqual(3)
    expect(gate.held).toBeLessThan(6)
    gate.open()
    await cluster.until(() => heard.length === 100)
  })

  test('loses the time that it was held', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const left: number[] = []
    b.register('x', (_message, { deadline = 0 }) => void left.push(deadline - cluster.clock.wall().getTime()))
    const gate = hold(b, incoming)
    a.castMessage('b', 'x', 1, { timeout: 300 })
    a.castMessage('b', 'x', 2, { timeout: 50 })
    await cluster.pass(100)
    gate.open()
    await cluster.turn()
    expect([left, b.counters().expired]).toEqual([[200], 1])
  })

  test('is not handled when the node stops meanwhile, not even in its next life', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const gate = hold(b, incoming)
    a.castMessage('b', 'x', 1)
    await cluster.turn()
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    gate.open()
    await cluster.turn()
    expect([gate.held, heard]).toEqual([1, []])
  })

  test('stays with a simulated process: it waits while that is paused, and is gone when it crashes', async () => {
    await using net = simulate({ nodes: 2 })
    await net.settle()
    for (const fate of ['pause', 'crash'] as const) {
      const heard = hear(net.node('n2'), 'x')
      const gate = hold(net.node('n2'), incoming)
      net.node('n1').castMessage('n2', 'x', fate)
      await net.until(() => gate.held === 1)
      net[fate]('n2')
      gate.open()
      await net.pass(100)
      expect(heard).toEqual([])
      if (fate === 'pause') net.resume('n2')
      else net.restart('n2')
      await net.settle()
      expect(heard).toEqual(fate === 'pause' ? [fate] : [])
      if (fate === 'pause') net.restart('n2')
      await net.settle()
    }
  })

  test('is answered over the connection that it came on, or not at all', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('x', () => 'answer')
    const gate = hold(b, { direction: 'forward', kind: 'reply' })
    const request = watch(a.request('b', 'x', 1))
    await cluster.until(() => gate.held === 1)
    cluster.sever('a', 'b')
    await cluster.until(() => request.state !== 'pending')
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
    expect(request.state).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME' })
    gate.open()
    await cluster.turn()
    expect(a.counters().lateReplies).toBe(0)
  })

  test('is held with all others of its kind, but nothing is asked about an answer that nobody waits for', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('x', () => new Promise(resolve => cluster.clock.schedule(200, () => resolve('answer'))))
    const gate = hold(a, { direction: 'receive', kind: 'reply' })
    const late = watch(a.request('b', 'x', 1, { timeout: 100 }))
    const held = watch(a.request('b', 'x', 1))
    await cluster.pass(1_000)
    expect([late.state, held.state, gate.held]).toEqual([expect.any(DeadlineError), 'pending', 1])
    expect(a.counters().lateReplies).toBe(1)
    gate.open()
    await cluster.turn()
    expect(held.state).toBe('resolved')
  })
})

describe('what is held of the overlay', () => {
  test('is no sign of life when it is a heartbeat', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.interpose(only({ kind: 'membership' }, { type: 'drop' }))
    hold(a, { kind: 'heartbeat', direction: 'receive' })
    const downs = record(a, 'down')
    await cluster.until(() => downs.length > 0, 20_000)
    expect(downs[0]).toEqual(['down', 'b', 'lost'])
  })

  test.each(['forward', 'receive'] as const)('goes on when it may (%s)', async direction => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const gate = hold(b, { kind: 'membership', direction })
    const joined = watch(a.syncJoin(b.spec))
    await cluster.pass(10_000)
    expect([joined.state, gate.held > 0]).toEqual(['pending', true])
    gate.open()
    await cluster.until(() => joined.state === 'resolved')
    expect([a.members(), b.members()]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('goes nowhere when its peer is cut off meanwhile', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const gate = hold(a, { kind: 'membership', direction: 'forward' })
    await cluster.until(() => gate.held > 0, 120_000)
    await cluster.settle(a.injectPartition('a', 0))
    gate.open()
    await cluster.turn()
    expect(b.counters().faulted).toBe(0)
  })

  test('goes nowhere when its peer is lost meanwhile', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const gate = hold(a, { kind: 'membership', direction: 'forward' })
    const failures = record(a, 'handler-error', 'violation')
    await cluster.until(() => gate.held > 0, 120_000)
    await cluster.settle(b.stop())
    gate.open()
    await cluster.pass(1_000)
    expect(failures).toEqual([])
  })
})

function queuedBytes(node: PeerServiceManager): number {
  const channels = new Map(node.connections().map(({ channel, queuedBytes }) => [channel, queuedBytes]))
  return [...channels.values()].reduce((sum, bytes) => sum + bytes, 0)
}
