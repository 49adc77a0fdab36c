import { readFileSync } from 'node:fs'
import { connect as secureConnect } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/runtime/system-clock.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import { transportSuite } from '../../src/testing/suites/transport-suite.js'
import type { Connection } from '../../src/transport/transport.js'
import { WebSocketTransport, type WebSocketTransportOptions } from '../../src/transport/websocket.js'
import type { WebSocketListener } from '../../src/transport/websocket-listener.js'
import { certifiedNames, type TlsOptions } from '../../src/transport/websocket-security.js'
import { becomesTrue, within } from '../support/deadline.js'
import { frame, RawPeer, upgradeRequest } from '../support/raw-peer.js'
import { Recorder } from '../support/recorder.js'

const clock = new SystemClock()
const authority = pem('authority')
const alpha: TlsOptions = { ca: authority, cert: pem('alpha'), key: pem('alpha-key') }
const beta: TlsOptions = { ca: authority, cert: pem('beta'), key: pem('beta-key') }
const impostor: TlsOptions = { ca: authority, cert: pem('impostor'), key: pem('impostor-key') }
const mutual: TlsOptions = { ...alpha, requestCert: true, rejectUnauthorized: true }

const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

function pem(name: string): string {
  return readFileSync(new URL(`../support/certificates/${name}.pem`, import.meta.url), 'utf8')
}

async function listen(
  far: Recorder,
  tls: TlsOptions,
  options: Partial<WebSocketTransportOptions> = {},
): Promise<WebSocketListener> {
  const transport = new WebSocketTransport({ clock, tls, ...options })
  const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, far.accept)
  cleanUps.push(
    () => listener.close(),
    () => far.connection?.destroy(),
  )
  return listener
}

async function dial(url: string, tls: TlsOptions, near: Recorder = new Recorder()): Promise<Connection> {
  const transport = new WebSocketTransport({ clock, tls })
  const connection = await within(transport.dial({ url }, near, new AbortController().signal))
  cleanUps.push(() => connection.destroy())
  return connection
}

transportSuite(
  'the WebSocket transport with TLS',
  async () => ({
    transport: new WebSocketTransport({ clock, tls: mutual }),
    host: '127.0.0.1',
    nobody: { url: 'wss://127.0.0.1:1' },
    frameBytes: 1_048_576,
    eventually: promise => within(promise),
  }),
  { describe, test },
)

describe('TLS', () => {
  test('tells each end the names in the certificate of the other, and the same keying material', async () => {
    const far = new Recorder()
    const { url } = await listen(far, mutual)
    expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/)
    const near = await dial(url, beta)
    const accepted = await far.accepted()
    expect(near.security?.names).toEqual(['alpha', 'localhost'])
    expect(accepted.security?.names).toEqual(['beta', 'beta.cluster.example'])
    expect(near.security?.exporter?.length).toBe(32)
    expect(near.security?.exporter).toEqual(accepted.security?.exporter)
    const other = await dial(url, beta)
    expect(other.security?.exporter).not.toEqual(near.security?.exporter)
  })

  test('tells no names of a dialler that shows no certificate, or one that nobody vouches for', async () => {
    const lenient = { ...alpha, requestCert: true, rejectUnauthorized: false }
    for (const client of [{ ca: authority }, impostor]) {
      const far = new Recorder()
      const { url } = await listen(far, lenient)
      await dial(url, client)
      expect((await far.accepted()).security?.names).toEqual([])
      expect((await far.accepted()).security?.exporter?.length).toBe(32)
    }
  })

  test('tells no names of a listener that is not verified', async () => {
    const { url } = await listen(new Recorder(), impostor)
    const near = await dial(url, { rejectUnauthorized: false })
    expect(near.security?.names).toEqual([])
  })

  test('is absent on ws', async () => {
    const transport = new WebSocketTransport({ clock })
    const far = new Recorder()
    const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, far.accept)
    cleanUps.push(() => listener.close())
    const near = await dial(listener.url, beta)
    expect(near.security).toBeUndefined()
    expect((await far.accepted()).security).toBeUndefined()
  })

  test('keeps out a dialler without a certificate, or with a worthless one, where one is asked for', async () => {
    for (const client of [{ ca: authority }, impostor]) {
      const far = new Recorder()
      const { url } = await listen(far, mutual)
      const near = new Recorder()
      await expect(dial(url, client, near)).rejects.toThrow()
      expect(far.connection).toBeUndefined()
      expect(near.errors).toEqual([])
    }
  })

  test('refuses a listener whose certificate nobody vouches for, or that belongs to another name', async () => {
    const impostors = await listen(new Recorder(), impostor)
    await expect(dial(impostors.url, { ca: authority })).rejects.toThrow(/self-signed/)
    const alphas = await listen(new Recorder(), alpha)
    await expect(dial(alphas.url, { ca: authority, servername: 'gamma' })).rejects.toThrow(/altnames/)
    await dial(alphas.url, { ca: authority, servername: 'alpha' })
  })

  test('speaks no version before 1.3 unless told to', async () => {
    const { url } = await listen(new Recorder(), alpha)
    await expect(dial(url, { ca: authority, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).rejects.toThrow()
  })

  test('survives plain bytes on its port, and a plain dialler', async () => {
    const far = new Recorder()
    const { url } = await listen(far, alpha)
    for (const junk of ['GET / HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc', '\u0000']) {
      using peer = await RawPeer.connect(url)
      peer.write(junk)
      peer.socket.end()
      await peer.closed
    }
    await expect(dial(url.replace('wss:', 'ws:'), {})).rejects.toThrow()
    await dial(url, { ca: authority })
  })

  test('survives a dialler that breaks off in the middle of the handshake', async () => {
    const far = new Recorder()
    const listener = await listen(far, alpha)
    using peer = await RawPeer.connect(listener.url)
    peer.write('\u0016\u0003\u0001\u0002\u0000')
    await becomesTrue(() => listener.strangers.present === 1)
    peer.socket.resetAndDestroy()
    await becomesTrue(() => listener.strangers.present === 0)
    await dial(listener.url, { ca: authority })
    await far.accepted()
  })
})

