import type { ChildProcess, SerializationType } from 'node:child_process'
import type { Message, Payload, Workload } from './workload.js'

/** One way to send messages from one process to another. */
export interface Stack {
  /** How the channel between both processes carries what is sent on it. Default 'advanced'. */
  readonly serialization?: SerializationType
  /** Whether it can do that. */
  supports(workload: Workload): boolean
  /** The receiving process: hands over what comes to `receive`, and sends back what was sent for a round trip. */
  serve(receive: (message: Message) => void): Promise<Service>
  /** The sending process, which is the parent of the receiving one. `address` is what the service told of itself. */
  connect(address: unknown, server: ChildProcess): Promise<Connection>
}

/** The receiving end. */
export interface Service {
  /** Plain data. */
  readonly address: unknown
  close(): Promise<void>
}

/** The sending end. It lasts as long as its process. */
export interface Connection {
  /**
   * Sends `count` messages as fast as the stack takes them, with its own back-pressure. Resolves when the last was
   * given to it.
   */
  send(payload: Payload, make: (seq: number) => Message, count: number): Promise<void>
  /** Sends a message, and resolves with what came back. */
  trip(message: Message): Promise<Message>
}

/** Why a stack cannot run here: what it needs is not installed. */
export class MissingError extends Error {}

/** Lets the event loop turn. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
