import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

/** What the server answers for any name. */
export type Zone = Records | { readonly type: 'refuse' } | { readonly type: 'silence' }

type Records =
  | { readonly type: 'A' | 'AAAA'; readonly addresses: readonly string[] }
  | { readonly type: 'SRV'; readonly records: readonly { readonly name: string; readonly port: number }[] }

const codes = { A: 1, AAAA: 28, SRV: 33 } as const
/** More does not fit in a datagram; a resolver then asks over TCP. */
const datagramMax = 1_232

/** A name server on loopback, over UDP and TCP on one port, as much of it as lookups need (RFC 1035, 2782). */
export class DnsServer {
  zone: Zone
  /** How many questions came. */
  readonly questions = { udp: 0, tcp: 0 }
  readonly #udp: Socket = createSocket('udp4')
  readonly #tcp: Server

  constructor(zone: Zone) {
    this.zone = zone
    this.#udp.on('message', (question, { port, address }) => {
      this.questions.udp++
      const answer = this.#answer(question)
      if (answer === undefined) return
      this.#udp.send(answer.length > datagramMax ? truncated(answer, question) : answer, port, address)
    })
    this.#tcp = createServer(socket => {
      let buffer = Buffer.alloc(0)
      socket.on('error', () => {})
      socket.on('data', bytes => {
        buffer = Buffer.concat([buffer, bytes])
        while (buffer.length >= 2 && buffer.length >= 2 + buffer.readUInt16BE(0)) {
          const length = buffer.readUInt16BE(0)
          this.questions.tcp++
          const answer = this.#answer(buffer.subarray(2, 2 + length))
          buffer = buffer.subarray(2 + length)
          if (answer !== undefined) socket.write(Buffer.concat([u16(answer.length), answer]))
        }
      })
    })
  }

  /** Resolves with `127.0.0.1:port`. */
  async start(): Promise<string> {
    this.#tcp.listen(0, '127.0.0.1')
    await once(this.#tcp, 'listening')
    const { port } = this.#tcp.address() as AddressInfo
    this.#udp.bind(port, '127.0.0.1')
    await once(this.#udp, 'listening')
    return `127.0.0.1:${port}`
  }

  async stop(): Promise<void> {
    const closed = Promise.all([once(this.#udp, 'close'), once(this.#tcp, 'close')])
    this.#udp.close()
    this.#tcp.close()
    await closed
  }

  #answer(question: Buffer): Buffer | undefined {
    const { zone } = this
    if (zone.type === 'silence') return undefined
    let end = 12
    while (question[end] !== 0) end += (question[end] as number) + 1
    const asked = question.subarray(12, end + 5)
    const records = zone.type === 'refuse' ? [] : recordsOf(zone, question.readUInt16BE(end + 1))
    const flags = zone.type === 'refuse' ? 0x8185 : 0x8180
    return Buffer.concat([question.subarray(0, 2), u16(flags, 1, records.length, 0, 0), asked, ...records])
  }
}

function truncated(answer: Buffer, question: Buffer): Buffer {
  const end = question.indexOf(0, 12) + 5
  return Buffer.concat([answer.subarray(0, 2), u16(0x8380, 1, 0, 0, 0), question.subarray(12, end)])
}

function recordsOf(zone: Records, asked: number): Buffer[] {
  if (asked !== codes[zone.type]) return []
  const data =
    zone.type === 'SRV'
      ? zone.records.map(({ name, port }) => Buffer.concat([u16(10, 5, port), nameOf(name)]))
      : zone.addresses.map(zone.type === 'A' ? v4 : v6)
  return data.map(bytes => Buffer.concat([u16(0xc00c, codes[zone.type], 1, 0, 30, bytes.length), bytes]))
}

function nameOf(name: string): Buffer {
  const labels = name.split('.').map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

function v4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** Of addresses that are written with one `::` at most. */
function v6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16)))
  const [first, last] = [words(head), words(tail)]
  return u16(...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last)
}

function u16(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 2)
  for (const [index, number] of numbers.entries()) bytes.writeUInt16BE(number, index * 2)
  return bytes
}
