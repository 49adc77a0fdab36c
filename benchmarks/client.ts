import { closedLoop } from './closed-loop.js'
import type { Measured, Report, Run } from './protocol.js'
import { ReceivingProcess } from './receiving-process.js'
import type { Connection, Stack } from './stack.js'
import { loadStack } from './stacks.js'
import { cpuSeconds, peakBytes, systemMillis } from './usage.js'
import { contentOf, echo, maker, type Order, orders, type Payload, tripPayload } from './workload.js'

// The sending process of one stack. It starts the receiving one, and ends with the runner, which started it.

// What cannot be told any more is of no interest: the runner is gone, and this process about to end.
process.on('error', () => {})
try {
  await start(process.argv[2] ?? '')
} catch (error) {
  report({ type: 'failed', error: (error as Error).stack ?? String(error) })
}

async function start(name: string): Promise<void> {
  const stack = await loadStack(name)
  const server = new ReceivingProcess(name, stack.serialization ?? 'advanced', error =>
    report({ type: 'failed', error }),
  )
  process.on('disconnect', () => void server.end().then(() => process.exit()))
  const serving = await server.next('serving', 'missing')
  if (serving.answer === 'missing') return report({ type: 'missing', reason: serving.reason })
  const connection = await stack.connect(serving.address, server.child)
  process.on('message', message => void carryOut(stack, connection, server, message as Run))
  report({ type: 'ready', memory: { client: peakBytes(), server: serving.peak } })
}

async function carryOut(stack: Stack, connection: Connection, server: ReceivingProcess, run: Run): Promise<void> {
  const { workload, count } = run
  if (!stack.supports(workload)) return report({ type: 'unsupported' })
  try {
    const measured =
      workload.type === 'one-way'
        ? await sendAll(connection, server, workload.payload, run)
        : await tripAll(connection, server, workload.inFlight, count)
    report({ type: 'ran', measured })
  } catch (error) {
    report({ type: 'failed', error: (error as Error).stack ?? String(error) })
  }
}

async function sendAll(
  connection: Connection,
  server: ReceivingProcess,
  payload: Payload,
  { count, patienceMillis }: Run,
): Promise<Measured> {
  const make = maker(payload, orders)
  await begin(server, count)
  const cpu = cpuSeconds()
  const start = systemMillis()
  await connection.send(payload, make, count)
  const at = await lastOf(count, server, patienceMillis)
  const clientCpu = cpuSeconds() - cpu
  const ended = await end(server)
  const content = count * contentOf(make(0))
  if (ended.taken !== count || ended.content !== content) {
    throw new Error(`${ended.taken} messages with ${ended.content} bytes came of ${count} with ${content}`)
  }
  return { count, seconds: (at - start) / 1_000, clientCpu, ...ended.usage }
}

/** When the last message was handed over. Where one is lost that never is: then it is told how many were. */
async function lastOf(count: number, server: ReceivingProcess, patienceMillis: number): Promise<number> {
  const timer = setTimeout(() => server.tell({ command: 'end' }), patienceMillis)
  const last = await server.next('done', 'ended')
  clearTimeout(timer)
  if (last.answer === 'done') return last.at
  throw new Error(`${last.taken} messages of ${count} came, and no other in ${patienceMillis} ms`)
}

async function tripAll(
  connection: Connection,
  server: ReceivingProcess,
  inFlight: number,
  count: number,
): Promise<Measured> {
  const make = maker(tripPayload, echo)
  const micros = new Float64Array(count)
  const trip = async (seq: number): Promise<void> => {
    const start = performance.now()
    const back = (await connection.trip(make(seq))) as Order
    micros[seq] = (performance.now() - start) * 1_000
    if (back.seq !== seq) throw new Error(`order ${back.seq} came back for order ${seq}`)
  }
  await begin(server, 0)
  const cpu = cpuSeconds()
  const start = systemMillis()
  await closedLoop(count, inFlight, trip)
  const seconds = (systemMillis() - start) / 1_000
  const clientCpu = cpuSeconds() - cpu
  const { usage } = await end(server)
  return { count, seconds, clientCpu, ...usage, latencies: micros.sort() }
}

async function begin(server: ReceivingProcess, count: number): Promise<void> {
  server.tell({ command: 'begin', count })
  await server.next('begun')
}

interface Ended {
  readonly taken: number
  readonly content: number
  readonly usage: Pick<Measured, 'serverCpu' | 'memory'>
}

async function end(server: ReceivingProcess): Promise<Ended> {
  server.tell({ command: 'end' })
  const { taken, content, cpu, peak } = await server.next('ended')
  return { taken, content, usage: { serverCpu: cpu, memory: { client: peakBytes(), server: peak } } }
}

function report(what: Report): void {
  process.send?.(what)
}
