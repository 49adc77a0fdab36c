import assert from 'node:assert/strict'
import { InvalidOptionError } from '../../core/errors.js'
import type { Passage, Verdict } from '../../fault/interposition.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import {
  abortable,
  bothWays,
  errorIn,
  exchange,
  hear,
  isWhole,
  type ManagerCase,
  type ManagerHarness,
  messagesOf,
  mistaken,
  outcomes,
  pair,
  record,
  start,
  trio,
} from './manager-harness.js'

/** What each verdict makes of one message 1: what arrives of it. */
const verdicts: readonly (readonly [verdict: Verdict, arrives: readonly unknown[], what: string])[] = [
  [{ type: 'pass' }, [1], 'passes arrives as if nobody had been asked'],
  [{ type: 'drop' }, [], 'is dropped is lost as on a network, and counted'],
  [{ type: 'duplicate' }, [1, 1], 'is duplicated arrives twice'],
  [{ type: 'delay', by: 15 }, [1], 'is delayed arrives later'],
  [{ type: 'hold', until: Promise.resolve() }, [1], 'is held arrives when it may'],
  [{ type: 'replace', message: 2 }, [2], 'is replaced arrives as something else'],
]

const kinds = ['message', 'request', 'reply', 'manager'] as const

/** What is promised about interpositions. */
export const interpositionCases: readonly ManagerCase[] = [
  ...verdicts.map(
    ([verdict, arrives, what]): ManagerCase => ({
      name: `a message, request, reply or manager's message that ${what}, in either direction`,
      async run(harness) {
        for (const [from, to] of bothWays(await pair(harness, { channels: { data: {} } }))) {
          for (const kind of kinds) {
            for (const direction of ['forward', 'receive'] as const) {
              await checkVerdict(harness, { from, to, kind, direction, verdict, arrives })
            }
          }
        }
      },
    }),
  ),
  {
    name: 'an interposition sees who, which channel, kind and server, and may judge by them',
    exercises: ['interposition'],
    async run(harness) {
      const { a, b, c } = await trio(harness, { channels: { data: {} } })
      const heard = [hear(b, 'server'), hear(c, 'server')]
      a.interpose(({ peer, channel, kind }) =>
        peer === 'b' && channel === 'data' && kind === 'message' ? { type: 'drop' } : { type: 'pass' },
      )
      for (const to of [b, c]) {
        for (const channel of ['data', 'default']) {
          await harness.eventually(a.forwardMessage(to.name, 'server', channel, { channel }))
          await exchange(harness, a, to, { channel })
        }
      }
      assert.deepEqual(heard.map(messagesOf), [['default'], ['data', 'default']])
    },
  },
  {
    name: 'several interpositions are asked in the order they were added, and the first drop ends it',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      const asked: unknown[] = []
      const judge = (verdict: Verdict): Disposable =>
        a.interpose(({ kind, message }) => {
          if (kind !== 'message') return { type: 'pass' }
          asked.push(message)
          return verdict
        })
      const all = [judge({ type: 'replace', message: 2 }), judge({ type: 'duplicate' }), judge({ type: 'pass' })]
      await harness.eventually(a.forwardMessage('b', 'server', 1))
      await exchange(harness, a, b)
      const drop = judge({ type: 'drop' })
      const after = judge({ type: 'pass' })
      await harness.eventually(a.forwardMessage('b', 'server', 3))
      for (const each of [...all, drop, after]) each[Symbol.dispose]()
      await harness.eventually(a.forwardMessage('b', 'server', 4))
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), [2, 2, 4])
      assert.deepEqual(asked, [1, 2, 2, 3, 2, 2, 2])
    },
  },
  {
    name: 'what is delayed does not hold back what comes after it',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      a.interpose(({ message }) => (message === 1 ? { type: 'delay', by: 50 } : { type: 'pass' }))
      const sent = [1, 2].map(message => a.forwardMessage('b', 'server', message))
      await harness.eventually(Promise.all(sent))
      await harness.until(() => heard.length === 2)
      assert.deepEqual(messagesOf(heard), [2, 1])
    },
  },
  {
    name: 'what is held waits for its promise, and holds nothing else back',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      let release = (): void => {}
      const until = new Promise<void>(resolve => (release = resolve))
      a.interpose(({ message }) => (message === 1 ? { type: 'hold', until } : { type: 'pass' }))
      const ends = outcomes([1, 2].map(message => a.forwardMessage('b', 'server', message)))
      await harness.until(() => heard.length === 1)
      await exchange(harness, a, b)
      assert.deepEqual([messagesOf(heard), ends], [[2], ['waits', 'done']])
      release()
      await harness.until(() => ends[0] === 'done')
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), [2, 1])
    },
  },
  {
    name: 'an interposition that throws, or answers nonsense, lets the message pass and is told of',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      const failures = record(a, 'handler-error')
      const registration = a.interpose(({ kind }) => {
        if (kind === 'message') throw new Error('of the interposition')
        return { type: 'pass' }
      })
      await harness.eventually(a.forwardMessage('b', 'server', 1))
      registration[Symbol.dispose]()
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), [1])
      const messages = failures.map(told => (errorIn(told) as Error).message)
      assert.deepEqual(messages, ['of the interposition'])
      assert.throws(() => a.interpose(mistaken('no function')), InvalidOptionError)
    },
  },
  {
    name: 'the messages of the overlay can be kept away, and so a node out of the view of another',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b')
      const seen = new Set<string>()
      const registration = a.interpose(({ kind, direction, channel, server }) => {
        if (kind !== 'membership') return { type: 'pass' }
        seen.add(`${direction} ${channel} ${server}`)
        return { type: 'drop' }
      })
      const { signal, abort } = abortable()
      const joined = outcomes([b.join(a.spec, { signal })])
      await harness.until(() => seen.has('receive membership undefined') && b.isConnected('a'))
      await exchange(harness, b, a)
      assert.deepEqual([a.members(), joined], [['a'], ['waits']])
      registration[Symbol.dispose]()
      abort()
      await harness.eventually(b.join(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
    },
  },
  {
    name: 'a node whose heartbeats and messages are dropped goes down, and comes up when they pass',
    async run(harness) {
      const { a, b } = await pair(harness)
      const downs = record(b, 'down')
      const registration = b.interpose(({ direction }) =>
        direction === 'receive' ? { type: 'drop' } : { type: 'pass' },
      )
      await harness.until(() => downs.length > 0)
      assert.deepEqual(downs[0], ['down', 'a', 'lost'])
      registration[Symbol.dispose]()
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
    },
  },
]

