import type { ChildProcess } from 'node:child_process'
import { isAnswer, isCommand } from '../protocol.js'
import { type Stack, turn } from '../stack.js'
import { echo, type Message, type Order, within } from '../workload.js'

/** The channel between a process of Node.js and its child, with advanced serialization, or JSON, which takes no bytes. */
export function stackOf(name: string): Stack {
  const serialization = name === 'ipc-json' ? 'json' : 'advanced'
  return {
    serialization,
    supports: workload =>
      workload.type === 'round-trip' || workload.payload.kind === 'object' || serialization === 'advanced',
    async serve(receive) {
      process.on('message', message => {
        if (isCommand(message)) return
        if ((message as Order).to === echo) process.send?.(message)
        else receive(message as Message)
      })
      return { address: null, async close() {} }
    },
    async connect(_address, server) {
      const waiting: ((message: Message) => void)[] = []
      server.on('message', message => {
        if (!isAnswer(message)) waiting.shift()?.(message as Message)
      })
      return {
        async send(payload, make, count) {
          const perTurn = within(262_144, payload, 500)
          for (let sent = 0; sent < count; ) {
            for (let index = 1; index < perTurn && sent < count - 1; index++) server.send(make(sent++))
            await written(server, make(sent++))
            await turn()
          }
        },
        trip(message) {
          server.send(message)
          return new Promise(resolve => waiting.push(resolve))
        },
      }
    },
  }
}

/** Sends a message, and resolves when it and all before it have been written. */
function written(server: ChildProcess, message: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    server.send(message, error => (error === null ? resolve() : reject(error)))
  })
}
