import { type Answer, endMillis, isCommand } from './protocol.js'
import { MissingError, type Service } from './stack.js'
import { loadStack } from './stacks.js'
import { cpuSeconds, peakBytes, systemMillis } from './usage.js'
import { contentOf, type Message } from './workload.js'

// The receiving process of one stack. It ends with the client, which started it.

let service: Service | undefined
let expected = 0
let taken = 0
let content = 0
let cpu = 0

process.on('disconnect', () => void end())
// What cannot be told any more is of no interest: the client is gone, and this process about to end.
process.on('error', () => {})
process.on('message', message => {
  if (isCommand(message)) take(message.command === 'begin' ? message.count : undefined)
})
try {
  service = await (await loadStack(process.argv[2] ?? '')).serve(receive)
  answer({ answer: 'serving', address: service.address, peak: peakBytes() })
} catch (error) {
  if (error instanceof MissingError) answer({ answer: 'missing', reason: error.message })
  else answer({ answer: 'failed', error: (error as Error).stack ?? String(error) })
}

function receive(message: Message): void {
  content += contentOf(message)
  if (++taken === expected) answer({ answer: 'done', at: systemMillis() })
}

/** Begins a run of so many messages, or ends it. */
function take(count: number | undefined): void {
  if (count === undefined)
    return answer({ answer: 'ended', taken, content, cpu: cpuSeconds() - cpu, peak: peakBytes() })
  expected = count
  taken = 0
  content = 0
  cpu = cpuSeconds()
  answer({ answer: 'begun' })
}

function answer(what: Answer): void {
  process.send?.(what)
}

async function end(): Promise<void> {
  // A stack that does not close in time is not waited for.
  setTimeout(() => process.exit(), endMillis.stack).unref()
  await service?.close()
  process.exit()
}
