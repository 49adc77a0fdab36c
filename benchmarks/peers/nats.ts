import { spawn } from 'node:child_process'
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
      const url = await start()
      const nats = await connect({ servers: url })
      nats.subscribe('orders', { callback: (_, message) => receive(message.json<Order>()) })
      nats.subscribe('bytes', { callback: (_, message) => receive(message.data) })
      nats.subscribe('echo', { callback: (_, message) => void message.respond(JSON.stringify(message.json<Order>())) })
      await nats.flush()
      return {
        address: url,
        async close() {},
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

const startMillis = 5_000

/** What ends the keeper when there is no nats-server: the shell's own code for a command that it does not find. */
const notFound = 127

/**
 * Runs nats-server for as long as this process lives, however that ends: until nobody can write to the input of the
 * shell any more. Then it removes the folder of its ports.
 */
const keeper = `
  trap '' INT TERM HUP
  command -v nats-server >/dev/null || exit ${notFound}
  nats-server -c "$0/nats.conf" &
  cat >/dev/null
  kill -KILL $!
  rm -rf "$0"
`

/** Starts a nats-server on a port of the system's choice, which it writes into its folder. Returns its address. */
async function start(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'maquis-benchmarks-'))
  const bounds = 'max_payload: 16MB\nmax_pending: 512MB\nwrite_deadline: "30s"'
  await writeFile(join(folder, 'nats.conf'), `host: "127.0.0.1"\nport: -1\nports_file_dir: "${folder}"\n${bounds}\n`)
  const child = spawn('sh', ['-c', keeper, folder], { stdio: ['pipe', 'ignore', 'ignore'] })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', code => {
      const missing = code === notFound
      reject(
        missing ? new MissingError('there is no nats-server on the PATH') : new Error(`its shell ended with ${code}`),
      )
    })
  })
  failed.catch(() => {})
  const ending = new AbortController()
  try {
    return await Promise.race([failed, told(folder, ending.signal)])
  } catch (error) {
    child.stdin.end()
    await rm(folder, { recursive: true, force: true })
    throw error
  } finally {
    ending.abort()
  }
}

async function told(folder: string, signal: AbortSignal): Promise<string> {
  for (const end = performance.now() + startMillis; performance.now() < end && !signal.aborted; ) {
    const name = (await readdir(folder)).find(file => file.endsWith('.ports'))
    const text = name === undefined ? '' : await readFile(join(folder, name), 'utf8')
    const url = text === '' ? undefined : (JSON.parse(text) as { nats?: string[] }).nats?.[0]
    if (url !== undefined) return url
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('nats-server did not start in time')
}
