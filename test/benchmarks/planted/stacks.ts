import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, MissingError, type Stack } from '../../../benchmarks/stack.js'
import { stackOf } from '../../../benchmarks/stacks/ipc.js'
import type { Order } from '../../../benchmarks/workload.js'

// Stacks that work, and stacks that do not, each in a way of its own. They take the place of those of the benchmarks.

const ipc = stackOf('ipc')

/** The sending end of the sound stack, with some of it otherwise. */
function connecting(otherwise: (sound: Connection) => Partial<Connection>): Stack {
  return {
    ...ipc,
    async connect(...given) {
      const sound = await ipc.connect(...given)
      return { ...sound, ...otherwise(sound) }
    },
  }
}

/** The receiving end does something else with what comes. */
function receiving(instead: () => void): Stack {
  return { ...ipc, serve: () => ipc.serve(instead) }
}

function spin(): never {
  for (;;);
}

const stacks: Readonly<Record<string, Stack>> = {
  sound: ipc,
  'sound-json': stackOf('ipc-json'),
  missing: { ...ipc, serve: () => Promise.reject(new MissingError('it is not installed')) },
  'serves-not': { ...ipc, serve: () => Promise.reject(new Error('no port is free')) },
  'connects-not': { ...ipc, connect: () => Promise.reject(new Error('nobody answers')) },
  loses: connecting(sound => ({ send: (payload, make, count) => sound.send(payload, make, count - 1) })),
  shortens: connecting(sound => ({
    send: (payload, make, count) =>
      sound.send(
        payload,
        seq => ({ ...(make(seq) as Order), body: seq === 7 ? '' : (make(seq) as Order).body }),
        count,
      ),
  })),
  'mixes-up': connecting(sound => ({
    trip: async message => ({ ...((await sound.trip(message)) as Order), seq: 4_711 }),
  })),
  hangs: connecting(() => ({ send: () => new Promise(() => {}) })),
  'sender-ends': connecting(() => ({ send: () => process.exit(4) })),
  'sender-spins': connecting(() => ({ send: spin })),
  'receiver-ends': receiving(() => process.exit(3)),
  'receiver-spins': receiving(spin),
  'closes-never': {
    ...ipc,
    serve: async receive => ({ ...(await ipc.serve(receive)), close: () => new Promise(() => {}) }),
  },
}

export const stackNames: readonly string[] = Object.keys(stacks)
export const baselines = ['sound'] as const

/** Each process of a stack loads it: that is how a test comes to know of them. */
export function loadStack(name: string): Promise<Stack> {
  const { PLANTED_STACKS_PIDS: folder } = process.env
  if (folder !== undefined) writeFileSync(join(folder, String(process.pid)), name)
  const stack = stacks[name]
  return stack === undefined ? Promise.reject(new Error(`no stack is called '${name}'`)) : Promise.resolve(stack)
}
