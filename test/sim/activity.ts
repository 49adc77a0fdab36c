import { type Incarnation, MaquisError, type Millis, type NodeName, type PeerServiceManager } from 'maquis'
import type { NodeContext, Operation, Simulation } from 'maquis/testing'

/** One part of what the clients and servers of a history do. */
export interface Activity {
  readonly operations: Readonly<Record<string, Operation>>
  /** How often each is drawn. */
  readonly weights: Readonly<Record<string, number>>
  /** The application of a node, in each of its lives. */
  setup?(manager: PeerServiceManager, context: NodeContext): void
  /** Whether nothing of it is still on its way. */
  atRest?(net: Simulation): boolean
  /** Tries it once more when everything is whole again. */
  settled?(net: Simulation): Promise<void>
}

/** Who asked gave up. */
export class OutOfPatience extends Error {}

export function address(name: string): string {
  return `memory://${name}:1`
}

/** What every event of a history begins with. */
export function head(
  net: Simulation,
  node: NodeName,
  life: Incarnation,
): { readonly at: number; readonly node: NodeName; readonly life: Incarnation } {
  return { at: net.clock.now(), node, life }
}

export function sleep(clock: Pick<NodeContext['clock'], 'schedule'>, millis: Millis): Promise<void> {
  return new Promise(resolve => {
    clock.schedule(millis, resolve)
  })
}

/** Refusals are outcomes here; anything else is a bug of somebody. */
export function ignore(error: unknown): void {
  if (!(error instanceof MaquisError) && !(error instanceof OutOfPatience)) throw error
}

/** What the sender of a message with `ack` knows of it. */
export function outcomeOf(error: unknown): 'unknown' | 'not-taken' {
  return error instanceof MaquisError && error.outcome === 'unknown' ? 'unknown' : 'not-taken'
}
