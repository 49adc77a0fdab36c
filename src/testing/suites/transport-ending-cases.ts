import assert from 'node:assert/strict'
import { chunk, connect, dial, exchange, Recorder, type TransportCase } from './transport-harness.js'

/** What is promised about the end of a connection. */
export const endingCases: readonly TransportCase[] = [
  {
    name: 'close delivers what was sent before it, and both ends hear of it once, last and without an error',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      for (let index = 0; index < 40; index++) near.connection.send(chunk(index, 65_536))
      near.connection.close()
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.equal(far.chunks.length, 40)
      assert.deepEqual(far.log.at(-1), 'closed')
      assert.deepEqual(near.log, ['closed'])
      assert.deepEqual([near.errors, far.errors], [[undefined], [undefined]])
      await end()
    },
  },
  {
    name: 'close tells the other end the reason',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.close('superseded by a newer incarnation')
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.equal(near.errors[0], undefined)
      assert.match(String(far.errors[0]?.message), /superseded by a newer incarnation/)
      await end()
    },
  },
  {
    name: 'a reason of any length and script is no obstacle to closing',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.close('€'.repeat(500))
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.match(String(far.errors[0]?.message), /"€{10,}"$/)
      await end()
    },
  },
  {
    name: 'both ends may close at once',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.close()
      far.connection.close()
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.deepEqual([near.errors, far.errors], [[undefined], [undefined]])
      await end()
    },
  },
  {
    name: 'after close nothing but closed reaches the handler',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      far.connection.send(chunk(1, 10))
      near.connection.close()
      far.connection.send(chunk(2, 10))
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.deepEqual(near.log, ['closed'])
      await end()
    },
  },
  {
    name: 'close ends a connection that the owner has paused',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.pause()
      for (let index = 0; index < 10; index++) far.connection.send(chunk(index, 10_000))
      near.connection.close()
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.deepEqual([near.errors, far.errors], [[undefined], [undefined]])
      await end()
    },
  },
  {
    name: 'close does not wait long for an end that does not read',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      far.connection.pause()
      near.connection.send(chunk(1, 10))
      near.connection.close()
      await harness.eventually(near.ended)
      assert.ok(near.errors[0] instanceof Error)
      far.connection.resume()
      await harness.eventually(far.ended)
      await end()
    },
  },
  {
    name: 'destroy ends both ends at once; only the other one sees an error',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.destroy()
      assert.deepEqual(near.log, [], 'a handler is not called from within a call')
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.deepEqual(near.errors, [undefined])
      assert.equal(far.errors.length, 1)
      assert.ok(far.errors[0] instanceof Error)
      await end()
    },
  },
  {
    name: 'closing and destroying again changes nothing',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.close('first')
      near.connection.close('second')
      near.connection.destroy()
      near.connection.destroy()
      near.connection.close('third')
      await harness.eventually(Promise.all([far.ended, near.ended]))
      near.connection.destroy()
      far.connection.close()
      far.connection.pause()
      far.connection.resume()
      await exchange(harness)
      assert.equal(near.errors.length, 1)
      assert.equal(far.errors.length, 1)
      await end()
    },
  },
  {
    name: 'a connection may be closed or destroyed while it is accepted',
    async run(harness) {
      for (const verb of ['close', 'destroy'] as const) {
        const far = new Recorder()
        const listener = await harness.eventually(
          harness.transport.listen({ host: harness.host, port: 0 }, connection => {
            connection[verb]()
            return far
          }),
        )
        const near = new Recorder()
        await harness.eventually(dial(harness, listener, near).catch(() => near.closed()))
        await harness.eventually(Promise.all([near.ended, far.ended]))
        assert.deepEqual(far.log, ['closed'])
        assert.deepEqual(near.log, ['closed'])
        await harness.eventually(listener.close())
      }
    },
  },
  {
    name: 'send on a closed connection does nothing and returns false',
    async run(harness) {
      const { near, far, end } = await connect(harness)
      near.connection.close()
      assert.equal(near.connection.send(chunk(1, 1)), false)
      await harness.eventually(Promise.all([far.ended, near.ended]))
      assert.equal(near.connection.send(chunk(1, 1)), false)
      assert.equal(far.connection.send(chunk(1, 1)), false)
      assert.equal(far.chunks.length, 0)
      await end()
    },
  },
]
