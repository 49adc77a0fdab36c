import type { Clock, Millis } from './time.js'

/** So often it is looked whether this process stood still. */
const looks = 8

/**
 * Waits for a peer: calls `over` when `patience` has passed, unless what is returned is called before. As a heartbeat
 * does, it does not hold a stall of this process against the peer: of the time between two looks no more counts than
 * was to pass.
 */
export function waitFor(clock: Clock, patience: Millis, over: () => void): () => void {
  let left = looks
  const look = (): void => {
    if (--left === 0) over()
    else cancel = clock.schedule(patience / looks, look)
  }
  let cancel = clock.schedule(patience / looks, look)
  return () => cancel()
}
