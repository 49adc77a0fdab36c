import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import { type MonitorMessage, parseMonitorMessage } from '../../src/delivery/monitor-messages.js'
import { Monitored, type MonitoredInput, type Notice } from '../../src/delivery/monitored.js'
import { Monitors, type MonitorsEffect, type MonitorsInput } from '../../src/delivery/monitors.js'

const a = 'a' as NodeName
const b = 'b' as NodeName
const life = 7 as Incarnation
const on = { node: b, channel: 'default', server: 'orders', only: undefined }

function watching(monitors: Monitors): (input: MonitorsInput) => MonitorsEffect[] {
  return input => {
    const effects: MonitorsEffect[] = []
    monitors.step(input, 0, effects)
    return effects
  }
}

function watched(monitored: Monitored): (input: MonitoredInput) => Notice[] {
  return input => {
    const notices: Notice[] = []
    monitored.step(input, 0, notices)
    return notices
  }
}

const notice = { type: 'notice', node: b, reason: 'unregistered' } as const
const lost = { type: 'ended', node: b, life, why: 'down', forgotten: false } as const

describe('the watching end of monitors', () => {
  test('asks at once where the node is up, and at the connection where it is not', () => {
    const step = watching(new Monitors())
    const ask = (id: number): MonitorMessage => ({ type: 'monitor', monitors: [[id, 'orders']] })
    const send = { type: 'send', to: b, channel: 'default' }
    expect(step({ type: 'monitor', id: 1, ...on, life })).toEqual([{ ...send, message: ask(1) }])
    const step2 = watching(new Monitors())
    expect(step2({ type: 'monitor', id: 2, ...on, life: undefined })).toEqual([])
    expect(step2({ type: 'connected', node: a, life })).toEqual([])
    expect(step2({ type: 'connected', node: b, life })).toEqual([{ ...send, message: ask(2) }])
  })

  test('ends one when the notice has come on every stream, with the reason of the first', () => {
    const step = watching(new Monitors())
    step({ type: 'monitor', id: 1, ...on, life })
    expect(step({ ...notice, ids: [1], stream: 2, streams: 3 })).toEqual([])
    expect(step({ ...notice, ids: [1], stream: 2, streams: 3 })).toEqual([])
    expect(step({ ...notice, reason: 'lost', ids: [1], stream: 0, streams: 3 })).toEqual([])
    const ended = { type: 'ended', id: 1, life, why: 'unregistered' }
    expect(step({ ...notice, reason: 'lost', ids: [1, 2], stream: 1, streams: 3 })).toEqual([ended])
    expect(step({ ...notice, ids: [1], stream: 1, streams: 3 })).toEqual([])
  })

  test('heeds no notice of another node than the watched one', () => {
    const step = watching(new Monitors())
    step({ type: 'monitor', id: 1, ...on, life })
    expect(step({ ...notice, node: a, ids: [1], stream: 0, streams: 1 })).toEqual([])
    expect(step({ ...notice, ids: [1], stream: 0, streams: 1 })).toHaveLength(1)
  })

  test('ends those that were asked for with the connection; those that wait go on unless there will be none', () => {
    const ends = (why: 'down' | 'cut' | 'left', forgotten: boolean): unknown[] => {
      const step = watching(new Monitors())
      step({ type: 'monitor', id: 1, ...on, life: undefined })
      const first = step({ type: 'ended', node: b, life, why, forgotten })
      step({ type: 'monitor', id: 2, ...on, life })
      return [first, step({ type: 'ended', node: b, life, why, forgotten })].map(effects =>
        effects.map(effect => (effect.type === 'ended' ? [effect.id, effect.life, effect.why] : effect)),
      )
    }
    expect(ends('down', false)).toEqual([[], [[2, life, 'down']]])
    expect(ends('down', true)).toEqual([[[1, undefined, 'down']], [[2, life, 'down']]])
    expect(ends('cut', false)).toEqual([[[1, undefined, 'cut']], [[2, life, 'cut']]])
    expect(ends('left', true)).toEqual([[[1, undefined, 'left']], [[2, life, 'left']]])
  })

  test('says that a life ended where a later one is known, and ends what waited for that life alone', () => {
    const step = watching(new Monitors())
    step({ type: 'monitor', id: 1, ...on, life })
    const restarted = { type: 'ended', id: 1, life, why: 'restarted' }
    expect(step({ ...lost, life: life + 1 })).toEqual([restarted])
    step({ type: 'monitor', id: 2, ...on, life: undefined, only: life })
    step({ type: 'monitor', id: 3, ...on, life: undefined, only: life + 1 })
    step({ type: 'monitor', id: 4, ...on, life: undefined })
    expect(step({ type: 'restarted', node: b, life: life + 1 })).toEqual([{ ...restarted, id: 2, life: undefined }])
  })

  test('compares what both have, on each channel that was asked, when a connection may be a new one', () => {
    const step = watching(new Monitors())
    for (const [id, channel] of [
      [1, 'default'],
      [2, 'data'],
      [3, 'data'],
    ] as const) {
      step({ type: 'monitor', id, ...on, channel, life })
    }
    expect(step({ type: 'demonitor', id: 1 })).toHaveLength(1)
    expect(step({ type: 'demonitor', id: 1 })).toEqual([])
    const send = { type: 'send', to: b }
    expect(step({ type: 'connected', node: b, life })).toEqual([
      { ...send, channel: 'default', message: { type: 'sync', ids: [] } },
      { ...send, channel: 'data', message: { type: 'sync', ids: [2, 3] } },
    ])
    step({ ...lost, forgotten: true })
    expect(step({ type: 'connected', node: b, life })).toEqual([])
  })

  test('remembers nothing of those that ended and of nodes that are gone', () => {
    const monitors = new Monitors()
    const step = watching(monitors)
    for (let death = 0; death < 10_000; death++) {
      const node = `n${death % 100}` as NodeName
      const id = death * 3
      step({ type: 'monitor', id: id + 1, ...on, node, life: life + death })
      step({ type: 'monitor', id: id + 2, ...on, node, channel: 'data', life: undefined })
      step({ type: 'monitor', id: id + 3, ...on, node, life: life + death })
      step({ type: 'demonitor', id: id + 3 })
      step({ type: 'connected', node, life: life + death })
      step({ ...notice, node, ids: [id + 2], stream: 0, streams: 2 })
      const forgotten = death % 3 === 0
      step({ ...lost, node, forgotten })
      if (!forgotten) step({ type: 'restarted', node, life: life + death + 1 })
      expect(monitors.count(node)).toBe(0)
    }
    expect(monitors.size).toBe(0)
  })
})

