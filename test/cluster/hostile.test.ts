import { SeededRandom } from 'maquis'
import { expect, test } from 'vitest'
import { attack, drawAttack, type Recording, RecordingProxy } from '../support/attacker.js'
import { within } from '../support/deadline.js'
import { PeerProcess, startMesh } from '../support/processes.js'

/** HOSTILE_CONNECTIONS=10000 for a longer siege. */
const connections = Number(process.env.HOSTILE_CONNECTIONS ?? 3_000)
const seed = Number(process.env.HOSTILE_SEED ?? 1789)
const atOnce = 128
/** What a process may grow by for other reasons than a leak. */
const slackBytes = 16_777_216

const secret = 'sesame'

/** What a node with the secret says when it joins. */
async function record(node: PeerProcess): Promise<Recording> {
  using proxy = await RecordingProxy.before(node.url)
  await using guest = await PeerProcess.start({ name: 'guest', secret, listen: false })
  await guest.command('join', { peer: `${proxy.url}/maquis`, timeout: 10_000 })
  await guest.call('leave')
  return proxy.recording
}

async function besiege(url: string, random: SeededRandom, recording: Recording, count: number): Promise<void> {
  const kinds = new Map<string, number>()
  let left = count
  const attacker = async (): Promise<void> => {
    while (left-- > 0) {
      const drawn = drawAttack(random, recording)
      kinds.set(drawn.kind, (kinds.get(drawn.kind) ?? 0) + 1)
      await within(attack(url, drawn), 20_000, `the end of ${drawn.kind}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, attacker))
  console.log([...kinds].map(([kind, times]) => `${times} x ${kind}`).join(', '))
}

const title = 'wrong bytes from strangers neither crash a node, nor disturb its peers, nor stay'

test(`${title} (seed ${seed})`, async () => {
  const random = new SeededRandom(seed)
  await using peers = await startMesh({ name: 'a', secret }, { name: 'b', secret })
  const [a, b] = peers
  const recording = await record(a)
  expect(recording.length).toBeGreaterThan(2)
  await b.command('ping', { to: 'a' })
  await besiege(a.url, random, recording, connections / 3)
  const since = b.told.length
  const before = await a.memory()
  await besiege(a.url, random, recording, connections)
  const after = await a.memory()
  const pings = (await b.command('pong')) as { count: number; worst: number; errors: unknown[] }
  const grown = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`
  console.log(
    `${pings.count} pings meanwhile, the slowest ${pings.worst.toFixed(0)} ms; ` +
      `memory +${grown(after.rss - before.rss)}, ` +
      `in use +${grown(after.used - before.used)}, sockets ${before.sockets} -> ${after.sockets}`,
  )
  expect(pings.errors).toEqual([])
  expect(pings.count).toBeGreaterThan(100)
  expect(b.told.slice(since).filter(({ event }) => event === 'down' || event === 'violation')).toEqual([])
  expect(await a.members()).toEqual(['a', 'b'])
  expect(a.stderr).toBe('')
  expect(after.sockets).toBeLessThanOrEqual(before.sockets)
  expect(after.used - before.used).toBeLessThan(slackBytes / 4)
  expect(after.rss - before.rss).toBeLessThan(slackBytes)
  await using late = await PeerProcess.start({ name: 'late', secret })
  await late.join(a)
}, 300_000)
