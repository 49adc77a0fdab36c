import { InvalidOptionError } from '../core/errors.js'
import type { Millis } from '../core/time.js'
import { isCount, isDuration } from './checks.js'
import type { PeerServiceOptions } from './options.js'

/** What a node of a SCAMP overlay can be told at its making. Give every node the same. */
export interface ScampOptions extends PeerServiceOptions {
  /**
   * 1: who leaves is taken out of the views that hold it. 2: who leaves tells those that hold it whom to hold instead,
   * so that the views keep their size. Nodes of both versions understand each other. Default 2.
   */
  readonly version?: 1 | 2
  /**
   * Further copies of a new subscription, `c` in the paper: views have (c + 1) ln n nodes, and stay connected while a
   * share of c / (c + 1) of the nodes fail. Default 5, at most 16.
   */
  readonly copies?: number
  /** How long a subscription lasts before it is renewed. Default 600,000 ms. */
  readonly lease?: Millis
  /** How often a node tells those in its view that they are. A tenth of `lease` at most. Default 10,000 ms. */
  readonly heartbeatInterval?: Millis
}

/** What a caller chose: what is absent has the default of the overlay. */
type ScampChoices = Pick<ScampOptions, 'version' | 'copies' | 'lease' | 'heartbeatInterval'>

export const scampOptionNames: readonly (keyof ScampChoices)[] = [
  ...(['version', 'copies', 'lease', 'heartbeatInterval'] as const),
]

/** With more copies each view would hold hundreds. */
const copiesMax = 16
/** A lease is at least so many heartbeats long: else views would turn over faster than anybody notices. */
const beatsPerLease = 10

/** Checks what a caller chose. */
export function resolveScamp({ version, copies, lease, heartbeatInterval }: ScampOptions): ScampChoices {
  if (version !== undefined && version !== 1 && version !== 2)
    throw new InvalidOptionError('version', '1 or 2', version)
  if (copies !== undefined && !(isCount(copies) && copies <= copiesMax)) {
    throw new InvalidOptionError('copies', `a whole number from 0 to ${copiesMax}`, copies)
  }
  checkInterval('lease', lease)
  checkInterval('heartbeatInterval', heartbeatInterval)
  const beat = heartbeatInterval ?? 10_000
  if ((lease ?? 600_000) < beatsPerLease * beat) {
    throw new InvalidOptionError('lease', `at least ${beatsPerLease} times heartbeatInterval, ${beat} ms`, lease)
  }
  return {
    ...(version !== undefined && { version }),
    ...(copies !== undefined && { copies }),
    ...(lease !== undefined && { lease }),
    ...(heartbeatInterval !== undefined && { heartbeatInterval }),
  }
}

function checkInterval(option: string, value: unknown): void {
  if (value === undefined || (isDuration(value) && value > 0)) return
  throw new InvalidOptionError(option, 'milliseconds, more than 0', value)
}