describe('the watched end of monitors', () => {
  const servers = new Set<string>()
  const options = { has: (server: string) => servers.has(server), limit: 2 }
  const monitor = (ids: readonly number[], channel = 'default'): MonitoredInput => ({
    ...{ type: 'monitor', node: a, channel },
    monitors: ids.map(id => [id, 'orders'] as const),
  })
  const told = { type: 'notice', to: a, channel: 'default' } as const

  test('tells of no such server, of no room, and of the end, once', () => {
    servers.clear()
    const step = watched(new Monitored(options))
    expect(step(monitor([1, 2]))).toEqual([{ ...told, ids: [1, 2], reason: 'no-such-server' }])
    servers.add('orders')
    expect(step(monitor([3, 4, 5]))).toEqual([{ ...told, ids: [5], reason: 'refused' }])
    expect(step(monitor([3]))).toEqual([])
    expect(step({ type: 'unregistered', server: 'others' })).toEqual([])
    expect(step({ type: 'unregistered', server: 'orders' })).toEqual([{ ...told, ids: [3, 4], reason: 'unregistered' }])
    expect(step({ type: 'unregistered', server: 'orders' })).toEqual([])
  })

  test('knows those that it tells of until they were told, and no room is lost', () => {
    servers.add('orders')
    const monitored = new Monitored(options)
    const step = watched(monitored)
    step(monitor([1, 2]))
    step({ type: 'unregistered', server: 'orders' })
    const sync = { type: 'sync', node: a, channel: 'default', ids: [1, 2] } as const
    expect(step(sync)).toEqual([])
    step({ type: 'told', node: a, ids: [1, 2] })
    expect(step(sync)).toEqual([{ ...told, ids: [1, 2], reason: 'lost' }])
    expect(monitored.size).toBe(0)
    // What watches a later registration stays, whatever is told of the one before.
    step(monitor([3]))
    step({ type: 'told', node: a, ids: [3] })
    expect(step({ type: 'unregistered', server: 'orders' })).toHaveLength(1)
  })

  test('forgets what the peer does not name, on that channel alone', () => {
    servers.add('orders')
    const step = watched(new Monitored(options))
    step(monitor([1], 'default'))
    step(monitor([2], 'data'))
    expect(step({ type: 'sync', node: a, channel: 'data', ids: [] })).toEqual([])
    expect(step({ type: 'unregistered', server: 'orders' })).toEqual([{ ...told, ids: [1], reason: 'unregistered' }])
  })

  test('tells a peer that it was cut off, once it can be told anything', () => {
    servers.add('orders')
    const monitored = new Monitored(options)
    const step = watched(monitored)
    step(monitor([1], 'data'))
    step(monitor([2]))
    expect(step({ type: 'cut', node: a })).toEqual([])
    expect(step({ type: 'unregistered', server: 'orders' })).toEqual([])
    expect(step({ type: 'connected', node: a })).toEqual([
      { ...told, channel: 'data', ids: [1], reason: 'lost' },
      { ...told, ids: [2], reason: 'lost' },
    ])
    step({ type: 'told', node: a, ids: [1, 2] })
    expect(step({ type: 'connected', node: a })).toEqual([])
    expect(monitored.size).toBe(0)
  })

  test('tells each peer and channel of its own', () => {
    servers.add('orders')
    const step = watched(new Monitored(options))
    step(monitor([1], 'data'))
    step({ ...monitor([1]), node: b } as MonitoredInput)
    step(monitor([2]))
    const ends = step({ type: 'unregistered', server: 'orders' })
    expect(ends.map(({ to, channel, ids }) => [to, channel, ids])).toEqual([
      [a, 'data', [1]],
      [b, 'default', [1]],
      [a, 'default', [2]],
    ])
  })

  test('remembers nothing of peers that are gone', () => {
    servers.add('orders')
    const monitored = new Monitored(options)
    const step = watched(monitored)
    for (let death = 0; death < 10_000; death++) {
      const node = `n${death % 100}` as NodeName
      step({ ...monitor([death + 1, death + 2]), node } as MonitoredInput)
      if (death % 3 === 0) step({ type: 'unregistered', server: 'orders' })
      if (death % 2 === 0) step({ type: 'demonitor', node, channel: 'default', ids: [death + 1] })
      step({ type: 'ended', node })
      expect(monitored.size).toBe(0)
    }
  })
})

