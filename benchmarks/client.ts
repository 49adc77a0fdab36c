import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { closedLoop } from './closed-loop.js'
import { type Answer, type Command, isAnswer, type Measured, type Report, type Run } from './protocol.js'
import type { Connection, Stack } from './stack.js'
import { loadStack } from './stacks.js'
import { cpuSeconds, peakBytes } from './usage.js'
import { contentOf, echo, maker, type Order, orders, type Payload, tripPayload } from './workload.js'

// The sending process of one stack. It starts the receiving one, and ends with the runner, which started it.

const name = process.argv[2] ?? ''
const server = fork(fileURLToPath(new URL('server.js', import.meta.url)), [name], { serialization: 'advanced' })
/** Answers of the server that nobody has waited for yet, and whoever waits for one that has not come. */
const answers: Answer[] = []
let waiting: ((answer: Answer) => void) | undefined
server.on('message', message => {
  if (!isAnswer(message)) return
  if (waiting === undefined) answers.push(message)
  else waiting(message)
  waiting = undefined
})
server.once('exit', (code, signal) => {
  const error = `the receiving process ended with ${signal ?? code}`
  report({ type: 'failed', error })
  // For the next run, if there is none now.
  answers.push({ answer: 'failed', error })
})
// What cannot be sent any more shows in the end of the process.
server.on('error', () => {})
process.on('disconnect', () => {
  server.removeAllListeners('exit')
  if (server.connected) server.disconnect()
  process.exit()
})

try {
  await connect()
} catch (error) {
  report({ type: 'failed', error: (error as Error).stack ?? String(error) })
}

async function connect(): Promise<void> {
  const serving = await next('serving', 'missing')
  if (serving.answer === 'missing') return report({ type: 'missing', reason: serving.reason })
  const stack = await loadStack(name)
  const connection = await stack.connect(serving.address, server)
  process.on('message', message => void carryOut(stack, connection, message as Run))
  report({ type: 'ready', memory: { client: peakBytes(), server: serving.peak } })
}

async function carryOut(stack: Stack, connection: Connection, { workload, count }: Run): Promise<void> {
  if (!stack.supports(workload)) return report({ type: 'unsupported' })
  try {
    const { type } = workload
    const measured =
      type === 'one-way'
        ? await sendAll(connection, workload.payload, count)
        : await tripAll(connection, workload.inFlight, count)
    report({ type: 'ran', measured })
  } catch (error) {
    report({ type: 'failed', error: (error as Error).stack ?? String(error) })
  }
}

async function sendAll(connection: Connection, payload: Payload, count: number): Promise<Measured> {
  const make = maker(payload, orders)
  await begin(count)
  const cpu = cpuSeconds()
  const start = process.hrtime.bigint()
  await connection.send(payload, make, count)
  const { at } = await next('done')
  const clientCpu = cpuSeconds() - cpu
  const ended = await end()
  const content = count * contentOf(make(0))
  if (ended.taken !== count || ended.content !== content) {
    throw new Error(`${ended.taken} messages with ${ended.content} bytes came of ${count} with ${content}`)
  }
  return { count, seconds: Number(at - start) / 1e9, clientCpu, ...ended.usage }
}

async function tripAll(connection: Connection, inFlight: number, count: number): Promise<Measured> {
  const make = maker(tripPayload, echo)
  const micros = new Float64Array(count)
  const trip = async (seq: number): Promise<void> => {
    const start = performance.now()
    const back = (await connection.trip(make(seq))) as Order
    micros[seq] = (performance.now() - start) * 1_000
    if (back.seq !== seq) throw new Error(`order ${back.seq} came back for order ${seq}`)
  }
  await begin(0)
  const cpu = cpuSeconds()
  const start = process.hrtime.bigint()
  await closedLoop(count, inFlight, trip)
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const clientCpu = cpuSeconds() - cpu
  const { usage } = await end()
  return { count, seconds, clientCpu, ...usage, latencies: micros.sort() }
}

async function begin(count: number): Promise<void> {
  tell({ command: 'begin', count })
  await next('begun')
}

async function end(): Promise<{ taken: number; content: number; usage: Pick<Measured, 'serverCpu' | 'memory'> }> {
  tell({ command: 'end' })
  const { taken, content, cpu, peak } = await next('ended')
  return { taken, content, usage: { serverCpu: cpu, memory: { client: peakBytes(), server: peak } } }
}

/** The next answer of the server, which has to be one of those. */
async function next<Kind extends Answer['answer']>(...kinds: Kind[]): Promise<Extract<Answer, { answer: Kind }>> {
  const answer =
    answers.shift() ??
    (await new Promise<Answer>(resolve => {
      waiting = resolve
    }))
  if (kinds.some(kind => kind === answer.answer)) return answer as Extract<Answer, { answer: Kind }>
  throw new Error(answer.answer === 'failed' ? answer.error : `the receiving process answered '${answer.answer}'`)
}

function tell(command: Command): void {
  server.send(command)
}

function report(what: Report): void {
  process.send?.(what)
}
