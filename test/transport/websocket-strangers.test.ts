import { deflateRawSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/runtime/system-clock.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import { WebSocketTransport, type WebSocketTransportOptions } from '../../src/transport/websocket.js'
import type { WebSocketListener } from '../../src/transport/websocket-listener.js'
import { frame, RawPeer, upgradeRequest } from '../support/raw-peer.js'
import { Recorder } from '../support/recorder.js'

const binary = 2
const text = 1
const ping = 9
const continuation = 0

const listeners: WebSocketListener[] = []

afterEach(async () => {
  await Promise.all(listeners.splice(0).map(listener => listener.close()))
})

async function listen(handler: Recorder, options: Partial<WebSocketTransportOptions> = {}): Promise<WebSocketListener> {
  const transport = new WebSocketTransport({ clock: new SystemClock(), ...options })
  const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, handler.accept)
  listeners.push(listener)
  return listener
}

describe('an upgrade is refused', () => {
  async function refusal(request: string, options: Partial<WebSocketTransportOptions> = {}): Promise<string> {
    const handler = new Recorder()
    const { url } = await listen(handler, options)
    using peer = await RawPeer.connect(url)
    peer.write(request)
    await peer.closed
    expect(handler.connection).toBeUndefined()
    return peer.text.split('\r\n')[0] ?? ''
  }

  test('on another path', async () => {
    for (const path of ['/', '/maquis/', '/maquis?x=1', '/MAQUIS', '//maquis']) {
      expect(await refusal(upgradeRequest({ path }))).toBe('HTTP/1.1 404 Not Found')
    }
  })

  test('without the subprotocol', async () => {
    expect(await refusal(upgradeRequest({ protocol: false }))).toBe('HTTP/1.1 400 Bad Request')
    expect(await refusal(upgradeRequest({ protocol: 'maquis.v10' }))).toBe('HTTP/1.1 400 Bad Request')
  })

  test('with an Origin, because no browser is a peer', async () => {
    const headers = { Origin: 'https://app.example' }
    expect(await refusal(upgradeRequest({ headers }))).toBe('HTTP/1.1 403 Forbidden')
    expect(await refusal(upgradeRequest({ headers }), { allowedOrigins: ['https://example'] })).toBe(
      'HTTP/1.1 403 Forbidden',
    )
    expect(await refusal(upgradeRequest({ headers: { Origin: 'null' } }))).toBe('HTTP/1.1 403 Forbidden')
  })

  test('with a header of more than 4 KiB', async () => {
    const headers = { 'X-Padding': 'x'.repeat(5000) }
    expect(await refusal(upgradeRequest({ headers }))).toBe('HTTP/1.1 431 Request Header Fields Too Large')
  })

  test('when it is not an upgrade at all', async () => {
    expect(await refusal('GET /maquis HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('HTTP/1.1 426 Upgrade Required')
    expect(await refusal('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\nbody')).toBe(
      'HTTP/1.1 426 Upgrade Required',
    )
    expect(await refusal('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('')
    expect(await refusal('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')).toMatch(/40[04]/)
  })

  test('when it is not even HTTP', async () => {
    expect(await refusal('\u0000\u0001\u0002 nonsense \r\n\r\n')).toMatch(/^(HTTP\/1.1 400 Bad Request)?$/)
    expect(await refusal('\u0016\u0003\u0001\u0000\u00f0')).toMatch(/^(HTTP\/1.1 400 Bad Request)?$/)
  })

  test('without a proper key or version', async () => {
    const noKey = upgradeRequest().replace(/Sec-WebSocket-Key: .*\r\n/, '')
    expect(await refusal(noKey)).toBe('HTTP/1.1 400 Bad Request')
    expect(await refusal(upgradeRequest().replace('Version: 13', 'Version: 12'))).toBe('HTTP/1.1 400 Bad Request')
  })
})

describe('an upgrade is accepted', () => {
  test('with an allowed Origin', async () => {
    const handler = new Recorder()
    const { url } = await listen(handler, { allowedOrigins: ['https://app.example'] })
    using peer = await RawPeer.upgraded(url, { headers: { Origin: 'https://app.example' } })
    expect(peer.text).toMatch(/^HTTP\/1.1 101 /)
  })

  test('when several subprotocols are offered and ours is among them', async () => {
    const handler = new Recorder()
    const { url } = await listen(handler)
    using peer = await RawPeer.upgraded(url, { protocol: 'maquis.v2, maquis.v1' })
    expect(peer.text).toContain('Sec-WebSocket-Protocol: maquis.v1\r\n')
  })

  test('with bytes right behind it, in the same segment', async () => {
    const handler = new Recorder()
    const { url } = await listen(handler)
    using peer = await RawPeer.connect(url)
    peer.write(Buffer.concat([Buffer.from(upgradeRequest()), frame(binary, 'one'), frame(binary, 'two')]))
    await handler.until(() => handler.chunks.length === 2)
    expect(handler.chunks.map(String)).toEqual(['one', 'two'])
  })
})

describe('strangers', () => {
  test('one too many closes the oldest', async () => {
    const listener = await listen(new Recorder({ admit: false }), { strangers: { count: 2 } })
    using first = await RawPeer.connect(listener.url)
    using second = await RawPeer.upgraded(listener.url)
    using third = await RawPeer.upgraded(listener.url)
    await first.closed
    expect([second.isClosed, third.isClosed]).toEqual([false, false])
    expect(listener.strangers).toMatchObject({ entered: 3, turnedAway: { count: 1 } })
  })

  test('who idle in any number do not lock an honest peer out, nor disturb one that was admitted', async () => {
    const handler = new Recorder()
    const listener = await listen(handler, { strangers: { count: 4 } })
    const idle: RawPeer[] = []
    for (let index = 0; index < 20; index++) idle.push(await RawPeer.connect(listener.url))
    using honest = await RawPeer.upgraded(listener.url)
    for (let index = 0; index < 20; index++) idle.push(await RawPeer.connect(listener.url))
    using last = await RawPeer.upgraded(listener.url)
    honest.write(frame(binary, 'still here'))
    await handler.until(() => handler.chunks.length === 1)
    expect(honest.isClosed || last.isClosed).toBe(false)
    expect(listener.strangers.present).toBeLessThanOrEqual(4)
    for (const peer of idle) peer.socket.destroy()
  })

  test('have a time limit, however slowly they talk (slow loris)', async () => {
    const clock = new SimulatedClock()
    const handler = new Recorder({ admit: false })
    const listener = await listen(handler, { clock })
    using silent = await RawPeer.connect(listener.url)
    using slow = await RawPeer.connect(listener.url)
    slow.write('GET /maq')
    using open = await RawPeer.upgraded(listener.url)
    clock.advance(1999)
    open.write(frame(binary, 'x'))
    await handler.until(() => handler.chunks.length === 1)
    expect(listener.strangers).toMatchObject({ present: 3 })
    clock.advance(1)
    await Promise.all([silent.closed, slow.closed, open.closed, handler.ended])
    expect(listener.strangers).toMatchObject({ present: 0, turnedAway: { time: 3 } })
    expect(handler.errors).toEqual([new Error('the peer met the limit for strangers: time')])
    expect(clock.pending).toBe(0)
  })

  test('have no time limit any more once they are admitted', async () => {
    const clock = new SimulatedClock()
    const handler = new Recorder()
    const { url } = await listen(handler, { clock })
    using peer = await RawPeer.upgraded(url)
    await handler.accepted()
    clock.advance(10_000)
    peer.write(frame(binary, 'x'))
    await handler.until(() => handler.chunks.length === 1)
    expect(peer.isClosed).toBe(false)
  })

  test('may send 16 KiB and no more, and nothing beyond is delivered', async () => {
    const handler = new Recorder({ admit: false })
    const listener = await listen(handler)
    using peer = await RawPeer.upgraded(listener.url)
    for (let index = 0; index < 40; index++) peer.write(frame(binary, Buffer.alloc(1000)))
    await Promise.all([peer.closed, handler.ended])
    expect(handler.bytes).toBeLessThanOrEqual(16 * 1024)
    expect(handler.errors).toEqual([new Error('the peer met the limit for strangers: bytes')])
    expect(listener.strangers.turnedAway.bytes).toBe(1)
  })

  test('have no byte limit any more once they are admitted', async () => {
    const handler = new Recorder()
    const { url } = await listen(handler)
    using peer = await RawPeer.upgraded(url)
    for (let index = 0; index < 40; index++) peer.write(frame(binary, Buffer.alloc(1000)))
    await handler.until(() => handler.chunks.length === 40)
    expect(peer.isClosed).toBe(false)
  })

  test('are closed with the listener; admitted connections are not', async () => {
    const handler = new Recorder()
    const listener = await listen(handler)
    using admitted = await RawPeer.upgraded(listener.url)
    using stranger = await RawPeer.connect(listener.url)
    using known = await RawPeer.upgraded(listener.url)
    await listener.close()
    await stranger.closed
    expect([admitted.isClosed, known.isClosed]).toEqual([false, false])
    expect(listener.strangers).toMatchObject({ present: 0, turnedAway: { closed: 1 } })
  })
})

describe('a peer that breaks the rules is cut off, and the owner hears why', () => {
  async function misbehave(
    bytes: Uint8Array,
    options: Partial<WebSocketTransportOptions> = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ error: string; code: number }> {
    const handler = new Recorder()
    const { url } = await listen(handler, options)
    using peer = await RawPeer.upgraded(url, { headers })
    peer.write(bytes)
    await peer.until(() => peer.body.length >= 4)
    peer.socket.end()
    await Promise.all([handler.ended, peer.closed])
    expect(handler.chunks).toEqual([])
    expect(handler.errors.length).toBe(1)
    return { error: String(handler.errors[0]?.message), code: peer.body.readUInt16BE(2) }
  }

  test('by a text frame', async () => {
    const bytes = Buffer.concat([frame(text, 'hello'), frame(binary, 'late')])
    expect(await misbehave(bytes)).toEqual({ error: 'the peer sent text', code: 1003 })
  })

  test('by a frame that is too large, as soon as it says so', async () => {
    const bytes = frame(binary, 'start', { claim: 1_048_577 })
    expect(await misbehave(bytes)).toEqual({ error: 'Max payload size exceeded', code: 1009 })
  })

  test('by a message that grows too large in fragments', async () => {
    const half = Buffer.alloc(600)
    const bytes = Buffer.concat([frame(binary, half, { fin: false }), frame(continuation, half, { fin: false })])
    expect(await misbehave(bytes, { frameBytes: 1000 })).toMatchObject({ code: 1009 })
  })

  test('by a message in too many fragments', async () => {
    const fragments = Array.from({ length: 70 }, () => frame(continuation, 'x', { fin: false }))
    const bytes = Buffer.concat([frame(binary, 'x', { fin: false }), ...fragments])
    expect(await misbehave(bytes)).toEqual({ error: 'Too many message fragments', code: 1008 })
  })

  test('by a frame without a mask', async () => {
    expect(await misbehave(frame(binary, 'x', { masked: false }))).toMatchObject({ code: 1002 })
  })

  test('by compressing without being allowed to', async () => {
    const bytes = frame(binary, deflateRawSync('x'), { rsv1: true })
    expect(await misbehave(bytes)).toMatchObject({ code: 1002 })
  })

  test('by a compressed bomb', async () => {
    const bomb = deflateRawSync(Buffer.alloc(64 * 1_048_576))
    const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
    const outcome = await misbehave(frame(binary, bomb, { rsv1: true }), { compression: true }, headers)
    expect(outcome).toEqual({ error: 'Max payload size exceeded', code: 1009 })
  })

  test('by a flood of pings whose answers it does not read', async () => {
    const handler = new Recorder()
    const { url } = await listen(handler)
    using peer = await RawPeer.upgraded(url)
    peer.socket.pause()
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(ping, Buffer.alloc(125))))
    for (let index = 0; index < 200; index++) peer.write(pings)
    await handler.ended
    expect(handler.errors).toEqual([new Error('the connection was lost')])
  })
})
