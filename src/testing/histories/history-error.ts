import type { Plan } from './plan.js'

/** A history broke a promise. The message tells the plan, what was broken, and how to run it again. */
export class HistoryError extends Error {
  override readonly name: string = 'HistoryError'
  readonly seed: number
  readonly violations: readonly string[]
  /** As small as it could be made. */
  readonly plan: Plan

  constructor(
    failure: { readonly seed: number; readonly violations: readonly string[]; readonly plan: Plan },
    text: string,
    cause?: unknown,
  ) {
    super(text, cause === undefined ? undefined : { cause })
    this.seed = failure.seed
    this.violations = failure.violations
    this.plan = failure.plan
  }
}
