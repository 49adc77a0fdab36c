import type { Millis } from '../../src/index.js'
import type { Simulation } from '../../src/testing/testing.js'

/**
 * Atomic commitment, after Partisan's protocol zoo: one transaction, whose coordinator is a participant as well. None
 * of them recovers from crashes or sends anything again: what they promise, they promise of a network that loses
 * nothing.
 */
export type MakeProtocol = (process: Process) => Protocol

export interface Protocol {
  /** Coordinates the transaction. Resolves with what the client is told. */
  begin(): Promise<Decision>
  received(from: string, message: Message): void
  /** What the participant at this node knows. */
  readonly state: State
}

export type Decision = 'commit' | 'abort'
export type State = 'idle' | 'prepared' | 'precommitted' | Decision

export interface Message {
  readonly type: string
}

/** What a protocol may do. */
export interface Process {
  readonly name: string
  /** All nodes, this one included, in the same order everywhere. */
  readonly everybody: readonly string[]
  send(to: string, type: string): void
  after(millis: Millis, fn: () => void): void
}

const coordinatorPatience: Millis = 1_000
const participantPatience: Millis = 2_000

/** Two-phase commit (Lampson and Sturgis 1976; Gray 1978). Who has voted waits for the decision, for ever. */
export function twoPhaseCommit(process: Process): Protocol & { decide(decision: Decision): void } {
  let state: State = 'idle'
  const votes = new Set<string>()
  let decided: ((decision: Decision) => void) | undefined
  const tellAll = (type: string): void => {
    for (const node of process.everybody) process.send(node, type)
  }
  const coordinate = (decision: Decision): void => {
    decided?.(decision)
    decided = undefined
    tellAll(decision)
  }
  return {
    get state() {
      return state
    },
    begin() {
      return new Promise(resolve => {
        decided = resolve
        process.after(coordinatorPatience, () => {
          if (decided !== undefined) coordinate('abort')
        })
        tellAll('prepare')
      })
    },
    decide(decision) {
      state = decision
    },
    received(from, { type }) {
      switch (type) {
        case 'prepare':
          state = 'prepared'
          return process.send(from, 'prepared')
        case 'prepared':
          votes.add(from)
          if (votes.size === process.everybody.length && decided !== undefined) coordinate('commit')
          return
        case 'commit':
        case 'abort':
          state = type
          return process.send(from, 'done')
      }
    },
  }
}

/**
 * Two-phase commit with cooperative termination (Bernstein, Hadzilacos and Goodman 1987): who waits too long asks the
 * others, and remembers who asked while it did not know itself.
 */
export function cooperativeTermination(process: Process): Protocol {
  const commit = twoPhaseCommit(process)
  const curious = new Set<string>()
  const known = (): Decision | undefined => {
    // Who has not voted may still decide alone, and by answering so it does.
    if (commit.state === 'idle') commit.decide('abort')
    return commit.state === 'commit' || commit.state === 'abort' ? commit.state : undefined
  }
  const answer = (to: string, decision: Decision | undefined): void => {
    process.send(to, decision === undefined ? 'uncertain' : `it is ${decision}`)
  }
  const tellCurious = (): void => {
    if (commit.state !== 'commit' && commit.state !== 'abort') return
    for (const node of curious) answer(node, commit.state)
    curious.clear()
  }
  return {
    get state() {
      return commit.state
    },
    begin: () => commit.begin(),
    received(from, message) {
      switch (message.type) {
        case 'prepare':
          // It has decided to abort when it was asked.
          if (commit.state !== 'idle') return
          process.after(participantPatience, () => {
            if (commit.state !== 'prepared') return
            for (const node of process.everybody) if (node !== process.name) process.send(node, 'what?')
          })
          return commit.received(from, message)
        case 'what?': {
          const decision = known()
          if (decision === undefined) curious.add(from)
          return answer(from, decision)
        }
        case 'it is commit':
        case 'it is abort':
          if (commit.state === 'prepared') commit.decide(message.type === 'it is commit' ? 'commit' : 'abort')
          return tellCurious()
        case 'uncertain':
          return
        default:
          commit.received(from, message)
          return tellCurious()
      }
    },
  }
}

/**
 * Three-phase commit (Skeen 1981): nobody commits before everybody knows that everybody will. So who waits too long can
 * decide alone: before that knowledge to abort, with it to commit. It is made for nodes that crash, not for messages
 * that are lost.
 */
export function threePhaseCommit(process: Process): Protocol {
  let state: State = 'idle'
  const votes = new Set<string>()
  const acknowledged = new Set<string>()
  let decided: ((decision: Decision) => void) | undefined
  const tellAll = (type: string): void => {
    for (const node of process.everybody) process.send(node, type)
  }
  const coordinate = (decision: Decision): void => {
    decided?.(decision)
    decided = undefined
    tellAll(decision)
  }
  return {
    get state() {
      return state
    },
    begin() {
      return new Promise(resolve => {
        decided = resolve
        process.after(coordinatorPatience, () => {
          if (decided !== undefined) coordinate('abort')
        })
        tellAll('prepare')
      })
    },
    received(from, { type }) {
      switch (type) {
        case 'prepare':
          state = 'prepared'
          process.after(participantPatience, () => {
            if (state === 'prepared') state = 'abort'
            if (state === 'precommitted') state = 'commit'
          })
          return process.send(from, 'prepared')
        case 'prepared':
          votes.add(from)
          if (votes.size === process.everybody.length && decided !== undefined) tellAll('precommit')
          return
        case 'precommit':
          if (state === 'prepared') state = 'precommitted'
          return process.send(from, 'precommitted')
        case 'precommitted':
          acknowledged.add(from)
          if (acknowledged.size === process.everybody.length && decided !== undefined) coordinate('commit')
          return
        case 'commit':
        case 'abort':
          if (state !== 'commit' && state !== 'abort') state = type
          return process.send(from, 'done')
      }
    },
  }
}

/**
 * Runs one transaction, coordinated by the first node, and throws unless it ended, everywhere and as the client was
 * told. (Nobody votes against it: it is aborted only for what is lost.)
 */
export async function transact(make: MakeProtocol, net: Simulation): Promise<void> {
  const protocols = new Map(net.names.map(name => [name, install(make, net, name)]))
  await net.settle()
  const [first] = protocols.values()
  if (first === undefined) throw new Error('nobody coordinates')
  const told = await net.settle(first.begin())
  await net.pass(5_000)
  for (const [name, { state }] of protocols) {
    if (state === 'prepared' || state === 'precommitted') throw new Error(`blocked: '${name}' is ${state} for ever`)
    // Who never heard of a transaction has not done it.
    const did = state === 'idle' ? 'abort' : state
    if (did !== told) throw new Error(`split: the client was told '${told}', and '${name}' did '${did}'`)
  }
}

function install(make: MakeProtocol, net: Simulation, name: string): Protocol {
  const manager = net.node(name)
  const protocol = make({
    name,
    everybody: net.names,
    send: (to, type) => manager.castMessage(to, 'transaction', { type }),
    after: (millis, fn) => void net.clock.schedule(millis, fn),
  })
  manager.register('transaction', (message: unknown, { from }) => protocol.received(from, message as Message))
  return protocol
}
