import { describe, expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { encodeToBytes } from '../../src/codec/value-bytes.js'
import type { Transport } from '../../src/index.js'
import { dialsMax, internedNamesMax } from '../../src/link/limits.js'
import { Cluster } from '../support/cluster.js'

function frame(kind: number, body: Uint8Array): Uint8Array {
  const { length } = body
  return Buffer.concat([Uint8Array.of(kind, length >>> 16, (length >>> 8) & 0xff, length & 0xff), body])
}

const limits = { depth: 16, items: 100_000 }

const made = (index: number): object => ({
  left: false,
  spec: {
    ...{ name: `fake ${index}`, incarnation: 5_000 + index, version: 0, addresses: ['memory://nowhere:1'] },
    channels: { default: { parallelism: 1, compression: false } },
  },
})

describe('a member that does not keep to the rules', () => {
  test('cannot answer what another was asked', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.mesh(['a', 'b', 'm'])
    if (a === undefined || b === undefined) throw new Error('no nodes')
    b.register('slow', () => new Promise(() => {}))
    const asked = a.request('b', 'slow', 1, { timeout: 5_000 })
    await cluster.pass(100)
    for (const connection of cluster.ends('m', 'a')) {
      for (let id = 1; id < 10; id++) connection.send(frame(FrameKind.reply, Uint8Array.of(id, 0, 7)))
    }
    expect(await cluster.failure(asked)).toMatchObject({ code: 'ERR_DEADLINE' })
    expect(a.counters().lateReplies).toBeGreaterThan(0)
  })

  test('cannot fill the links of another with members that it made up', async () => {
    const cluster = new Cluster({ options: { limits: { peers: 50 } } })
    const [a] = await cluster.pair()
    const [connection] = cluster.ends('b', 'a')
    for (let part = 0; part < 40; part++) {
      const entries = Array.from({ length: 64 }, (_, index) => made(part * 64 + index))
      connection?.send(frame(FrameKind.strategy, encodeToBytes({ type: 'news', entries, counted: false }, limits)))
    }
    await cluster.pass(2_000)
    expect(new Set(a.connections().map(({ node }) => node)).size).toBeLessThanOrEqual(50)
    const honest = await cluster.start('honest')
    await cluster.settle(honest.join(a.spec))
    expect(a.isConnected('b')).toBe(true)
  })

  test('cannot make another dial more than so many at a time', async () => {
    const cluster = new Cluster()
    const inner = cluster.transport('a')
    let dialling = 0
    let most = 0
    const transport: Transport = {
      schemes: inner.schemes,
      listen: (address, accept) => inner.listen(address, accept),
      // Nobody ever answers.
      dial: (_address, _handler, signal) =>
        new Promise((_resolve, reject) => {
          most = Math.max(most, ++dialling)
          signal.addEventListener('abort', () => {
            dialling--
            reject(new Error('given up'))
          })
        }),
    }
    const a = await cluster.start('a', { transport })
    const b = await cluster.start('b')
    await cluster.settle(b.syncJoin(a.spec))
    const [connection] = cluster.ends('b', 'a')
    for (let part = 0; part < 10; part++) {
      const entries = Array.from({ length: 64 }, (_, index) => made(part * 64 + index))
      connection?.send(frame(FrameKind.strategy, encodeToBytes({ type: 'news', entries, counted: false }, limits)))
    }
    await cluster.pass(10_000)
    expect(a.members().length).toBe(642)
    expect(most).toBe(dialsMax)
  })
})

describe('a connection', () => {
  test('numbers so many server names, and writes out the others', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: string[] = []
    const names = Array.from({ length: internedNamesMax + 50 }, (_, index) => `server ${index}`)
    for (const name of names) b.register(name, () => void heard.push(name))
    for (let round = 0; round < 2; round++) for (const name of names) a.castMessage('b', name, round)
    await cluster.until(() => heard.length === 2 * names.length)
    expect(heard).toEqual([...names, ...names])
    expect(b.counters().violations).toBe(0)
  })
})
