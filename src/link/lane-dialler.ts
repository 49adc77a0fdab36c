import type { Lane } from './lane.js'

/** Who opens lanes. */
export interface LaneDialler {
  /** The lane has no connection and may want one. */
  wantLane(lane: Lane): void
  /** The lane's connection, or a handshake for it, has ended. */
  laneClosed(lane: Lane): void
}
