import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/runtime/system-clock.js'
import type { TransportHarness } from '../../src/testing/suites/transport-harness.js'
import { transportSuite } from '../../src/testing/suites/transport-suite.js'
import type { Connection, Listener } from '../../src/transport/transport.js'
import { WebSocketTransport, type WebSocketTransportOptions } from '../../src/transport/websocket.js'
import { becomesTrue, within } from '../support/deadline.js'
import { frame, RawPeer } from '../support/raw-peer.js'
import { Recorder } from '../support/recorder.js'

const clock = new SystemClock()
const noSignal = new AbortController().signal
const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

transportSuite('the WebSocket transport', () => harness('127.0.0.1'), { describe, test })
transportSuite('the WebSocket transport, compressed', () => harness('127.0.0.1', { compression: true }), {
  describe,
  test,
})

async function harness(host: string, options: Partial<WebSocketTransportOptions> = {}): Promise<TransportHarness> {
  const webSockets = new WebSocketTransport({ clock, ...options })
  const { compression = false } = options
  return {
    transport: {
      schemes: webSockets.schemes,
      listen: (address, accept) => webSockets.listen(address, accept),
      dial: (address, handler, signal) => webSockets.dial({ ...address, compression }, handler, signal),
    },
    host,
    nobody: { url: 'ws://127.0.0.1:1' },
    frameBytes: 1_048_576,
    eventually: promise => within(promise),
  }
}

async function listen(handler: Recorder, options: Partial<WebSocketTransportOptions> = {}): Promise<Listener> {
  const transport = new WebSocketTransport({ clock, ...options })
  const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, handler.accept)
  cleanUps.push(
    () => listener.close(),
    () => handler.connection?.destroy(),
  )
  return listener
}

async function dial(url: string, handler: Recorder, signal: AbortSignal = noSignal): Promise<Connection> {
  const connection = await within(new WebSocketTransport({ clock }).dial({ url }, handler, signal))
  cleanUps.push(() => connection.destroy())
  return connection
}

/** A server of bytes: no HTTP, no WebSocket, only what `serve` does with each socket. */
async function rawServer(serve: (socket: Socket) => void): Promise<string> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    cleanUps.push(() => socket.destroy())
    serve(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return `ws://127.0.0.1:${address.port}`
}

describe('addresses', () => {
  test('an IPv6 host stands in brackets', async () => {
    const far = new Recorder()
    const listener = await new WebSocketTransport({ clock }).listen({ host: '::1', port: 0 }, far.accept)
    cleanUps.push(() => listener.close())
    expect(listener.url).toMatch(/^ws:\/\/\[::1\]:\d+$/)
    const connection = await dial(listener.url, new Recorder())
    expect((await far.accepted()).remote).toMatch(/^\[::1\]:\d+$/)
    expect(connection.remote).toBe(listener.url)
  })

  test('of another scheme are refused as the mistake they are', async () => {
    for (const url of ['http://127.0.0.1:1', 'memory://a:1', 'nonsense', '']) {
      await expect(dial(url, new Recorder())).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    }
  })
})

describe('back-pressure', () => {
  test('a peer that does not read makes send return false, and no more than the mark waits', async () => {
    const far = new Recorder()
    const { url } = await listen(far)
    using peer = await RawPeer.upgraded(url)
    peer.socket.pause()
    const connection = await far.accepted()
    const chunk = new Uint8Array(65_536)
    // The kernel takes what fits into its own buffers first; what it takes beyond our mark is not our memory.
    let sent = 0
    while (connection.send(chunk)) sent += chunk.length
    expect(sent).toBeLessThan(64 * 1_048_576)
    expect(far.drains).toBe(0)
    peer.socket.resume()
    await far.until(() => far.drains === 1)
    expect(connection.send(chunk)).toBe(true)
  })

  test('the marks are options', async () => {
    const far = new Recorder()
    const { url } = await listen(far, { highWaterMark: 1000, lowWaterMark: 0 })
    using _peer = await RawPeer.upgraded(url)
    const connection = await far.accepted()
    while (connection.send(new Uint8Array(100_000)));
    await far.until(() => far.drains === 1)
  })
})

describe('compression', () => {
  const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }

  test('is not agreed to unless the transport is told to', async () => {
    const { url } = await listen(new Recorder())
    using peer = await RawPeer.upgraded(url, { headers: offer })
    expect(peer.text).not.toContain('Sec-WebSocket-Extensions')
  })

  test('is agreed to when offered and allowed, and used for what is large, once the peer is known', async () => {
    const far = new Recorder({ admit: false })
    const { url } = await listen(far, { compression: true })
    using peer = await RawPeer.upgraded(url, { headers: offer })
    expect(peer.text).toContain('Sec-WebSocket-Extensions: permessage-deflate')
    const connection = await far.accepted()
    connection.send(new Uint8Array(100_000))
    await peer.until(() => peer.body.length > 100_000)
    const before = peer.body.length
    connection.admit()
    connection.send(new Uint8Array(100_000))
    connection.send(new Uint8Array(1000))
    await peer.until(() => peer.body.length > before + 1000)
    expect(peer.body.length).toBeLessThan(before + 2500)
  })

  test('is not forced on a peer that did not offer it', async () => {
    const { url } = await listen(new Recorder(), { compression: true })
    using peer = await RawPeer.upgraded(url)
    expect(peer.text).not.toContain('Sec-WebSocket-Extensions')
  })

  test('is offered only for an address that says so', async () => {
    for (const compression of [true, false]) {
      const request = await new Promise<string>(resolve => {
        void rawServer(socket => socket.once('data', bytes => resolve(String(bytes)))).then(url => {
          const abort = new AbortController()
          cleanUps.push(() => abort.abort())
          const transport = new WebSocketTransport({ clock, compression: true })
          transport.dial({ url, compression }, new Recorder(), abort.signal).catch(() => {})
        })
      })
      expect(request.toLowerCase().includes('permessage-deflate')).toBe(compression)
    }
  })
})

