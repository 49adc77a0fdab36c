import { connect, createServer, type Server, type Socket } from 'node:net'
import type { SeededRandom } from 'maquis'
import { frame, upgradeRequest } from './raw-peer.js'

/** What an honest dialler said: the payloads of its WebSocket frames, in order. */
export type Recording = readonly Buffer[]

/** Stands between a dialler and a node, and writes down what the dialler says. */
export class RecordingProxy implements Disposable {
  readonly url: string
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #heard: Buffer[]

  private constructor(server: Server, sockets: Set<Socket>, heard: Buffer[]) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    this.url = `ws://127.0.0.1:${address.port}`
    this.#server = server
    this.#sockets = sockets
    this.#heard = heard
  }

  static async before(url: string): Promise<RecordingProxy> {
    const { hostname, port } = new URL(url)
    const sockets = new Set<Socket>()
    const heard: Buffer[] = []
    const server = createServer(near => {
      const far = connect(Number(port), hostname)
      const isFirst = sockets.size === 0
      for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
      if (isFirst) near.on('data', (bytes: Buffer) => heard.push(bytes))
      near.pipe(far)
      far.pipe(near)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return new RecordingProxy(server, sockets, heard)
  }

  get recording(): Recording {
    const bytes = Buffer.concat(this.#heard)
    const payloads: Buffer[] = []
    for (let at = bytes.indexOf('\r\n\r\n') + 4; at < bytes.length; ) {
      const short = bytes.readUInt8(at + 1) & 0x7f
      const wide = short === 126 ? 2 : short === 127 ? 8 : 0
      const length = wide === 0 ? short : bytes.readUIntBE(at + 2 + Math.max(0, wide - 6), Math.min(wide, 6))
      const mask = bytes.subarray(at + 2 + wide, at + 6 + wide)
      const body = bytes.subarray(at + 6 + wide, at + 6 + wide + length)
      payloads.push(Buffer.from(body.map((byte, index) => byte ^ (mask[index % 4] ?? 0))))
      at += 6 + wide + length
    }
    return payloads
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

/** What one hostile connection sends, piece by piece; then it is left open, ended or reset. */
export interface Attack {
  readonly kind: string
  readonly pieces: readonly Uint8Array[]
  readonly ending: 'wait' | 'end' | 'reset'
}

/** Draws an attack: junk, half upgrades, valid upgrades with wrong frames, and recorded handshakes with wrong bytes. */
export function drawAttack(random: SeededRandom, recording: Recording): Attack {
  const ending = pick(random, ['wait', 'end', 'reset'] as const)
  const upgrade = Buffer.from(upgradeRequest())
  switch (Math.floor(random.next() * 6)) {
    case 0:
      return { kind: 'junk', pieces: [junk(random, 2_000)], ending }
    case 1:
      return { kind: 'half an upgrade', pieces: [cut(random, upgrade)], ending }
    case 2:
      return { kind: 'a mutated upgrade', pieces: [mutated(random, upgrade)], ending }
    case 3: {
      const frames = Array.from({ length: 3 }, () => frame(opcode(random), junk(random, 300), frameOptions(random)))
      return { kind: 'wrong frames', pieces: [upgrade, ...frames], ending }
    }
    case 4: {
      const said = recording.slice(0, 1 + Math.floor(random.next() * recording.length))
      return { kind: 'a replay', pieces: [upgrade, ...said.map(payload => frame(2, payload))], ending }
    }
    default: {
      const said = recording.map(payload => (random.next() < 0.5 ? mutated(random, payload) : payload))
      return { kind: 'a mutated handshake', pieces: [upgrade, ...said.map(payload => frame(2, payload))], ending }
    }
  }
}

/** Carries an attack out; resolves when the node has closed the connection, or at the attacker's own end of it. */
export function attack(url: string, { pieces, ending }: Attack): Promise<void> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname)
    // A peer that answers a frame before the next one comes is attacked deeper.
    const next = [...pieces]
    const push = (): void => {
      const piece = next.shift()
      if (piece !== undefined) socket.write(piece)
      if (next.length > 0) return
      if (ending === 'end') socket.end()
      if (ending === 'reset') setImmediate(() => socket.resetAndDestroy())
    }
    socket.setNoDelay(true)
    socket.once('connect', push)
    socket.on('data', push)
    socket.on('error', () => {})
    socket.once('close', () => resolve())
  })
}

function junk(random: SeededRandom, most: number): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random.next() * most) }, () => Math.floor(random.next() * 256)))
}

function cut(random: SeededRandom, bytes: Buffer): Buffer {
  return bytes.subarray(0, Math.floor(random.next() * bytes.length))
}

/** Some bytes changed, and at times some cut off or added. */
function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const changes = 1 + Math.floor(random.next() * 8)
  for (let change = 0; change < changes && copy.length > 0; change++) {
    copy[Math.floor(random.next() * copy.length)] = Math.floor(random.next() * 256)
  }
  const shape = random.next()
  if (shape < 0.15) return cut(random, copy)
  return shape < 0.3 ? Buffer.concat([copy, junk(random, 100)]) : copy
}

function opcode(random: SeededRandom): number {
  return random.next() < 0.5 ? 2 : Math.floor(random.next() * 16)
}

function frameOptions(random: SeededRandom): Parameters<typeof frame>[2] {
  return {
    fin: random.next() < 0.8,
    rsv1: random.next() < 0.1,
    masked: random.next() < 0.9,
    ...(random.next() < 0.2 && { claim: Math.floor(random.next() * 2 ** 40) }),
  }
}

function pick<Value>(random: SeededRandom, values: readonly [Value, ...Value[]]): Value {
  return values[Math.floor(random.next() * values.length)] ?? values[0]
}
