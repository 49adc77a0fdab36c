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
  const asked = [...new Set(nodes)]
  const failed = (node: string) => (error: Error) => void missing.set(node, error)
  const answers = asked.map(node => ask(node).then(reply => void replies.set(node, reply), failed(node)))
  await Promise.all(answers)
  return { replies: inOrder(replies, asked), missing: inOrder(missing, asked) }
}

/** As the nodes were named, and not as they answered. */
function inOrder<Value>(found: ReadonlyMap<string, Value>, nodes: readonly string[]): Map<string, Value> {
  return new Map(nodes.filter(node => found.has(node)).map(node => [node, found.get(node) as Value]))
}
