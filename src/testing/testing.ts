/**
 * What tests need: a virtual clock, a network in memory, and the suites that every implementation of a seam must pass.
 *
 * @module
 */

export { MemoryNetwork, type MemoryNetworkOptions, type NetworkConditions } from '../transport/memory.js'
export { Spike, type SpikeOptions, spike } from '../transport/spike.js'
export type { HistoryChecker, HistoryOptions } from './checkers/checker.js'
export { historyCheckers, judgeHistory } from './checkers/history-checkers.js'
export { combineDigests } from './digest.js'
export {
  checkHistories,
  type HistoryFailure,
  runHistory,
  type SearchOptions,
  type SearchReport,
  searchHistories,
} from './histories.js'
export { HistoryError } from './history-error.js'
export type {
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
} from './history-event.js'
export type { HistoryReport } from './history-run.js'
export type { ErrorCode, ManagerCase, ManagerHarness, ManagerTraits, SuiteNode } from './manager-harness.js'
export { managerCases, managerSuite } from './manager-suite.js'
export { type MakeManager, simulatedManagers, webSocketManagers } from './managers.js'
export { NetworkFaults } from './network-faults.js'
export { OmissionRun } from './omission-run.js'
export {
  type ExplorationBounds,
  type ExplorationReport,
  exploreOmissions,
  type OmissionFailure,
  type OwnExploration,
  runOmissions,
  type SimulatedExploration,
} from './omissions.js'
export { type Action, describePlan, type FaultAction, type OperationAction, type Plan } from './plan.js'
export { type FaultName, faultNames, type PlannedFault } from './planned-fault.js'
export { Replay, type ReplayOptions, type ReplayReport, replayPassages } from './replay.js'
export type { MakeScenario, Operation, OperationContext, Scenario } from './scenario.js'
export { type RunEnd, type RunOptions, SimulatedClock, type SimulatedClockOptions } from './simulated-clock.js'
export type { LatencyOptions } from './simulated-faults.js'
export { SettleError, Simulation, simulate } from './simulation.js'
export type { NodeContext, SimulationOptions } from './simulation-options.js'
export type { StrategyCase, StrategyHarness } from './strategy-harness.js'
export { strategyCases, strategySuite } from './strategy-suite.js'
export { formatTrace, PassageRecording, parseTrace, type RecordingOptions, recordPassages } from './trace.js'
export { describePassage, type Interposable, type PassageChoice, type TracedPassage } from './traced-passage.js'
export type { TransportCase, TransportHarness } from './transport-harness.js'
export { type SuiteRunner, transportCases, transportSuite } from './transport-suite.js'
