/**
 * What tests need: a virtual clock, a network in memory, and the suites that every implementation of a seam must pass.
 *
 * @module
 */

export { MemoryNetwork, type MemoryNetworkOptions } from '../transport/memory.js'
export { type RunEnd, type RunOptions, SimulatedClock, type SimulatedClockOptions } from './simulated-clock.js'
export type { TransportCase, TransportHarness } from './transport-harness.js'
export { type SuiteRunner, transportCases, transportSuite } from './transport-suite.js'
