import type { NodeName } from '../../core/node.js'
import type { Action, Plan } from './plan.js'
import { shortened, withoutNode } from './planned-fault.js'
import { attempt, type ShrinkBudget, shrinkList } from './shrink.js'

/**
 * Finds a small plan that still breaks the same promise: without what comes too late to matter, with fewer faults,
 * fewer operations, fewer nodes, and shorter faults. `fails` runs a plan and says whether it does. Bounded by `runs`.
 */
export async function shrinkPlan(plan: Plan, fails: (plan: Plan) => Promise<boolean>, runs: number): Promise<Plan> {
  const budget: ShrinkBudget = { runs }
  let least = plan
  for (;;) {
    const before = least
    least = await withFewerActions(least, 'fault', fails, budget)
    least = await withFewerActions(least, 'operation', fails, budget)
    least = await withFewerNodes(least, fails, budget)
    least = await withShorterFaults(least, fails, budget)
    if (least === before || budget.runs <= 0) return least
  }
}

async function withFewerActions(
  plan: Plan,
  type: Action['type'],
  fails: (plan: Plan) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<Plan> {
  const some = plan.actions.filter(action => action.type === type)
  const rest = plan.actions.filter(action => action.type !== type)
  const withActions = (actions: readonly Action[]): Plan => ({ ...plan, actions: merge(plan, [...actions, ...rest]) })
  const least = await shrinkList(some, actions => fails(withActions(actions)), budget)
  return least.length === some.length ? plan : withActions(least)
}

/** In the order in which they stand in the plan. */
function merge({ actions }: Plan, some: readonly Action[]): Action[] {
  const kept = new Set(some)
  return actions.filter(action => kept.has(action))
}

async function withFewerNodes(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<Plan> {
  let least = plan
  for (const node of plan.nodes) {
    const smaller = without(least, node)
    if (smaller.nodes.length > 0 && (await attempt(smaller, fails, budget))) least = smaller
  }
  return least
}

function without(plan: Plan, node: NodeName): Plan {
  const actions = plan.actions.flatMap((action): Action[] => {
    if (action.type === 'operation') return action.node === node ? [] : [action]
    const fault = withoutNode(action, node)
    return fault === undefined ? [] : [{ at: action.at, type: 'fault', ...fault }]
  })
  return { ...plan, nodes: plan.nodes.filter(name => name !== node), actions }
}

/** As short as halving can make them, and the end as early. */
async function withShorterFaults(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<Plan> {
  let least = plan
  for (let index = 0; index < plan.actions.length; index++) {
    for (;;) {
      const shorter = withShorterFault(least, index)
      if (shorter === undefined || !(await attempt(shorter, fails, budget))) break
      least = shorter
    }
  }
  const last = least.actions.at(-1)?.at ?? 0
  const early: Plan = { ...least, heals: last + 1 }
  return early.heals < least.heals && (await attempt(early, fails, budget)) ? early : least
}

function withShorterFault(plan: Plan, index: number): Plan | undefined {
  const action = plan.actions[index]
  const fault = action?.type === 'fault' ? shortened(action) : undefined
  if (action === undefined || fault === undefined) return undefined
  return { ...plan, actions: plan.actions.with(index, { at: action.at, type: 'fault', ...fault }) }
}
