import { randomBytes } from 'node:crypto'
import type { Entropy, Random } from '../core/random.js'

/** Chance as this process has it: unseeded, good enough for jitter and sampling, never for secrets. */
export class SystemRandom implements Random {
  next(): number {
    return Math.random()
  }
}

/** Unpredictable bytes from the operating system. */
export class SystemEntropy implements Entropy {
  bytes(count: number): Uint8Array {
    return randomBytes(count)
  }
}
