import assert from 'node:assert/strict'
import {
  DeadlineError,
  MaquisError,
  NoSuchServerError,
  NotConnectedError,
  RemoteError,
  UnknownOutcomeError,
} from '../../core/errors.js'
import {
  abortable,
  bothWays,
  exchange,
  failure,
  hear,
  isWhole,
  type ManagerCase,
  matches,
  messagesOf,
  outcomes,
  pair,
  record,
  rejected,
} from './manager-harness.js'

/** What is promised about requests, and about how long anything waits. */
export const requestCases: readonly ManagerCase[] = [
  {
    name: 'a request is answered with what the handler returns, or its promise resolves with',
    exercises: ['requests'],
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        to.register('add', ([x, y]: [number, number]) => x + y)
        to.register('later', async (message: unknown) => ({ message, when: new Date(7) }))
        to.register('nothing', () => {})
        to.register('bytes', (size: number) => new Uint8Array(size).fill(7))
        const ask = (server: string, message: unknown): Promise<unknown> =>
          harness.eventually(from.request(to.name, server, message))
        assert.equal(await ask('add', [1, 2]), 3)
        assert.equal(await harness.eventually(from.request({ node: to.name, name: 'add' }, [3, 4])), 7)
        assert.deepEqual(await ask('later', 1), { message: 1, when: new Date(7) })
        assert.equal(await ask('nothing', 1), undefined)
        assert.deepEqual(await ask('bytes', 3), Uint8Array.of(7, 7, 7))
        assert.deepEqual(await ask('bytes', 300_000), new Uint8Array(300_000).fill(7))
      }
    },
  },
  {
    name: 'a request rejects with what the handler threw, and with the name of a server that is not there',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        to.register('throws', () => {
          throw Object.assign(new TypeError('none left'), { code: 'E_STOCK' })
        })
        to.register('rejects', () => Promise.reject(new RangeError('too far')))
        to.register('unencodable', () => () => {})
        const facts = { code: 'ERR_REMOTE', node: to.name, remoteName: 'TypeError', remoteCode: 'E_STOCK' }
        const error = await rejected(harness, from.request(to.name, 'throws', 1), RemoteError, facts)
        assert.match(error.message, /none left/)
        const other = { remoteName: 'RangeError', remoteCode: undefined, server: 'rejects' }
        await rejected(harness, from.request(to.name, 'rejects', 1), RemoteError, other)
        await rejected(harness, from.request(to.name, 'unencodable', 1), RemoteError, { remoteCode: 'ERR_ENCODE' })
        const nobody = { code: 'ERR_NO_SUCH_SERVER', node: to.name, server: 'nobody' }
        await rejected(harness, from.request(to.name, 'nobody', 1), NoSuchServerError, nobody)
        assert.equal(to.counters().noSuchServer, 1)
      }
    },
  },
  {
    name: 'a request stops waiting at its timeout or deadline, and an answer that comes later is counted',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const answers: ((value: number) => void)[] = []
        to.register('slow', () => new Promise<number>(resolve => answers.push(resolve)))
        const facts = { code: 'ERR_DEADLINE', outcome: 'unknown' }
        const began = harness.now()
        await rejected(harness, from.request(to.name, 'slow', 1, { timeout: 150 }), DeadlineError, facts)
        assert.ok(harness.now() - began >= 150)
        await harness.until(() => answers.length === 1)
        answers[0]?.(1)
        await harness.until(() => from.counters().lateReplies === 1)
        await exchange(harness, from, to)
        assert.equal(from.counters().lateReplies, 1)
      }
    },
  },
  {
    name: 'what is over before it begins is not sent',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = [hear(a, 'server'), hear(b, 'server')]
      const dropped = record(a, 'dropped')
      for (const node of ['b', 'a']) {
        for (const options of [{ timeout: 0 }, { deadline: 1_000 }]) {
          const late = { outcome: 'not-sent' }
          await rejected(harness, a.forwardMessage(node, 'server', 1, options), DeadlineError, late)
          await rejected(harness, a.request(node, 'server', 1, options), DeadlineError, late)
        }
        a.castMessage(node, 'server', 1, { timeout: 0 })
      }
      await exchange(harness, a, b)
      assert.deepEqual(heard, [[], []])
      for (const [, drop] of dropped) matches(drop, { reason: 'expired', server: 'server' })
      assert.deepEqual([dropped.length, a.counters().expired], [2, 10])
    },
  },
  {
    name: 'a call ends with the signal of its caller, and its reason',
    async run(harness) {
      const { a, b } = await pair(harness)
      for (const node of [a, b]) node.register('never', () => new Promise(() => {}))
      for (const to of ['b', 'a']) {
        const { signal, abort } = abortable()
        const asked = failure(harness, a.request(to, 'never', 1, { signal }))
        await exchange(harness, a, b)
        abort()
        assert.equal(await asked, signal.reason)
        assert.equal(await failure(harness, a.request(to, 'never', 1, { signal })), signal.reason)
        assert.equal(await failure(harness, a.forwardMessage(to, 'never', 1, { signal })), signal.reason)
      }
    },
  },
  {
    name: 'the handler is told of the clock and the deadline of a message',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const heard = hear(to, 'server')
        const clock = { a: 1, b: [2, 3] }
        await harness.eventually(from.forwardMessage(to.name, 'server', 1, { clock, timeout: 60_000 }))
        await harness.until(() => heard.length === 1)
        const { context } = heard[0] ?? assert.fail('it was heard')
        assert.deepEqual(context.clock, clock)
        assert.ok((context.deadline ?? 0) > 0)
      }
    },
  },
  {
    name: 'a request under way when the peer stops has an unknown outcome, at once',
    async run(harness) {
      for (const stopped of ['a', 'b'] as const) {
        const nodes = await pair(harness)
        const [from, to] = stopped === 'b' ? [nodes.a, nodes.b] : [nodes.b, nodes.a]
        to.register('never', () => new Promise(() => {}))
        const asked = failure(harness, from.request(to.name, 'never', 1))
        await exchange(harness, from, to)
        await harness.eventually(to.stop())
        const error = await asked
        assert.ok(error instanceof UnknownOutcomeError, String(error))
        matches(error, { code: 'ERR_UNKNOWN_OUTCOME', node: to.name })
        await harness.eventually(from.stop())
      }
    },
  },
  {
    name: 'to a member that is down nothing is sent, except what waits for it',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(a, 'server')
      await harness.eventually(a.stop())
      await harness.until(() => !b.isConnected('a'))
      const down = { reason: 'down', node: 'a', code: 'ERR_NOT_CONNECTED' }
      await rejected(harness, b.forwardMessage('a', 'server', 1), NotConnectedError, down)
      await rejected(harness, b.request('a', 'server', 2), NotConnectedError, down)
      const dropped = record(b, 'dropped')
      b.castMessage('a', 'server', 3)
      matches(dropped[0]?.[1], { node: 'a', server: 'server' })
      const waiting = b.forwardMessage('a', 'server', 4, { whenDown: 'wait' })
      b.castMessage('a', 'server', 5, { whenDown: 'wait' })
      const asked = b.request('a', 'answer', 6, { whenDown: 'wait' })
      const late = b.forwardMessage('a', 'server', 7, { whenDown: 'wait', timeout: 40 })
      await rejected(harness, late, DeadlineError, { outcome: 'not-sent' })
      a.register('answer', (message: number) => message)
      await harness.eventually(a.start())
      await harness.eventually(waiting)
      assert.equal(await harness.eventually(asked), 6)
      await harness.until(() => isWhole(b, ['a', 'b']))
      await exchange(harness, b, a)
      assert.deepEqual(messagesOf(heard), [4, 5])
    },
  },
  {
    name: 'what waits for a member ends when that leaves the cluster',
    async run(harness) {
      const { a, b } = await pair(harness, { limits: { windowBytes: 10_000 } })
      b.register('never', () => new Promise(() => {}))
      const ends = outcomes(Array.from({ length: 30 }, () => a.forwardMessage('b', 'never', new Uint8Array(1_000))))
      await harness.until(() => ends.includes('done'))
      await harness.eventually(b.leave())
      await harness.until(() => !ends.includes('waits'))
      const refused = ends.filter(end => end !== 'done')
      assert.ok(refused.length > 10)
      for (const end of refused) {
        assert.ok(end instanceof MaquisError)
        matches(end, { code: 'ERR_NOT_CONNECTED', reason: 'left' })
      }
    },
  },
]
