import { describe, expect, test } from 'vitest'
import type { ForwardOptions, PeerServiceManager } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const thousandYears = 2 ** 45

const endless: readonly [string, ForwardOptions][] = [
  ['timeout: Infinity', { timeout: Infinity }],
  ['timeout: Number.MAX_VALUE', { timeout: Number.MAX_VALUE }],
  ['timeout: 2 ** 64', { timeout: 2 ** 64 }],
  ['timeout: Number.MAX_SAFE_INTEGER', { timeout: Number.MAX_SAFE_INTEGER }],
  ['a timeout of a thousand years', { timeout: thousandYears }],
  ['deadline: Infinity', { deadline: Infinity }],
  ['deadline: Number.MAX_VALUE', { deadline: Number.MAX_VALUE }],
  ['the last Date', { deadline: 8.64e15 }],
]

const senseless: readonly [string, object, string][] = [
  ['a text', { timeout: '5' }, 'timeout'],
  ['null', { timeout: null }, 'timeout'],
  ['no number', { timeout: Number.NaN }, 'timeout'],
  ['less than nothing', { timeout: -1 }, 'timeout'],
  ['a text as a deadline', { deadline: '5' }, 'deadline'],
  ['null as a deadline', { deadline: null }, 'deadline'],
  ['null as a deadline beside a timeout', { timeout: 5, deadline: null }, 'deadline'],
  ['a Date', { deadline: new Date(0) }, 'deadline'],
]

/** Every way to send a message to `node` with these options. */
function sends(a: PeerServiceManager, node: string, options: ForwardOptions): (() => Promise<unknown>)[] {
  const { deadline, timeout } = options
  const times = { ...(deadline !== undefined && { deadline }), ...(timeout !== undefined && { timeout }) }
  return [
    () => a.forwardMessage(node, 'x', 1, options),
    () => a.forwardMessage(node, 'x', 1, { ...options, ack: true }),
    () => a.request(node, 'x', 1, options),
    () => a.requestAll([node], 'x', 1, options),
    () => a.broadcast('x', 1, times),
  ]
}

describe('a time', () => {
  test.each(endless)('that is longer than anything is the same as none (%s)', async (_, options) => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const broken = [record(a, 'down', 'violation'), record(b, 'down', 'violation')]
    const deadlines: unknown[] = []
    for (const node of [a, b]) {
      node.register('x', (_message, { deadline }) => {
        deadlines.push(deadline)
        return 'done'
      })
    }
    for (const node of ['a', 'b']) {
      for (const send of sends(a, node, options)) await cluster.settle(send())
      a.castMessage(node, 'x', 1, options)
    }
    await cluster.pass(1_000)
    expect(deadlines).toEqual(Array.from({ length: 12 }, () => undefined))
    expect(broken).toEqual([[], []])
  })

  test('just below that travels, and is handed on as it came', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const downs = record(a, 'down')
    a.register('left', (_message, { deadline = 0 }) => deadline - cluster.clock.wall().getTime())
    b.register('x', (_message, { deadline = 0 }) => b.request('a', 'left', 1, { deadline }))
    const left = await cluster.settle(a.request('b', 'x', 1, { timeout: thousandYears - 1 }))
    expect(left).toBeGreaterThan(thousandYears - 1_000)
    expect(downs).toEqual([])
  })

  test.each(senseless)('that means nothing is refused (%s)', async (_, options, option) => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    for (const node of ['a', 'b']) {
      for (const send of sends(a, node, options)) {
        expect(await cluster.failure(send())).toMatchObject({ code: 'ERR_INVALID_OPTION', option })
      }
      expect(() => a.castMessage(node, 'x', 1, options as ForwardOptions)).toThrow(`${option} must be`)
    }
  })
})
