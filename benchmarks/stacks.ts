import type { Stack } from './stack.js'

/** The baselines that everything is compared with. */
export const baselines = ['ws-batched', 'net-batched'] as const

/**
 * Every stack, in the order of the tables, and the module that exports it. Each process loads the module of its own
 * stack alone.
 */
const modules: Readonly<Record<string, string>> = {
  'net-batched': './stacks/net-batched.js',
  'ws-batched': './stacks/ws-batched.js',
  ws: './stacks/ws.js',
  maquis: './stacks/maquis.js',
  'maquis-trusted': './stacks/maquis.js',
  'maquis-4-lanes': './stacks/maquis.js',
  'maquis-forward': './stacks/maquis.js',
  'maquis-acked': './stacks/maquis.js',
  ipc: './stacks/ipc.js',
  'ipc-json': './stacks/ipc.js',
  zeromq: './peers/zeromq.js',
  nats: './peers/nats.js',
  'socket.io': './peers/socket-io.js',
  'socket.io-msgpack': './peers/socket-io.js',
  moleculer: './peers/moleculer.js',
  'moleculer-cbor': './peers/moleculer.js',
}

export const stackNames: readonly string[] = Object.keys(modules)

/** Loads a stack. Its module exports `stackOf(name)`. */
export async function loadStack(name: string): Promise<Stack> {
  const path = modules[name]
  if (path === undefined) throw new Error(`no stack is called '${name}'`)
  const { stackOf } = (await import(path)) as { stackOf: (name: string) => Stack }
  return stackOf(name)
}
