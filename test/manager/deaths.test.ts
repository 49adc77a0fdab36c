import { expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { collectGarbage } from '../support/memory.js'

/** `DEATHS=10000` for as many: then nothing at all may be left of each. */
const deaths = Number(process.env.DEATHS ?? 400)
/** Caches fill, code is compiled: that is over after so many. */
const warmUp = deaths >> 1
const bytesEach = deaths < 5_000 ? 8_000 : 200

/** Bytes in use, with what can be collected collected. */
async function inUse(): Promise<number> {
  for (let count = 0; count < 3; count++) {
    collectGarbage()
    await new Promise(resolve => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

function serve(manager: PeerServiceManager): void {
  for (const name of ['never', 'news', 'inbox']) manager.register(name, () => new Promise(() => {}))
}

test(`${deaths} deaths of a peer end all that was pending with it, and leave nothing behind`, {
  timeout: 0,
}, async () => {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  const c = await cluster.start('c')
  await cluster.settle(c.syncJoin(a.spec))
  serve(b)
  serve(a)
  serve(c)
  let timers = 0
  let bytes = 0
  for (let death = 0; death < deaths; death++) {
    await cluster.until(() => a.isFullyConnected('b') && c.isFullyConnected('b'))
    let open = 0
    const ends: string[] = []
    const pending = (what: string, promise: Promise<unknown>): void => {
      open++
      promise.then(
        () => ends.push(`${what} resolved`),
        (error: { readonly code?: string }) => ends.push(`${what} ${error.code}`),
      )
    }
    pending('request', a.request('b', 'never', 1))
    pending('ack', a.forwardMessage('b', 'never', 2, { ack: { when: 'handled', onDown: 'reject' } }))
    pending('requestAll', a.requestAll(['b'], 'never', 3))
    pending(
      'causal',
      a.forwardMessage('b', 'inbox', 4, { causalLabel: 'chat', ack: { when: 'handled' }, timeout: 900 }),
    )
    pending('monitor', new Promise(resolve => a.monitor({ node: 'b', name: 'never' }, resolve)))
    b.castMessage('a', 'inbox', 5, { causalLabel: 'chat', ack: true })
    void b.broadcast('news', death)
    await cluster.pass(20)
    const stopped = b.stop()
    await cluster.pass(1_000)
    await cluster.settle(stopped)
    expect(ends.sort(), `death ${death}`).toEqual([
      'ack ERR_UNKNOWN_OUTCOME',
      'causal ERR_DEADLINE',
      'monitor resolved',
      'request ERR_UNKNOWN_OUTCOME',
      'requestAll resolved',
    ])
    expect(ends).toHaveLength(open)
    await cluster.settle(b.start())
    await cluster.settle(b.join(a.spec))
    if (death !== warmUp) continue
    timers = cluster.clock.pending
    bytes = await inUse()
  }
  await cluster.until(() => a.isFullyConnected('b') && c.isFullyConnected('b'))
  expect(cluster.clock.pending).toBeLessThan(timers + 20)
  expect(((await inUse()) - bytes) / (deaths - warmUp)).toBeLessThan(bytesEach)
})
