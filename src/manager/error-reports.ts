import {
  CausalOrderError,
  DeadlineError,
  NoSuchServerError,
  PartitionedError,
  RemoteError,
  SchemaError,
  UnknownOutcomeError,
} from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { isErrorLike, textOf } from '../core/thrown.js'

/** Why a node did not have a message handled, or cannot tell its answer. */
export type Refusal =
  /** A partition stopped a request, or its answer, there. */
  | { readonly reason: 'cut' }
  /** The deadline had passed before the message was handed over. */
  | { readonly reason: 'expired' }
  | { readonly reason: 'no-such-server' }
  /** It was refused, and why was told, and is not remembered. */
  | { readonly reason: 'forgotten' }
  /** An iterator took the request, and ended before it answered. */
  | { readonly reason: 'unanswered' }
  | { readonly reason: 'schema'; readonly issues: readonly string[] }
  | { readonly reason: 'causal-order'; readonly label: string }

/** What a handler threw. */
interface Thrown {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
}

/** What crosses the wire where a message was not handled as it should: what its node did, or what its handler threw. */
export type ErrorReport = Refusal | Thrown

export const cutReport: ErrorReport = { reason: 'cut' }

export const expiredReport: ErrorReport = { reason: 'expired' }

export const forgottenReport: ErrorReport = { reason: 'forgotten' }

/** The deadline of a message passed before it was handed over here. */
export class ExpiredError extends DeadlineError {
  constructor(server: string) {
    super(`what was sent to server '${server}'`, 'not-sent')
  }
}

const iteratorEnded = 'the iterator that had taken it ended'

/** The iterator that had taken a request ended: nobody knows here what was done about it. */
export class UnansweredError extends UnknownOutcomeError {
  constructor(self: string) {
    super(self, 'request', iteratorEnded)
  }
}

/**
 * What a handler threw, as its `cause`. A handler may throw any class, also one by which its node refuses messages:
 * only who called it can tell the two apart.
 */
export class HandlerError extends Error {
  constructor(cause: unknown) {
    super('a handler failed', { cause })
  }
}

/** What of an error crosses the wire: never its stack. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof HandlerError) return thrownReport(error.cause)
  if (error instanceof ExpiredError) return expiredReport
  if (error instanceof NoSuchServerError) return { reason: 'no-such-server' }
  if (error instanceof UnansweredError) return { reason: 'unanswered' }
  if (error instanceof CausalOrderError) return { reason: 'causal-order', label: error.label }
  if (error instanceof SchemaError) {
    return { reason: 'schema', issues: error.issues.slice(0, reportIssuesMax).map(issue => cut(textOf(issue))) }
  }
  return thrownReport(error)
}

function thrownReport(thrown: unknown): Thrown {
  try {
    return read(thrown)
  } catch {
    return { name: 'Error', message: cut(textOf(thrown)), code: undefined }
  }
}

/** Throws where reading what was thrown does. */
function read(thrown: unknown): Thrown {
  if (!isErrorLike(thrown)) return { name: 'Error', message: cut(textOf(thrown)), code: undefined }
  const code = (thrown as { readonly code?: unknown }).code
  return {
    name: cut(String(thrown.name ?? 'Error')),
    message: cut(textOf(thrown)),
    // Those of gRPC and HTTP are numbers.
    code: typeof code === 'string' || typeof code === 'number' ? cut(String(code)) : undefined,
  }
}

/** A report that is too long, or cannot travel, in fewer words. */
export function shortened(report: ErrorReport): ErrorReport {
  if (!('reason' in report)) return { ...report, name: 'Error', message: 'what it says cannot travel' }
  return report.reason === 'schema' ? { ...report, issues: [] } : report
}

/** The error that a caller gets for what a node reported of its message or request. */
export function errorOf(node: string, server: string, payload: unknown, what: 'message' | 'request'): Error {
  const report = isRecord(payload) ? payload : {}
  const { reason, issues, label, code, name, message } = report
  if (reason === 'cut') return new PartitionedError(node, 'unknown')
  if (reason === 'expired') return new DeadlineError(`the ${what} to server '${server}'`, 'not-sent')
  if (reason === 'no-such-server') return new NoSuchServerError(node, server)
  if (reason === 'unanswered') return new UnknownOutcomeError(node, 'request', iteratorEnded)
  if (reason === 'forgotten')
    return new UnknownOutcomeError(node, what, 'it was refused, and its node has forgotten why')
  if (reason === 'schema') return new SchemaError(server, Array.isArray(issues) ? issues.map(textOf) : [])
  if (reason === 'causal-order') return new CausalOrderError(node, typeof label === 'string' ? label : '')
  return new RemoteError(node, server, {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : 'no reason given',
    code: typeof code === 'string' ? code : undefined,
  })
}

const reportTextMax = 4_096
/** Issues of a schema that are told of. */
const reportIssuesMax = 64

/** At most so much, and without halves of characters, which UTF-8 cannot carry. */
function cut(text: string): string {
  return text.slice(0, reportTextMax).replace(/\p{Surrogate}/gu, '\ufffd')
}
