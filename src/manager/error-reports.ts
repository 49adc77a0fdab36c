import {
  CausalOrderError,
  DeadlineError,
  NoSuchServerError,
  PartitionedError,
  RemoteError,
  SchemaError,
} from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { textOf } from '../core/thrown.js'

/** What crosses the wire of an error that a handler threw. */
export interface ErrorReport {
  readonly code: string | undefined
  readonly name: string
  readonly message: string
  readonly issues?: readonly string[]
  readonly label?: string
}

/** Tells that a partition stopped a request, or its answer, there. No error of a handler has this code. */
export const cutReport: ErrorReport = { code: 'cut', name: 'Cut', message: 'a partition was injected' }

/** Tells that the deadline of a message passed before it was handed over. No error of a handler has this code. */
export const expiredReport: ErrorReport = { code: 'expired', name: 'Expired', message: 'its deadline had passed' }

/** The deadline of a message passed before it was handed over here. */
export class ExpiredError extends DeadlineError {
  constructor(server: string) {
    super(`what was sent to server '${server}'`, 'not-sent')
  }
}

/** What of an error crosses the wire: never its stack. */
export function reportOf(error: unknown): ErrorReport {
  try {
    return read(error)
  } catch {
    return { code: undefined, name: 'Error', message: cut(textOf(error)) }
  }
}

/** Throws where reading what was thrown does. */
function read(error: unknown): ErrorReport {
  if (error instanceof ExpiredError) return expiredReport
  if (error instanceof SchemaError) {
    const issues = error.issues.slice(0, reportIssuesMax).map(issue => cut(textOf(issue)))
    return { code: error.code, name: error.name, message: cut(error.message), issues }
  }
  if (error instanceof CausalOrderError) {
    return { code: error.code, name: error.name, message: cut(error.message), label: error.label }
  }
  if (!(error instanceof Error)) return { code: undefined, name: 'Error', message: cut(textOf(error)) }
  const code = (error as { readonly code?: unknown }).code
  return {
    ...{ code: typeof code === 'string' && !isOurs(code) ? cut(code) : undefined },
    ...{ name: cut(String(error.name)), message: cut(textOf(error)) },
  }
}

/** The error that a caller gets for what a handler's node reported. */
export function errorOf(node: string, server: string, payload: unknown): Error {
  const report = isRecord(payload) ? payload : {}
  const { code, name, message, issues, label } = report
  if (code === cutReport.code) return new PartitionedError(node, 'unknown')
  if (code === expiredReport.code) return new DeadlineError(`what was sent to server '${server}'`, 'not-sent')
  if (code === 'ERR_NO_SUCH_SERVER') return new NoSuchServerError(node, server)
  if (code === 'ERR_SCHEMA') return new SchemaError(server, Array.isArray(issues) ? issues.map(textOf) : [])
  if (code === 'ERR_CAUSAL_ORDER') return new CausalOrderError(node, typeof label === 'string' ? label : '')
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

function isOurs(code: string): boolean {
  return code === cutReport.code || code === expiredReport.code
}
