import { describe, expect, test } from 'vitest'
import {
  CausalOrderError,
  NoSuchServerError,
  RemoteError,
  SchemaError,
  type StandardSchemaV1,
  StoppedError,
} from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

const anything: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) },
}

/** What a handler may throw that its node could have refused the message with: most often of a request it made. */
const errors: Readonly<Record<string, Error>> = {
  ERR_NO_SUCH_SERVER: new NoSuchServerError('c', 'stock'),
  ERR_SCHEMA: new SchemaError('stock', ['id: a number is wanted']),
  ERR_CAUSAL_ORDER: new CausalOrderError('c', 'chat'),
  ERR_STOPPED: new StoppedError('c'),
  cut: Object.assign(new Error('a cut finger'), { code: 'cut' }),
  expired: Object.assign(new Error('the milk has'), { code: 'expired' }),
  'no-such-server': Object.assign(new Error('as it says'), { code: 'no-such-server', reason: 'no-such-server' }),
}

const codes = Object.keys(errors)

describe('a handler that throws what its node refuses messages with', () => {
  test.each(codes)('has handled the message: %s', async code => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const thrown = errors[code] as Error
    const fail = (): never => {
      throw thrown
    }
    for (const node of [a, b]) {
      node.register('plain', fail)
      node.register('late', () => Promise.reject(thrown))
      node.register('one', fail, { concurrency: 1 })
      node.register('checked', fail, { schema: anything })
    }
    const facts = { remoteCode: code, remoteName: thrown.name, remoteMessage: thrown.message }
    for (const node of ['a', 'b']) {
      for (const server of ['plain', 'late', 'one', 'checked']) {
        const whose = { ...facts, node, server }
        const handled = a.forwardMessage(node, server, 1, { ack: { when: 'handled' } })
        const failure = await cluster.failure(handled)
        expect(failure).toBeInstanceOf(RemoteError)
        expect(failure).toMatchObject(whose)
        const asked = await cluster.failure(a.request(node, server, 1))
        expect(asked).toBeInstanceOf(RemoteError)
        expect(asked).toMatchObject(whose)
        // Its handler was given it.
        await cluster.settle(a.forwardMessage(node, server, 1, { ack: true }))
        a.castMessage(node, server, 1)
        const label = { ack: { when: 'handled' }, causalLabel: 'chat' } as const
        expect(await cluster.failure(a.forwardMessage(node, server, 1, label))).toMatchObject(whose)
      }
    }
    await cluster.pass(100)
    for (const node of [a, b]) {
      // Of each server: the messages with an acknowledgement, and the cast. What a request threw is its answer.
      expect(node.counters()).toMatchObject({ handlerErrors: 16, noSuchServer: 0, schemaRefused: 0 })
    }
  })

  test.each(codes)('as does a schema that does: %s', async code => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const thrown = errors[code] as Error
    const validate = (): never => {
      throw thrown
    }
    b.register('checked', () => {}, { schema: { '~standard': { version: 1, vendor: 'test', validate } } })
    const facts = { code: 'ERR_REMOTE', remoteCode: code, remoteMessage: thrown.message }
    expect(await cluster.failure(a.request('b', 'checked', 1))).toMatchObject(facts)
    expect(await cluster.failure(a.forwardMessage('b', 'checked', 1, { ack: true }))).toMatchObject(facts)
  })

  test('is told apart from its node by who asked: through two nodes', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', async () => b.request('a', 'stock', 1))
    const failure = await cluster.failure(a.request('b', 'orders', 1))
    expect(failure).toBeInstanceOf(RemoteError)
    expect(failure).toMatchObject({
      ...{ node: 'b', server: 'orders', remoteName: 'NoSuchServerError', remoteCode: 'ERR_NO_SUCH_SERVER' },
      remoteMessage: `no server 'stock' is registered at node 'a'`,
    })
  })
})

test('a remote error carries what the handler said word for word, up to 4,096 characters', async () => {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  b.register('says', (text: string) => Promise.reject(new Error(text)))
  for (const text of ['', 'none left: 😀 "x"\n', 'x'.repeat(4_096)]) {
    const error = (await cluster.failure(a.request('b', 'says', text))) as RemoteError
    expect(error.remoteMessage).toBe(text)
    expect(error.message).toBe(`server 'says' at node 'b' failed: ${text}`)
  }
  const long = (await cluster.failure(a.request('b', 'says', 'x'.repeat(5_000)))) as RemoteError
  expect(long.remoteMessage).toBe('x'.repeat(4_096))
})

test('a schema that returns nothing is said to be the one at fault', async () => {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  const schema = { '~standard': { version: 1, vendor: 'test', validate: () => {} } } as unknown as StandardSchemaV1
  b.register('orders', () => 1, { schema })
  const failure = await cluster.failure(a.request('b', 'orders', 1))
  expect(failure).toMatchObject({ remoteMessage: `the schema of server 'orders' returned no result` })
})
