import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

const refuse = (): never => {
  throw new Error('not to be read')
}

/** What cannot become text, or throws when it is looked at. */
const things: Readonly<Record<string, () => unknown>> = {
  'an object without a prototype': () => Object.create(null) as unknown,
  'an object whose toString is no function': () => ({ toString: 0, valueOf: 0 }),
  'a proxy that lets nothing be read': () => new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse }),
  'an error whose message throws': () => Object.defineProperty(new Error('x'), 'message', { get: refuse }),
  'an error whose name, code and stack throw': () =>
    Object.defineProperties(new Error('x'), {
      name: { get: refuse },
      code: { get: refuse },
      stack: { get: refuse },
    }),
  'an error whose message is no text': () => Object.assign(new Error('x'), { message: { toString: 0 }, stack: 5 }),
}

const handlers: Readonly<Record<string, (thing: unknown) => unknown>> = {
  'throws it': thing => {
    throw thing
  },
  'rejects with it': async thing => {
    throw thing
  },
}

const names = Object.keys(things)
const cases = names.flatMap(what => Object.keys(handlers).map(how => [what, how] as const))

async function pairWith(
  handler: () => unknown,
  cluster: Cluster,
): Promise<[a: PeerServiceManager, b: PeerServiceManager]> {
  const [a, b] = await cluster.pair({ logger: { debug() {}, info() {}, warn() {}, error() {} } })
  for (const node of [a, b]) {
    node.register('bad', handler)
    node.register('one', handler, { concurrency: 1 })
    node.register('good', () => 'alive')
  }
  return [a, b]
}

describe('whatever a handler throws', () => {
  test.each(cases)('a request is answered and nobody dies: %s, %s', async (what, how) => {
    const cluster = new Cluster()
    const [a, b] = await pairWith(() => handlers[how]?.(things[what]?.()), cluster)
    for (const node of ['a', 'b']) {
      for (const server of ['bad', 'one']) {
        expect(await cluster.failure(a.request(node, server, 1))).toMatchObject({ code: 'ERR_REMOTE' })
        const handled = a.forwardMessage(node, server, 1, { ack: { when: 'handled' } })
        expect(await cluster.failure(handled)).toMatchObject({ code: 'ERR_REMOTE' })
        await cluster.settle(a.forwardMessage(node, server, 1, { ack: true }))
        a.castMessage(node, server, 1)
      }
    }
    await a.broadcast('bad', 1)
    await cluster.pass(1_000)
    // A request and an acknowledged message are told to who asked, and are not counted beside the message alone.
    expect(b.counters().handlerErrors).toBeGreaterThanOrEqual(3)
    expect(await cluster.settle(a.request('b', 'good', 1))).toBe('alive')
  })

  test.each(names)('watchers, listeners and interpositions hold nobody up: %s', async what => {
    const cluster = new Cluster()
    const [a, b] = await pairWith(() => 1, cluster)
    const fail = (): never => {
      throw things[what]?.()
    }
    a.onUp('b', fail)
    a.onDown('b', fail)
    a.events.on('handler-error', fail)
    a.interpose(fail)
    expect(await cluster.settle(a.request('b', 'good', 1))).toBe('alive')
    await cluster.settle(b.stop())
    await cluster.pass(60_000)
    expect(a.counters().handlerErrors).toBeGreaterThanOrEqual(2)
  })

  test.each<[string, () => unknown]>([
    [
      'an error of another realm',
      () => runInNewContext(`Object.assign(new TypeError('no'), { code: 'E_NO' })`) as unknown,
    ],
    ['a plain object', () => ({ name: 'TypeError', message: 'no', code: 'E_NO' })],
  ])('what it says reaches who asked, as an error says it: %s', async (_what, make) => {
    const cluster = new Cluster()
    const [a] = await pairWith(() => {
      throw make()
    }, cluster)
    const said = { code: 'ERR_REMOTE', remoteName: 'TypeError', remoteMessage: 'no', remoteCode: 'E_NO' }
    for (const node of ['a', 'b']) expect(await cluster.failure(a.request(node, 'bad', 1))).toMatchObject(said)
  })

  test('what a peer sends and its handler throws back is told as well', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('validate', message => {
      throw message
    })
    a.castMessage('b', 'validate', { toString: 0, valueOf: 0 })
    await cluster.pass(10)
    expect(await cluster.failure(a.request('b', 'validate', { toString: 0, valueOf: 0 }))).toMatchObject({
      code: 'ERR_REMOTE',
    })
  })

  test('what cannot be read when it is sent is refused', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    for (const thing of Object.values(things)) {
      const hostile = Object.defineProperty({}, 'field', {
        enumerable: true,
        get: () => {
          throw thing()
        },
      })
      expect(await cluster.failure(a.forwardMessage('b', 'x', hostile))).toMatchObject({ code: 'ERR_ENCODE' })
    }
  })
})
