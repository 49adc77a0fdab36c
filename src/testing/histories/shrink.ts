/** How far shrinking goes. */
export interface ShrinkBudget {
  /** Tries that may still be made. At 0 what was found so far counts. */
  runs: number
}

/**
 * Finds a small part of `items`, in their order, for which `fails` still says true: none of what is left can be taken
 * out alone, unless the budget was spent before. `fails` is taken to be true of all `items`.
 *
 * Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (ddmin), 2002.
 */
export async function shrinkList<Item>(
  items: readonly Item[],
  fails: (some: readonly Item[]) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<readonly Item[]> {
  if (items.length === 0 || (await attempt([], fails, budget))) return []
  let least = items
  let parts = 2
  while (least.length > 1) {
    const smaller = await smallerOf(least, Math.min(parts, least.length), fails, budget)
    if (smaller !== undefined) {
      least = smaller
      parts = Math.max(parts - 1, 2)
    } else if (parts >= least.length) {
      break
    } else {
      parts *= 2
    }
  }
  return least
}

/** `items` without one of so many parts. */
async function smallerOf<Item>(
  items: readonly Item[],
  parts: number,
  fails: (some: readonly Item[]) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<readonly Item[] | undefined> {
  // From the end: what happens late is the least likely to matter to what comes before it.
  for (let part = parts - 1; part >= 0; part--) {
    const from = Math.floor((part * items.length) / parts)
    const to = Math.floor(((part + 1) * items.length) / parts)
    const rest = [...items.slice(0, from), ...items.slice(to)]
    if (await attempt(rest, fails, budget)) return rest
  }
  return undefined
}

/** Tries it, unless the budget is spent. */
export async function attempt<Candidate>(
  candidate: Candidate,
  fails: (candidate: Candidate) => Promise<boolean>,
  budget: ShrinkBudget,
): Promise<boolean> {
  if (budget.runs <= 0) return false
  budget.runs--
  return fails(candidate)
}