interface VerdictCase {
  readonly from: PeerServiceManager
  readonly to: PeerServiceManager
  readonly kind: (typeof kinds)[number]
  readonly direction: Passage['direction']
  readonly verdict: Verdict
  readonly arrives: readonly unknown[]
}

/** Sends one message 1 of that kind, on which the verdict falls, and looks at what arrives. */
async function checkVerdict(
  harness: ManagerHarness,
  { from, to, kind, direction, verdict, arrives }: VerdictCase,
): Promise<void> {
  const seen: Passage[] = []
  const arrived: unknown[] = []
  const server = kind === 'manager' ? undefined : `${kind} ${direction}`
  const registered = to.register(server ?? 'none', (message: unknown) => {
    if (kind !== 'reply') arrived.push(message)
    return 1
  })
  const listen = ({ message }: { readonly message: unknown }): void => void arrived.push(message)
  if (kind === 'manager') to.events.on('message', listen)
  // A reply passes both nodes in the opposite direction.
  const at = (kind === 'reply') === (direction === 'forward') ? to : from
  const faulted = at.counters().faulted
  const registration = at.interpose(passage => {
    if (passage.kind !== kind || passage.direction !== direction || passage.server !== server) return { type: 'pass' }
    seen.push(passage)
    return verdict
  })
  const began = harness.now()
  const dropped = verdict.type === 'drop'
  if (kind === 'message') await harness.eventually(from.forwardMessage(to.name, server ?? '', 1, { channel: 'data' }))
  else if (kind === 'manager') await harness.eventually(from.sendMessage(to.name, 1))
  else {
    const { signal, abort } = abortable()
    const asked = from.request(to.name, server ?? '', 1, { channel: 'data', signal })
    if (dropped) {
      const ends = outcomes([asked])
      await harness.until(() => seen.length > 0)
      await exchange(harness, from, to, { channel: 'data' })
      assert.deepEqual(ends, ['waits'])
      abort()
    } else {
      const answer = await harness.eventually(asked)
      if (kind === 'reply') arrived.push(answer)
      else assert.equal(answer, 1)
    }
  }
  // The second copy of a reply answers nothing any more.
  const expected = kind === 'reply' ? arrives.slice(0, 1) : arrives
  await harness.until(() => seen.length > 0 && arrived.length >= expected.length)
  if (verdict.type === 'delay') assert.ok(harness.now() - began >= verdict.by)
  for (const each of [registration, registered]) each[Symbol.dispose]()
  const channel = kind === 'manager' ? 'default' : 'data'
  await exchange(harness, from, to, { channel })
  to.events.off('message', listen)
  assert.deepEqual(arrived, expected)
  const peer = at === from ? to.name : from.name
  assert.deepEqual(seen, [{ direction, peer, channel, kind, server, message: 1 }])
  assert.equal(at.counters().faulted - faulted, dropped ? 1 : 0)
}
