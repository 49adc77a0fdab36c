import { expect, test } from 'vitest'
import { type PeerProcess, startMesh, startProcesses } from '../support/processes.js'

const activeViewSize = 4
const options = { overlay: 'hyparview', secret: 'sesame', activeViewSize, shuffleInterval: 1_000 } as const

test('sixteen processes, each with few neighbours, broadcast to all, and heal when eight are killed', async () => {
  const named = (index: number): { name: string } & typeof options => ({ ...options, name: `p${index}` })
  await using seeds = await startMesh(named(0), named(1))
  const urls = seeds.map(({ url }) => url)
  const others = Array.from({ length: 14 }, (_, index) => ({ ...named(index + 2), seeds: urls }))
  await using joined = await startProcesses(...others)
  const peers = [...seeds, ...joined]
  await Promise.all(peers.map(peer => peer.membersBecome(members => members.length > 2, 'two neighbours', 20_000)))
  await allHaveCome(peers)
  await reachesAll(peers, 'everybody is here')

  // The seeds are among those who die.
  const dead = peers.slice(0, 8)
  const survivors = peers.slice(8)
  for (const peer of dead) peer.kill('SIGKILL')
  await reachesAll(survivors, 'half of us are gone')
  const gone = dead.map(({ name }) => name)
  const isWhole = (members: readonly string[]): boolean =>
    members.length > 2 && members.every(name => !gone.includes(name))
  await Promise.all(survivors.map(peer => peer.membersBecome(isWhole, 'living neighbours only', 20_000)))
  for (const peer of survivors) expect((await peer.members()).length).toBeLessThanOrEqual(activeViewSize + 1)
  await reachesAll(survivors, 'we are one')
}, 60_000)

/** Who has just come hears what is broadcast from then on: it has when it hears something. */
async function allHaveCome(peers: readonly PeerProcess[]): Promise<void> {
  const [origin, ...others] = peers as [PeerProcess, ...PeerProcess[]]
  for (let attempt = 1; ; attempt++) {
    const news = `is anybody there? ${attempt}`
    const isIt = (message: string): boolean => message === news
    await origin.call('broadcast', 'news', news)
    const heard = others.map(peer => peer.event('news', isIt as never, 0, attempt < 10 ? 2_000 : 10_000))
    const ends = await Promise.allSettled(heard)
    if (ends.every(({ status }) => status === 'fulfilled')) return
    if (attempt === 10) await Promise.all(heard)
  }
}

/** Each in turn would take long: the first and the last tell all others. */
async function reachesAll(peers: readonly PeerProcess[], text: string): Promise<void> {
  for (const origin of [peers[0], peers.at(-1)] as PeerProcess[]) {
    const news = `${text}, says ${origin.name}`
    const isIt = (message: string, from: string): boolean => message === news && from === origin.name
    await origin.call('broadcast', 'news', news)
    await Promise.all(peers.filter(peer => peer !== origin).map(peer => peer.event('news', isIt as never, 0, 20_000)))
  }
}
