import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Collects garbage, twice: buffers that are found to be garbage are given back before the next time at the latest. */
export function collectGarbage(): void {
  collect()
  collect()
}

/** The bytes of all buffers that are in use, garbage left out. */
export function bufferBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}
