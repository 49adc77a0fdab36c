import assert from 'node:assert/strict'
import { chunk, connect, dial, exchange, fill, plain, Recorder, type TransportCase } from './transport-harness.js'

/** What is promised about chunks on their way. */
export const deliveryCases: readonly TransportCase[] = [
  {
    name: 'chunks arrive in order with the boundaries that send gave them, both ways',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      const sent = [chunk(1, 3), chunk(2, 0), chunk(3, 1), chunk(4, 70_000), chunk(5, 2)]
      for (const bytes of sent) near.connection.send(bytes)
      for (const bytes of sent) far.connection.send(bytes)
      await harness.eventually(Promise.all([far.count(5), near.count(5)]))
      assert.deepEqual(far.chunks.map(plain), sent)
      assert.deepEqual(near.chunks.map(plain), sent)
      await end()
    },
  },
  {
    name: 'what is sent while accepting reaches the handler of the dialler',
    async run(harness) {
      const listener = await harness.eventually(
        harness.transport.listen({ host: harness.host, port: 0 }, connection => {
          connection.admit()
          connection.send(chunk(1, 5))
          connection.send(chunk(2, 5))
          return new Recorder()
        }),
      )
      const near = new Recorder()
      await harness.eventually(dial(harness, listener, near))
      await harness.eventually(near.count(2))
      assert.deepEqual(near.chunks.map(plain), [chunk(1, 5), chunk(2, 5)])
      near.connection.destroy()
      await harness.eventually(listener.close())
    },
  },
  {
    name: 'what is sent right after dialling reaches the handler of the listener',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      assert.equal(near.connection.send(chunk(7, 9)), true)
      await harness.eventually(far.count(1))
      assert.deepEqual(far.chunks.map(plain), [chunk(7, 9)])
      await end()
    },
  },
  {
    name: '10,000 small chunks arrive, each once and in order',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      const count = 10_000
      for (let index = 0; index < count; index++) near.connection.send(Uint8Array.of(index & 255, index >> 8))
      await harness.eventually(far.count(count))
      far.chunks.forEach((bytes, index) => {
        assert.equal((bytes[0] ?? 0) + 256 * (bytes[1] ?? 0), index)
      })
      await end()
    },
  },
  {
    name: 'the largest chunk arrives whole',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      const largest = chunk(3, harness.frameBytes)
      near.connection.send(largest)
      near.connection.send(chunk(1, 1))
      await harness.eventually(far.count(2))
      assert.deepEqual(far.chunks.map(plain), [chunk(3, harness.frameBytes), chunk(1, 1)])
      await end()
    },
  },
  {
    name: 'a chunk that was given back may be written over',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      let early = false
      for (const [from, to] of [[near, far] as const, [far, near] as const]) {
        to.connection.pause()
        const count = 40
        for (let index = 0; index < count; index++) {
          let sending = true
          from.connection.send(chunk(index, 65_536), bytes => {
            early ||= sending
            bytes.fill(255)
          })
          sending = false
        }
        to.connection.resume()
        await harness.eventually(to.count(count))
        assert.deepEqual(
          to.chunks.map(plain),
          Array.from({ length: count }, (_, index) => chunk(index, 65_536)),
        )
      }
      assert.equal(early, false, 'a chunk was given back within the call that sent it')
      await end()
    },
  },
  {
    name: 'send returns false while too much waits, and drained tells when it no longer does',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      far.connection.pause()
      const count = fill(near.connection)
      assert.deepEqual(near.log, [])
      far.connection.resume()
      await harness.eventually(Promise.all([near.drains(1), far.count(count)]))
      assert.equal(near.connection.send(chunk(1, 1)), true)
      assert.equal(near.log.filter(entry => entry === 'drained').length, 1)
      await end()
    },
  },
  {
    name: 'a paused connection stops reading, and resuming it loses nothing',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      far.connection.pause()
      const count = fill(near.connection)
      await exchange(harness)
      assert.equal(far.chunks.length, 0)
      far.connection.resume()
      await harness.eventually(far.count(count))
      far.chunks.forEach((bytes, index) => {
        assert.deepEqual(plain(bytes), chunk(index, 65_536))
      })
      await end()
    },
  },
]
