import type { PeerServiceManager } from '../../src/index.js'

/** What a server of the node is sent, from now. */
export function hear(node: PeerServiceManager, server: string): unknown[] {
  const heard: unknown[] = []
  node.register(server, (message: unknown) => void heard.push(message))
  return heard
}

/** How a promise ended: `done`, the code and outcome of its error, or `waits`. */
export function endOf(promise: Promise<unknown>): { end: string } {
  const seen = { end: 'waits' }
  promise.then(
    () => {
      seen.end = 'done'
    },
    (error: { code?: string; outcome?: string; reason?: string; message: string }) => {
      seen.end = [error.code ?? `Error: ${error.message}`, error.outcome ?? error.reason]
        .filter(part => part !== undefined)
        .join(' ')
    },
  )
  return seen
}
