import { expect, expectTypeOf, test } from 'vitest'
import { fullMesh, isRemoteRef, type PeerServiceManager } from '../../src/index.js'

interface Order {
  readonly id: number
}

interface Shop {
  orders: { message: Order }
  add: { message: [number, number]; reply: number }
}

/** Never called: the compiler alone judges it. */
function shop(a: PeerServiceManager<Shop>): void {
  void a.forwardMessage('b', 'orders', { id: 1 })
  void a.forwardMessage({ node: 'b', name: 'orders' }, { id: 1 })
  void a.forwardMessage('orders', { id: 1 })
  a.castMessage('b', 'add', [1, 2])
  expectTypeOf(a.request('b', 'add', [1, 2])).resolves.toEqualTypeOf<number>()
  expectTypeOf(a.request({ node: 'b', name: 'add' }, [1, 2])).resolves.toEqualTypeOf<number>()
  a.register('add', ([x, y]) => x + y)
  a.register('add', async ([x, y]) => x + y)
  a.register('orders', ({ id }, { from, channel }) => {
    expectTypeOf(id).toEqualTypeOf<number>()
    expectTypeOf(from).toEqualTypeOf<string>()
    expectTypeOf(channel).toEqualTypeOf<string>()
  })

  // What came in a message is a reference to a server only when that is asked.
  const came: unknown = undefined
  if (isRemoteRef(came, 'orders')) void a.forwardMessage(came, { id: 1 })
  // @ts-expect-error it may be of any server
  if (isRemoteRef(came)) void a.forwardMessage(came, { id: 1 })
  a.register('add', ([x, y], { deadline }) => {
    // What a handler was given it can pass on, also where there is none.
    void a.forwardMessage('b', 'orders', { id: 1 }, { deadline, timeout: undefined, signal: undefined })
    void a.request('b', 'add', [x, y], { deadline })
    void a.broadcast('orders', { id: 1 }, { deadline })
    return 1
  })

  // @ts-expect-error nobody is called so
  void a.forwardMessage('b', 'order', { id: 1 })
  // @ts-expect-error nobody is called so
  void a.forwardMessage({ node: 'b', name: 'order' }, { id: 1 })
  // @ts-expect-error nobody is called so
  a.castMessage('b', 'order', { id: 1 })
  // @ts-expect-error nobody is called so
  void a.request('b', 'sub', [1, 2])
  // @ts-expect-error the answer acknowledges
  void a.request('b', 'add', [1, 2], { ack: true })
  // @ts-expect-error requests have no causal order
  void a.requestAll(['b'], 'add', [1, 2], { causalLabel: 'x' })
  // @ts-expect-error nobody is called so
  a.register('order', () => {})
  // @ts-expect-error nobody is called so
  a.receive('order')
  // @ts-expect-error an order has a number
  void a.forwardMessage('b', 'orders', { id: '1' })
  // @ts-expect-error an order has a number
  void a.forwardMessage({ node: 'b', name: 'orders' }, { id: '1' })
  // @ts-expect-error two numbers are added
  a.castMessage('b', 'add', [1])
  // @ts-expect-error two numbers are added
  void a.request('b', 'add', 1)
  // @ts-expect-error the answer is a number
  a.register('add', () => 'three')
  // @ts-expect-error the answer is a number
  a.register('add', () => {})
  // @ts-expect-error an option of that name does not exist
  void a.forwardMessage('b', 'orders', { id: 1 }, { chanel: 'data' })
}

/** Never called. */
async function taken(a: PeerServiceManager<Shop>): Promise<void> {
  for await (const { message, reply } of a.receive('add')) {
    expectTypeOf(message).toEqualTypeOf<[number, number]>()
    reply?.(message[0] + message[1])
    // @ts-expect-error the answer is a number
    reply?.('three')
  }
}

/** Never called. */
function untyped(a: PeerServiceManager): void {
  void a.forwardMessage('b', 'whatever', { any: 'thing' })
  a.castMessage('b', 'whatever', 1)
  expectTypeOf(a.request('b', 'whatever', 1)).resolves.toEqualTypeOf<unknown>()
  a.register('whatever', (message: Order) => message.id)
  // @ts-expect-error a message is needed
  void a.request('b')
}

test('typed servers are the compiler’s affair: the typed and the untyped manager are the same', () => {
  expect([shop, taken, untyped]).toHaveLength(3)
  expect(fullMesh<Shop>({ name: 'a' }).name).toBe(fullMesh({ name: 'a' }).name)
})
