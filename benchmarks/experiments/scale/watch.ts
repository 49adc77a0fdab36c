import { cpuSeconds } from '../../usage.js'

/** What a process holds, in bytes. */
export interface Held {
  readonly resident: number
  /** What is reachable, objects and buffers. */
  readonly reachable: number
}

/** How a process is watched. It needs `--expose-gc`. */
export const watchTasks = {
  /** What it holds when everything is collected that can be. */
  async held(): Promise<Held> {
    for (let count = 0; count < 3; count++) {
      globalThis.gc?.()
      await sleep(20)
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    return { resident: rss, reachable: heapUsed + external }
  },

  /** The milliseconds of CPU that it takes in a second, over so many milliseconds. */
  async busy(millis: number): Promise<number> {
    const [cpu, start] = [cpuSeconds(), performance.now()]
    await sleep(millis)
    return ((cpuSeconds() - cpu) * 1_000_000) / (performance.now() - start)
  },
}

function sleep(millis: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, millis))
}
