/**
 * What tests need: a virtual clock, a network in memory, and the suites that every implementation of a seam must pass.
 *
 * @module
 */

export { MemoryNetwork, type MemoryNetworkOptions, type NetworkConditions } from '../transport/memory.js'
export { Spike, type SpikeOptions, spike } from '../transport/spike.js'
export type { HistoryChecker, HistoryOptions } from './checkers/checker.js'
export { historyCheckers, judgeHistory } from './checkers/history-checkers.js'
export { OmissionRun } from './exploration/omission-run.js'
export {
  type ExplorationBounds,
  type ExplorationReport,
  exploreOmissions,
  type OmissionFailure,
  type OwnExploration,
  runOmissions,
  type SimulatedExploration,
} from './exploration/omissions.js'
export { Replay, type ReplayOptions, type ReplayReport, replayPassages } from './exploration/replay.js'
export {
  formatTrace,
  PassageRecording,
  parseTrace,
  type RecordingOptions,
  recordPassages,
} from './exploration/trace.js'
export {
  describePassage,
  type Interposable,
  type PassageChoice,
  type TracedPassage,
} from './exploration/traced-passage.js'
export {
  checkHistories,
  type HistoryFailure,
  runHistory,
  type SearchOptions,
  type SearchReport,
  searchHistories,
} from './histories/histories.js'
export { HistoryError } from './histories/history-error.js'
export type {
  AcknowledgedEvent,
  CutEvent,
  DeliveredEvent,
  DownEvent,
  FaultEvent,
  HistoryEvent,
  LeaveEvent,
  LifeEvent,
  MemberLife,
  MembersEvent,
  NoteEvent,
  SentEvent,
  SettledEvent,
  UpEvent,
} from './histories/history-event.js'
export type { HistoryReport } from './histories/history-run.js'
export { type Action, describePlan, type FaultAction, type OperationAction, type Plan } from './histories/plan.js'
export { type FaultName, faultNames, type PlannedFault } from './histories/planned-fault.js'
export type { MakeScenario, Operation, OperationContext, Scenario } from './histories/scenario.js'
export { combineDigests } from './simulation/digest.js'
export { type ConnectionChoice, NetworkFaults } from './simulation/network-faults.js'
export {
  type RunEnd,
  type RunOptions,
  SimulatedClock,
  type SimulatedClockOptions,
} from './simulation/simulated-clock.js'
export type { LatencyOptions } from './simulation/simulated-faults.js'
export { SettleError, Simulation, simulate } from './simulation/simulation.js'
export type { NodeContext, SimulationOptions } from './simulation/simulation-options.js'
export type { DiscoveryCase, DiscoveryHarness } from './suites/discovery-harness.js'
export { discoveryCases, discoverySuite } from './suites/discovery-suite.js'
export type { ErrorCode, ManagerCase, ManagerHarness, ManagerTraits, SuiteNode } from './suites/manager-harness.js'
export { managerCases, managerSuite } from './suites/manager-suite.js'
export { type MakeManager, simulatedManagers, webSocketManagers } from './suites/managers.js'
export type { StrategyCase, StrategyHarness } from './suites/strategy-harness.js'
export { strategyCases, strategySuite } from './suites/strategy-suite.js'
export type { SuiteRunner } from './suites/suite-runner.js'
export type { TransportCase, TransportHarness } from './suites/transport-harness.js'
export { transportCases, transportSuite } from './suites/transport-suite.js'
