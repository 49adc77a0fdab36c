import { encodeToBytes } from '../codec/value-bytes.js'
import { EncodeError, InvalidOptionError } from '../core/errors.js'
import { checkArray, checkChannel } from './checks.js'
import type { ForwardOptions, Replies } from './manager.js'
import { checkAnswered, expiryOf } from './message-options.js'
import type { Settings } from './options.js'

/** What is wrong for every node is the caller's mistake, and is thrown before anybody is asked. */
export function checkRequestAll(
  nodes: readonly string[],
  message: unknown,
  options: ForwardOptions | undefined,
  settings: Settings,
): void {
  checkArray('nodes', nodes)
  for (const node of nodes) if (typeof node !== 'string') throw new InvalidOptionError('nodes', 'names of nodes', node)
  expiryOf(options, settings.clock)
  checkAnswered(options)
  checkChannel(options?.channel ?? 'default', settings)
  const bytes = message instanceof Uint8Array ? message : encodeToBytes(message, settings.valueLimits)
  const { messageBytes } = settings.limits
  if (bytes.length <= messageBytes) return
  throw new EncodeError(`it takes ${bytes.length} bytes and limits.messageBytes is ${messageBytes}`)
}

/** Asks each node once, and tells who answered what, and who did not and why. */
export async function gather(nodes: readonly string[], ask: (node: string) => Promise<unknown>): Promise<Replies> {
  const replies = new Map<string, unknown>()
  const missing = new Map<string, Error>()
  const asked = [...new Set(nodes)].map(node => [node, ask(node)] as const)
  const outcomes = await Promise.allSettled(asked.map(([, answer]) => answer))
  for (const [index, outcome] of outcomes.entries()) {
    const [node] = asked[index] as (typeof asked)[number]
    if (outcome.status === 'fulfilled') replies.set(node, outcome.value)
    else missing.set(node, outcome.reason)
  }
  return { replies, missing }
}
