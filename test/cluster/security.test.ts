import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CommandError, PeerProcess, type PlainError, startMesh } from '../support/processes.js'

const authority = pem('authority')
const alpha = { ca: authority, cert: pem('alpha'), key: pem('alpha-key'), requestCert: true }
const beta = { ca: authority, cert: pem('beta'), key: pem('beta-key'), requestCert: true }

function pem(name: string): string {
  return readFileSync(new URL(`../support/certificates/${name}.pem`, import.meta.url), 'utf8')
}

async function failure(attempt: Promise<unknown>): Promise<PlainError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CommandError)) throw new Error(`it did not fail as it should, but: ${String(error)}`)
  return error.plain
}

describe('a node that would listen beyond loopback', () => {
  const host = '0.0.0.0'

  test('does not start while anybody could join it', async () => {
    for (const tls of [undefined, { ...alpha, requestCert: false }]) {
      const start = PeerProcess.start({ name: 'open', listen: { host, ...(tls && { tls }) } })
      expect(await failure(start)).toMatchObject({ code: 'ERR_INSECURE' })
    }
  })

  test('starts with a secret, with client certificates, or when told that this is meant', async () => {
    for (const options of [{ secret: 'sesame' }, { listen: { host, tls: alpha } }, { insecure: true }]) {
      await using node = await PeerProcess.start({ name: 'alpha', listen: { host }, ...options })
      expect(node.url).toMatch(/^wss?:/)
    }
  })
})

describe('with client certificates', () => {
  test('nodes that bear the names in their certificates are a mesh over wss', async () => {
    await using peers = await startMesh(
      { name: 'alpha', listen: { tls: alpha } },
      { name: 'beta', listen: { tls: beta } },
    )
    for (const peer of peers) expect(peer.url).toMatch(/^wss:/)
    expect(await peers[0]?.call('request', 'beta', 'echo', 'over TLS', { timeout: 5_000 })).toBe('over TLS')
  })

  test('a node under a name that is not in its certificate is refused, whoever dials', async () => {
    await using honest = await PeerProcess.start({ name: 'alpha', listen: { tls: alpha } })
    await using liar = await PeerProcess.start({ name: 'gamma', listen: { tls: beta } })
    const code = 'ERR_WRONG_CERTIFICATE'
    const isIt = ({ error }: { error: PlainError }): boolean => error.code === code
    expect(await failure(liar.join(honest))).toMatchObject({ code })
    await Promise.all([honest.event('refused', isIt), liar.event('refused', isIt)])
    expect(await failure(honest.join(liar))).toMatchObject({ code })
    expect(await honest.members()).toEqual(['alpha'])
    expect(await liar.members()).toEqual(['gamma'])
  })

  test('a node whose certificate nobody vouches for never gets in', async () => {
    await using honest = await PeerProcess.start({ name: 'alpha', listen: { tls: alpha } })
    const tls = { ...beta, cert: pem('impostor'), key: pem('impostor-key') }
    await using impostor = await PeerProcess.start({ name: 'beta', listen: { tls } })
    expect((await failure(impostor.join(honest, 1_000))).name).toBe('TimeoutError')
    expect(await honest.members()).toEqual(['alpha'])
  })
})
