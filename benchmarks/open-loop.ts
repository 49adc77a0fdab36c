import { turn } from './stack.js'

/**
 * Begins `count` things at a fixed rate, whether or not those before have ended. Returns how many milliseconds each took
 * from the instant at which it was to begin: what made it begin late counts (Tene, "How NOT to measure latency", 2015).
 */
export async function openLoop(count: number, perSecond: number, one: () => Promise<unknown>): Promise<Float64Array> {
  const millis = new Float64Array(count)
  const underWay: Promise<void>[] = []
  const begin = performance.now()
  const follow = async (seq: number, due: number): Promise<void> => {
    await one()
    millis[seq] = performance.now() - due
  }
  for (let seq = 0; seq < count; seq++) {
    const due = begin + (seq * 1_000) / perSecond
    await at(due)
    const followed = follow(seq, due)
    // One that fails is told when all are awaited, and not as a rejection that nobody handles.
    followed.catch(() => {})
    underWay.push(followed)
  }
  await Promise.all(underWay)
  return millis
}

/** A timer may be late by more than a millisecond: the last of the waiting is done in turns of the event loop. */
const timerSlackMillis = 2

async function at(due: number): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    if (left > timerSlackMillis) await sleep(left - timerSlackMillis)
    else await turn()
  }
}

function sleep(millis: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, millis))
}