describe('dialling something else', () => {
  test('that never answers ends with the signal, and leaves no socket behind', async () => {
    let closed: Promise<void> | undefined
    const url = await rawServer(socket => {
      closed = new Promise(resolve => socket.once('close', () => resolve()))
      socket.once('data', () => abort.abort(new Error('waited long enough')))
    })
    const abort = new AbortController()
    const handler = new Recorder()
    await expect(dial(url, handler, abort.signal)).rejects.toThrow('waited long enough')
    await within(closed ?? Promise.reject(new Error('nobody came')))
    expect(handler.errors).toEqual([])
  })

  test('that answers with nonsense, a redirect, or no subprotocol rejects', async () => {
    const accept = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    const answers = [
      'nonsense\r\n\r\n',
      'HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      `${accept}Sec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: maquis.v1\r\n\r\n`,
    ]
    for (const answer of answers) {
      const url = await rawServer(socket => socket.once('data', () => socket.write(answer)))
      const handler = new Recorder()
      await expect(dial(url, handler)).rejects.toThrow()
      expect(handler.errors).toEqual([])
    }
  })

  test('that answers with a header of more than 4 KiB rejects', async () => {
    const answer = `HTTP/1.1 101 Switching Protocols\r\nX: ${'x'.repeat(5000)}\r\n\r\n`
    const url = await rawServer(socket => socket.once('data', () => socket.write(answer)))
    await expect(dial(url, new Recorder())).rejects.toThrow(/Header overflow/i)
  })

  test('that hangs up rejects', async () => {
    const url = await rawServer(socket => socket.destroy())
    await expect(dial(url, new Recorder())).rejects.toThrow()
  })
})

describe('the end of a connection', () => {
  test('is an error when the peer vanishes without a goodbye', async () => {
    for (const vanish of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const far = new Recorder()
      const { url } = await listen(far)
      using peer = await RawPeer.upgraded(url)
      await far.accepted()
      peer.socket[vanish]()
      await far.ended
      expect(far.errors).toEqual([expect.any(Error)])
    }
  })

  test('is an error that tells the code, when the peer closed with one', async () => {
    const far = new Recorder()
    const { url } = await listen(far)
    using peer = await RawPeer.upgraded(url)
    peer.write(frame(8, Buffer.from([0x03, 0xe9])))
    peer.socket.end()
    await far.ended
    expect(far.errors).toEqual([new Error('the other end closed: 1001')])
  })

  test('is in order when the peer closed without a code', async () => {
    const far = new Recorder()
    const { url } = await listen(far)
    using peer = await RawPeer.upgraded(url)
    peer.write(frame(8))
    await far.ended
    expect(far.errors).toEqual([undefined])
    await peer.closed
  })

  test('does not wait for a peer that never hangs up', async () => {
    const far = new Recorder()
    const { url } = await listen(far)
    using peer = await RawPeer.upgraded(url)
    const connection = await far.accepted()
    connection.close('enough')
    await Promise.all([far.ended, peer.closed])
    expect(far.errors).toEqual([new Error('the other end did not close in time')])
    expect(peer.body.subarray(2).readUInt16BE()).toBe(4000)
  })

  test('cuts a reason between two characters, to the 123 bytes that a close frame carries', async () => {
    for (const [reason, bytes] of [
      ['x'.repeat(200), 123],
      ['é'.repeat(200), 122],
      [`x${'é'.repeat(200)}`, 123],
      ['😀'.repeat(200), 120],
    ] as const) {
      const far = new Recorder()
      const { url } = await listen(far)
      using peer = await RawPeer.upgraded(url)
      const connection = await far.accepted()
      connection.close(reason)
      await peer.until(() => peer.body.length >= 4)
      const told = peer.body.subarray(4)
      expect(told.length).toBe(bytes)
      expect(reason.startsWith(told.toString())).toBe(true)
      connection.destroy()
      await far.ended
    }
  })

  test('leaves no handle behind: no server, socket or timer', async () => {
    const timers = handles(/^Timeout/).length
    for (let round = 0; round < 5; round++) {
      const far = new Recorder()
      const near = new Recorder()
      const listener = await new WebSocketTransport({ clock }).listen({ host: '127.0.0.1', port: 0 }, far.accept)
      const transport = new WebSocketTransport({ clock })
      const connection = await transport.dial({ url: listener.url }, near, noSignal)
      using stranger = await RawPeer.connect(listener.url)
      await listener.close()
      connection.close()
      await Promise.all([near.ended, far.ended, stranger.closed])
    }
    await becomesTrue(() => handles(/^TCP|^TLS/).length === 0)
    expect(handles(/^Timeout/).length).toBeLessThanOrEqual(timers)
  })
})

function handles(kind: RegExp): string[] {
  return process.getActiveResourcesInfo().filter(name => kind.test(name))
}
