import { describe, expect, test } from 'vitest'
import {
  CommandError,
  type PeerProcess,
  type PlainError,
  PeerProcess as Process,
  startMesh,
} from '../support/processes.js'

const secret = 'sesame'
const day = 86_400_000

interface RefusedEvent {
  readonly peer: string
  readonly by: 'us' | 'peer'
  readonly error: PlainError
}

async function failure(attempt: Promise<unknown>): Promise<PlainError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CommandError)) throw new Error(`no refusal, but ${String(error)}`)
  return error.plain
}

function refusal(peer: PeerProcess, by: 'us' | 'peer'): Promise<{ readonly details: readonly unknown[] }> {
  return peer.event('refused', (refused: RefusedEvent) => refused.by === by)
}

describe('a node that starts anew under its name, on another port,', () => {
  for (const [clock, wallOffset] of [
    ['with the clock going on', 0],
    ['with the clock set back by a day', -day],
  ] as const) {
    test(`is accepted at once, ${clock}`, async () => {
      await using peers = await startMesh({ name: 'a', secret }, { name: 'b', secret }, { name: 'c', secret })
      const [a, b, c] = peers
      c.kill('SIGKILL')
      await c.exited
      const since = [a, b].map(peer => peer.told.length)
      const startedAt = Date.now()
      await using again = await Process.start({ name: 'c', secret, wallOffset })
      expect(again.url).not.toBe(c.url)
      await again.join(a)
      const joinedAt = Date.now()
      const isC = (node: string): boolean => node === 'c'
      await Promise.all([a, b].map((peer, index) => peer.event('up', isC, since[index])))
      await again.hasMembers('a', 'b', 'c')
      console.log(`restart ${clock}: joined ${joinedAt - startedAt} ms after the start of its process`)
      expect(await b.call('request', 'c', 'echo', 'again', { timeout: 5_000 })).toBe('again')
      expect(again.told.filter(({ event }) => event === 'superseded')).toEqual([])
      const [spec] = ((await a.call('membersForOrchestration')) as { name: string; incarnation: number }[]).filter(
        ({ name }) => name === 'c',
      )
      expect(spec?.incarnation).toBeGreaterThan(c.spec?.incarnation ?? Infinity)
    })
  }
})

describe('a stranger is refused, and both ends say why:', () => {
  for (const [what, options, code] of [
    ['another secret', { secret: 'sesam' }, 'ERR_WRONG_SECRET'],
    ['no secret', {}, 'ERR_WRONG_SECRET'],
    ['another cluster', { secret, cluster: 'other' }, 'ERR_WRONG_CLUSTER'],
    ['another version', { secret, protocolVersions: { min: 2, max: 3 } }, 'ERR_WRONG_VERSION'],
  ] as const) {
    test(what, async () => {
      await using seed = await Process.start({ name: 'seed', secret })
      await using stranger = await Process.start({ name: 'stranger', ...options })
      expect(await failure(stranger.join(seed))).toMatchObject({ code, by: expect.stringMatching(/us|peer/) })
      const told = await Promise.all(
        [stranger, seed].map(peer => peer.event('refused', (refused: RefusedEvent) => refused.error.code === code)),
      )
      const sides = told.map(({ details }) => (details[0] as RefusedEvent).by).sort()
      expect(sides).toEqual(['peer', 'us'])
      expect(await seed.members()).toEqual(['seed'])
      expect(await stranger.members()).toEqual(['stranger'])
      expect((await seed.counters()).refused).toBeGreaterThan(0)
    })
  }

  test('a superseded incarnation, which gives up', async () => {
    await using seed = await Process.start({ name: 'seed', secret })
    await using early = await Process.start({ name: 'twin', secret })
    await early.join(seed)
    await using late = await Process.start({ name: 'twin', secret, wallOffset: 1_000 })
    await late.join(seed)
    await early.event('superseded', () => true)
    const error = await failure(early.join(seed))
    expect(error.code).toBe('ERR_STALE_INCARNATION')
    const [atEarly, atSeed] = await Promise.all([refusal(early, 'peer'), refusal(seed, 'us')])
    for (const told of [atEarly, atSeed]) {
      expect(told.details[0]).toMatchObject({ error: { code: 'ERR_STALE_INCARNATION' } })
    }
    expect(await late.call('request', 'seed', 'echo', 1, { timeout: 5_000 })).toBe(1)
    expect(late.told.filter(({ event }) => event === 'superseded' || event === 'down')).toEqual([])
  })
})
