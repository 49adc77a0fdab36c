import { expect, test } from 'vitest'
import { line, type Row, range, relayed } from '../support/relays.js'

type Ends = Readonly<Record<'a' | 'c', Row[number]>>

/** `a` has found a way to `c`, and nothing went over it since. */
async function idle() {
  const { cluster, row } = await line(3)
  const ends: Ends = { a: row[0], c: row[2] }
  for (const node of Object.values(ends)) node.register('echo', (value: number) => value)
  await cluster.settle(ends.a.request('c', 'echo', 1, relayed))
  return { cluster, ends }
}

/** How long after that the end sees it closed. */
async function closedAfter(at: 'a' | 'c', other: 'a' | 'c'): Promise<number> {
  const { cluster, ends } = await idle()
  const began = cluster.clock.now()
  await cluster.until(() => !ends[at].isConnected(other), 100_000)
  return cluster.clock.now() - began
}

test.each([
  ['a', 'c'],
  ['c', 'a'],
] as const)(
  'what %s asks in the moment in which the way that nobody uses is closed is answered, and what it casts arrives',
  async (from, to) => {
    const closed = await closedAfter(from, to)
    for (const half of range(20)) {
      const { cluster, ends } = await idle()
      const heard: unknown[] = []
      ends[to].register('inbox', (message: unknown) => void heard.push(message))
      await cluster.pass(closed + 1 - half / 2)
      const asked = ends[from].request(to, 'echo', 2, relayed).catch((error: { code: string }) => error.code)
      ends[from].castMessage(to, 'inbox', 3, relayed)
      expect([half, await cluster.settle(asked)]).toEqual([half, 2])
      await cluster.pass(100)
      expect([half, heard]).toEqual([half, [3]])
    }
  },
)
