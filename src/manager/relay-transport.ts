import { type CircuitAddress, isCircuit } from '../link/ways.js'
import type { Connection, ConnectionHandler, Transport } from '../transport/transport.js'

/** Opens a circuit through other nodes. */
export type DialCircuit = (
  address: CircuitAddress,
  handler: ConnectionHandler,
  signal: AbortSignal,
) => Promise<Connection>

/** The transport, which also dials circuits. */
export function withCircuits(transport: Transport, dialCircuit: DialCircuit): Transport {
  return {
    schemes: transport.schemes,
    listen: (address, accept) => transport.listen(address, accept),
    dial: (address, handler, signal) =>
      isCircuit(address) ? dialCircuit(address, handler, signal) : transport.dial(address, handler, signal),
  }
}
