/** What is counted, from the first start of a node. */
export type CounterName =
  /** Messages that a full queue dropped or rejected. */
  | 'overflowed'
  /** Messages whose newer one took their place. */
  | 'superseded'
  /** Messages that ended unsent when their peer went down or left. */
  | 'undelivered'
  /** Messages for a server that is not registered here. */
  | 'noSuchServer'
  /** Messages that a schema refused. */
  | 'schemaRefused'
  /** Messages whose deadline passed before they were sent, or on their way. */
  | 'expired'
  /** Messages that arrived twice. */
  | 'duplicates'
  /** Messages of causal labels that others depended on and that did not come: they are not waited for any more. */
  | 'causalGaps'
  /** Messages of causal labels that came after they were given up, and were not handed over. */
  | 'causalLate'
  /** Pairs of lives of causal labels that were forgotten before their time, because peers told of too many. */
  | 'causalForgotten'
  /** Messages, either way, that a cut or an interposition stopped. */
  | 'faulted'
  /** Handlers and listeners of the user that threw. */
  | 'handlerErrors'
  /** Connections closed because the peer broke the protocol. */
  | 'violations'
  /** Handshakes refused, here or there. */
  | 'refused'
  /** Dials that failed. */
  | 'dialsFailed'
  /** Replies that came after nobody waited for them any more. */
  | 'lateReplies'
  /** Copies of a broadcast that came after the first. */
  | 'broadcastDuplicates'
  /** Broadcasts of others that this node will never get: nobody kept them so long, or it takes none as large. */
  | 'broadcastsMissed'
  /** Copies of a broadcast that a neighbour did not take at once, and was told of later. */
  | 'broadcastsDeferred'
  /** Items of a replicated store that could not be sent: too large, or no value that travels. */
  | 'itemsSkipped'
  /** Circuits of others for which a way on was looked for here. */
  | 'circuits'
  /** Circuits of others that were refused, because this node takes part in as many as it may. */
  | 'circuitsRefused'
  /** Circuits that ended because a connection that they led over was lost. */
  | 'circuitsBroken'
  /** Peers with unsettled messages that were not waited for, as many others were: these messages ended. */
  | 'notHeld'
  /** Peers with unsettled messages that stayed away for `removeDownAfter`: these messages ended. */
  | 'heldTooLong'
  /** Monitors, of this node or of a peer, that `limits.monitors` left no room for. */
  | 'monitorsRefused'
  /** Lookups of the discovery that failed, or took too long. */
  | 'discoveryFailed'
  /** Addresses that the discovery found and that were not taken: none of this transport, or too many. */
  | 'discoveryRefused'

/** A snapshot of all counters. */
export type CounterValues = Readonly<Record<CounterName, number>>

/** The counters of one node. */
export class Counters {
  readonly #values: Record<CounterName, number> = {
    overflowed: 0,
    superseded: 0,
    undelivered: 0,
    noSuchServer: 0,
    schemaRefused: 0,
    expired: 0,
    duplicates: 0,
    causalGaps: 0,
    causalLate: 0,
    causalForgotten: 0,
    faulted: 0,
    handlerErrors: 0,
    violations: 0,
    refused: 0,
    dialsFailed: 0,
    lateReplies: 0,
    broadcastDuplicates: 0,
    broadcastsMissed: 0,
    broadcastsDeferred: 0,
    itemsSkipped: 0,
    circuits: 0,
    circuitsRefused: 0,
    circuitsBroken: 0,
    notHeld: 0,
    heldTooLong: 0,
    monitorsRefused: 0,
    discoveryFailed: 0,
    discoveryRefused: 0,
  }

  add(name: CounterName, count = 1): void {
    this.#values[name] += count
  }

  snapshot(): CounterValues {
    return { ...this.#values }
  }
}