describe('strangers under TLS', () => {
  test('have a time limit from the first packet on', async () => {
    const simulated = new SimulatedClock()
    const far = new Recorder()
    const listener = await listen(far, alpha, { clock: simulated })
    using silent = await RawPeer.connect(listener.url)
    using half = await RawPeer.connect(listener.url)
    half.write('\u0016\u0003\u0001\u0002\u0000')
    const near = new Recorder()
    await dial(listener.url, { ca: authority }, near)
    await far.accepted()
    expect(listener.strangers.present).toBe(2)
    simulated.advance(2000)
    await Promise.all([silent.closed, half.closed])
    expect(listener.strangers).toMatchObject({ present: 0, turnedAway: { time: 2 } })
    expect(near.errors).toEqual([])
  })

  test('one too many closes the oldest', async () => {
    const far = new Recorder({ admit: false })
    const listener = await listen(far, alpha, { strangers: { count: 1 } })
    using first = await RawPeer.connect(listener.url)
    await dial(listener.url, { ca: authority })
    await first.closed
    expect(listener.strangers).toMatchObject({ present: 1, turnedAway: { count: 1 } })
  })

  test('may send 16 KiB and no more', async () => {
    const far = new Recorder({ admit: false })
    const listener = await listen(far, alpha)
    const socket = secureConnect({ host: '127.0.0.1', port: Number(new URL(listener.url).port), ca: authority })
    using peer = new RawPeer(socket)
    peer.write(upgradeRequest())
    await far.accepted()
    for (let index = 0; index < 40; index++) peer.write(frame(2, Buffer.alloc(1000)))
    await Promise.all([peer.closed, far.ended])
    expect(far.bytes).toBeGreaterThan(0)
    expect(far.bytes).toBeLessThanOrEqual(16 * 1024)
    expect(far.errors).toEqual([new Error('the peer met the limit for strangers: bytes')])
  })

  test('are closed with the listener, also while they shake hands', async () => {
    const listener = await listen(new Recorder(), alpha)
    using silent = await RawPeer.connect(listener.url)
    await dial(listener.url, { ca: authority })
    await listener.close()
    await silent.closed
  })
})

describe('the names of a certificate', () => {
  test('are its common names and DNS names, each once', () => {
    const subject = { CN: 'a' } as never
    expect(certifiedNames({ subject, subjectaltname: 'DNS:a, DNS:b, IP Address:127.0.0.1, URI:x' })).toEqual(['a', 'b'])
    expect(certifiedNames({ subject: { CN: ['a', 'b'] } })).toEqual(['a', 'b'])
    expect(certifiedNames({})).toEqual([])
  })

  test('are not those that somebody hid inside another', () => {
    const subjectaltname = 'DNS:"a, DNS:evil", URI:"http://x/, DNS:evil\\", DNS:evil", DNS:honest'
    expect(certifiedNames({ subjectaltname })).toEqual(['honest'])
  })
})
