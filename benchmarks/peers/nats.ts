import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { MissingError, type Stack, turn } from '../stack.js'
import { type Message, type Order, within } from '../workload.js'

/** NATS core, over a nats-server of our own, whose CPU and memory nobody counts here. Orders are JSON. */
export function stackOf(): Stack {
  return {
    supports: () => true,
    async serve(receive) {
      const broker = await start()
      const nats = await connect({ servers: broker.url })
      nats.subscribe('orders', { callback: (_, message) => receive(message.json<Order>()) })
      nats.subscribe('bytes', { callback: (_, message) => receive(message.data) })
      nats.subscribe('echo', { callback: (_, message) => void message.respond(JSON.stringify(message.json<Order>())) })
      await nats.flush()
      return {
        address: broker.url,
        async close() {
          broker.child.kill()
          await rm(broker.folder, { recursive: true, force: true })
        },
      }
    },
    async connect(address) {
      const nats = await connect({ servers: address as string })
      return {
        send: (payload, make, count) => send(nats, within(1_048_576, payload, 500), make, count),
        async trip(message) {
          const back = await nats.request('echo', JSON.stringify(message), { timeout: 10_000 })
          return back.json<Order>()
        },
      }
    },
  }
}

/** The broker confirms each batch before the one after the next is sent. */
async function send(
  nats: NatsConnection,
  perTurn: number,
  make: (seq: number) => Message,
  count: number,
): Promise<void> {
  let confirmed = Promise.resolve()
  for (let sent = 0; sent < count; ) {
    for (let index = 0; index < perTurn && sent < count; index++) {
      const message = make(sent++)
      if (message instanceof Uint8Array) nats.publish('bytes', message)
      else nats.publish('orders', JSON.stringify(message))
    }
    const flushed = nats.flush()
    await confirmed
    confirmed = flushed
    await turn()
  }
  await confirmed
}

interface Broker {
  readonly child: ChildProcess
  readonly folder: string
  readonly url: string
}

const startMillis = 5_000

/** Starts a nats-server on a port of the system's choice, which it writes into its folder. */
async function start(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'maquis-benchmarks-'))
  const config = join(folder, 'nats.conf')
  const bounds = 'max_payload: 16MB\nmax_pending: 512MB\nwrite_deadline: "30s"'
  await writeFile(config, `host: "127.0.0.1"\nport: -1\nports_file_dir: "${folder}"\n${bounds}\n`)
  const child = spawn('nats-server', ['-c', config], { stdio: 'ignore' })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () => reject(new MissingError('there is no nats-server on the PATH')))
    child.once('exit', code => reject(new Error(`nats-server ended with ${code}`)))
  })
  failed.catch(() => {})
  try {
    return { child, folder, url: await Promise.race([failed, told(folder)]) }
  } catch (error) {
    child.kill()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function told(folder: string): Promise<string> {
  for (const end = performance.now() + startMillis; performance.now() < end; ) {
    const name = (await readdir(folder)).find(file => file.endsWith('.ports'))
    const text = name === undefined ? '' : await readFile(join(folder, name), 'utf8')
    const url = text === '' ? undefined : (JSON.parse(text) as { nats?: string[] }).nats?.[0]
    if (url !== undefined) return url
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('nats-server did not start in time')
}