/** The two ends over a network of ordered streams that may be lost whole, each end noticing in its own time. */
describe('both ends together', () => {
  const streams = 2
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.constant('deliver' as const) },
    ...(['monitor', 'demonitor', 'register', 'unregister', 'lose', 'connect', 'cut', 'heal'] as const).map(name =>
      fc.constant(name),
    ),
  )

  test('each monitor ends at most once and rightly, and both keep the same in the end', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(command, fc.nat(7)), { maxLength: 80 }), commands => {
        let registered = true
        const monitors = new Monitors()
        const monitored = new Monitored({ has: () => registered, limit: 100 })
        const ended = new Map<number, string>()
        const disposed = new Set<number>()
        const toB: MonitorMessage[] = []
        const toA: MonitorMessage[][] = [[], []]
        let up = true
        let cut: 'no' | 'at b' | 'at both' = 'no'
        let lastId = 0
        const atA = (input: MonitorsInput): void => {
          for (const effect of watching(monitors)(input)) {
            if (effect.type === 'send') toB.push(effect.message)
            else {
              expect(ended.has(effect.id) || disposed.has(effect.id)).toBe(false)
              ended.set(effect.id, effect.why)
            }
          }
        }
        const atB = (input: MonitoredInput): void => {
          for (const { ids, reason } of watched(monitored)(input)) {
            // What is told through a cut is lost.
            if (cut !== 'no') continue
            for (const [stream, queue] of toA.entries()) queue.push({ type: 'down', ids, reason, stream, streams })
          }
        }
        const deliver = (choice: number): void => {
          const queue = [toB, ...toA][choice % 3] as MonitorMessage[]
          const message = queue.shift()
          if (message === undefined) return
          expect(parseMonitorMessage(message)).toEqual(message)
          if (message.type === 'down') {
            atA({ ...message, type: 'notice', node: b })
            // Taken everywhere: nothing of it is under way.
            const underWay = new Set(toA.flat().flatMap(other => (other.type === 'down' ? other.ids : [])))
            const ids = message.ids.filter(id => !underWay.has(id))
            return atB({ type: 'told', node: a, ids })
          }
          atB({ ...message, node: a, channel: 'default' })
        }
        const connect = (): void => {
          if (up) return
          up = true
          atB({ type: 'connected', node: a })
          atA({ type: 'connected', node: b, life })
        }
        const heal = (): void => {
          const whose = cut
          cut = 'no'
          if (whose !== 'no') atB({ type: 'connected', node: a })
          if (whose === 'at both') atA({ type: 'connected', node: b, life })
        }
        for (const [name, choice] of commands) {
          if (name === 'deliver' && up && cut === 'no') deliver(choice)
          else if (name === 'monitor' && cut !== 'at both')
            atA({ type: 'monitor', id: ++lastId, ...on, life: up ? life : undefined })
          else if (name === 'demonitor' && lastId > 0) {
            const id = (choice % lastId) + 1
            if (!ended.has(id)) disposed.add(id)
            atA({ type: 'demonitor', id })
          } else if (name === 'register') registered = true
          else if (name === 'unregister') {
            registered = false
            atB({ type: 'unregistered', server: 'orders' })
          } else if (name === 'connect') connect()
          else if (name === 'heal') heal()
          else if (name === 'cut' && up && cut === 'no') {
            cut = choice === 0 ? 'at b' : 'at both'
            atB({ type: 'cut', node: a })
            if (cut === 'at both') atA({ ...lost, why: 'cut' })
          } else if (name === 'lose' && up && cut === 'no') {
            // Everything under way is gone; one of the two may not have noticed.
            for (const queue of [toB, ...toA]) queue.length = 0
            up = false
            if (choice !== 0) atB({ type: 'ended', node: a })
            if (choice !== 1) atA(lost)
          }
        }
        heal()
        connect()
        for (let choice = 0; toB.length + toA.flat().length > 0; choice++) deliver(choice)
        registered = false
        atB({ type: 'unregistered', server: 'orders' })
        for (let choice = 0; toB.length + toA.flat().length > 0; choice++) deliver(choice)
        expect(ended.size + disposed.size).toBe(lastId)
        expect([monitors.count(b), monitored.size]).toEqual([0, 0])
      }),
      { numRuns: 500 },
    )
  })
})

