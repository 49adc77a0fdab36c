import type { Workload } from './workload.js'

/**
 * How long those who are told to end may take: what a stack closes, the server and the client. Who is busy with something
 * that does not end is killed by the one who started it.
 */
export const endMillis = { stack: 1_000, server: 2_000, client: 3_000 } as const

/** From the runner to the client. */
export interface Run {
  readonly workload: Workload
  readonly count: number
  /** What has not come so long after the last was sent is lost. */
  readonly patienceMillis: number
}

/** From the client to the runner: first whether it is ready, then what came of each run. */
export type Report =
  | { readonly type: 'ready'; readonly memory: Memory }
  | { readonly type: 'missing'; readonly reason: string }
  | { readonly type: 'unsupported' }
  | { readonly type: 'ran'; readonly measured: Measured }
  | { readonly type: 'failed'; readonly error: string }

/** What one run took. */
export interface Measured {
  readonly count: number
  readonly seconds: number
  /** CPU of each process, in seconds, over all its threads. */
  readonly clientCpu: number
  readonly serverCpu: number
  readonly memory: Memory
  /** Of round trips, in microseconds, ascending. */
  readonly latencies?: Float64Array
}

/** The most that each process ever had resident, in bytes. */
export interface Memory {
  readonly client: number
  readonly server: number
}

/** From the client to the server, which share their channel with the stacks `ipc`: plain data that JSON can carry. */
export type Command =
  | { readonly command: 'begin'; readonly count: number }
  /** Asks what the run took. */
  | { readonly command: 'end' }

/** From the server to the client. */
export type Answer =
  | { readonly answer: 'serving'; readonly address: unknown; readonly peak: number }
  | { readonly answer: 'missing'; readonly reason: string }
  | { readonly answer: 'failed'; readonly error: string }
  | { readonly answer: 'begun' }
  /** The last message of the run was handed over; the time is of the system's monotonic clock, in milliseconds. */
  | { readonly answer: 'done'; readonly at: number }
  | {
      readonly answer: 'ended'
      readonly taken: number
      readonly content: number
      readonly cpu: number
      readonly peak: number
    }

export function isCommand(message: unknown): message is Command {
  return typeof message === 'object' && message !== null && 'command' in message
}

export function isAnswer(message: unknown): message is Answer {
  return typeof message === 'object' && message !== null && 'answer' in message
}
