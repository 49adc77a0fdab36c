import assert from 'node:assert/strict'
import { chunk, connect, dial, exchange, plain, Recorder, type TransportCase } from './transport-harness.js'

/** What is promised about listening and dialling. */
export const diallingCases: readonly TransportCase[] = [
  {
    name: 'dialling where nobody listens rejects, and the handler is never called',
    async run(harness) {
      const near = new Recorder()
      const dialling = harness.transport.dial(harness.nobody, near, new AbortController().signal)
      await assert.rejects(harness.eventually(dialling), Error)
      await exchange(harness)
      assert.deepEqual(near.log, [])
    },
  },
  {
    name: 'dialling with an aborted signal rejects with its reason',
    async run(harness) {
      const near = new Recorder()
      const dialling = harness.transport.dial(harness.nobody, near, AbortSignal.abort(new Error('too late')))
      await assert.rejects(harness.eventually(dialling), /too late/)
      assert.deepEqual(near.log, [])
    },
  },
  {
    name: 'aborting while dialling rejects with the reason; whoever was accepted hears of the end',
    async run(harness) {
      const far: Recorder[] = []
      const listener = await harness.eventually(
        harness.transport.listen({ host: harness.host, port: 0 }, () => {
          const recorder = new Recorder()
          far.push(recorder)
          return recorder
        }),
      )
      const near = new Recorder()
      const abort = new AbortController()
      const dialling = harness.transport.dial({ url: listener.url }, near, abort.signal)
      abort.abort(new Error('changed my mind'))
      await assert.rejects(harness.eventually(dialling), /changed my mind/)
      await exchange(harness)
      assert.deepEqual(near.log, [])
      await harness.eventually(Promise.all(far.map(recorder => recorder.ended)))
      await harness.eventually(listener.close())
    },
  },
  {
    name: 'aborting after dialling has no effect',
    async run(harness) {
      const far = new Recorder()
      const listener = await harness.eventually(harness.transport.listen({ host: harness.host, port: 0 }, far.accept))
      const near = new Recorder()
      const abort = new AbortController()
      await harness.eventually(dial(harness, listener, near, abort.signal))
      abort.abort()
      near.connection.send(chunk(1, 1))
      await harness.eventually(far.count(1))
      assert.deepEqual(near.log, [])
      near.connection.destroy()
      await harness.eventually(listener.close())
    },
  },
  {
    name: 'two listeners on port 0 have URLs of their own',
    async run(harness) {
      const one = await connect(harness)
      const other = await connect(harness)
      assert.notEqual(one.listener.url, other.listener.url)
      one.near.connection.send(chunk(1, 1))
      other.near.connection.send(chunk(2, 2))
      await harness.eventually(Promise.all([one.far.count(1), other.far.count(1)]))
      assert.deepEqual(one.far.chunks.map(plain), [chunk(1, 1)])
      assert.deepEqual(other.far.chunks.map(plain), [chunk(2, 2)])
      await one.end()
      await other.end()
    },
  },
  {
    name: 'listening where somebody listens already rejects',
    async run(harness) {
      const { listener, end } = await connect(harness)
      const port = Number(new URL(listener.url).port)
      const second = harness.transport.listen({ host: harness.host, port }, () => new Recorder())
      await assert.rejects(harness.eventually(second), /EADDRINUSE/)
      await end()
    },
  },
  {
    name: 'a listener that closes keeps the connections it accepted, and accepts no more',
    async run(harness) {
      const { near, far, listener, end } = await connect(harness)
      await harness.eventually(listener.close())
      near.connection.send(chunk(1, 1))
      far.connection.send(chunk(2, 2))
      await harness.eventually(Promise.all([near.count(1), far.count(1)]))
      await assert.rejects(harness.eventually(dial(harness, listener, new Recorder())), Error)
      await end()
    },
  },
  {
    name: 'a listener may close twice, and its address can be bound again',
    async run(harness) {
      const { listener, end } = await connect(harness)
      await end()
      await harness.eventually(listener.close())
      const port = Number(new URL(listener.url).port)
      const second = await harness.eventually(
        harness.transport.listen({ host: harness.host, port }, () => new Recorder()),
      )
      await harness.eventually(second.close())
    },
  },
]