describe('what a peer says of monitors', () => {
  test('is a message, or nothing', () => {
    const down = { type: 'down', ids: [1], reason: 'lost', stream: 0, streams: 1 }
    const good = [
      { type: 'monitor', monitors: [[1, 'orders']] },
      { type: 'demonitor', ids: [1] },
      { type: 'sync', ids: [] },
      ...[down, { ...down, stream: 63, streams: 64 }],
    ]
    for (const message of good) expect(parseMonitorMessage(message)).toEqual(message)
    const bad: unknown[] = [
      ...[undefined, null, 7, 'down', [], {}, { type: 'monitor' }, { type: 'sync' }, { type: 'what', ids: [] }],
      ...[[1], [[0, 'x']], [[1, '']], [[1, 'x', 2]], [[1.5, 'x']], [['1', 'x']], {}, new Array(1)].map(monitors => ({
        ...{ type: 'monitor', monitors },
      })),
      ...[[0], [-1], ['1'], [2 ** 53], {}, new Array(1)].map(ids => ({ type: 'demonitor', ids })),
      ...['left', 7, undefined].map(reason => ({ ...down, reason })),
      ...[-1, 1, 0.5, '0', undefined].map(stream => ({ ...down, stream })),
      ...[0, 65, 0.5, '1', undefined].map(streams => ({ ...down, streams })),
    ]
    for (const message of bad) expect(parseMonitorMessage(message)).toBeUndefined()
  })
})

test('a message has as many numbers as a node may have monitors at another, and no more', () => {
  const ids = Array.from({ length: 16_384 }, (_, index) => index + 1)
  expect(parseMonitorMessage({ type: 'sync', ids })).toEqual({ type: 'sync', ids })
  expect(parseMonitorMessage({ type: 'sync', ids: [...ids, 16_385] })).toBeUndefined()
})
