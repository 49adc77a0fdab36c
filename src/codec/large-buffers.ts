import type { Buffers } from './byte-writer.js'

/** Smaller ones are cheap, and larger ones are kept by nobody. */
const [least, most] = [65_536, 1_048_576]
const sparesMax = 4

const spares: Buffer[] = []

/**
 * Buffers for what is large: the last ones that nobody needs any more serve again. Memory that is set aside anew costs
 * the system several times what is written into it. There is one set of them in a process, of 4 MiB at the most.
 */
export const largeBuffers: Buffers = {
  allocate(bytes) {
    if (bytes < least || bytes > most) return Buffer.allocUnsafeSlow(bytes)
    const size = classOf(bytes)
    const index = spares.findIndex(({ length }) => length === size)
    return (index < 0 ? undefined : spares.splice(index, 1)[0]) ?? Buffer.allocUnsafeSlow(size)
  },

  /** Takes back all of the buffer that `part` lies in. */
  release({ buffer }) {
    const { byteLength } = buffer
    if (byteLength < least || byteLength > most || classOf(byteLength) !== byteLength) return
    if (spares.length === sparesMax) spares.shift()
    spares.push(Buffer.from(buffer))
  },
}

/** A copy of `bytes`, whatever they are part of. */
export function copied(bytes: Uint8Array): Uint8Array {
  if (bytes.length < least) return new Uint8Array(bytes)
  const copy = largeBuffers.allocate(bytes.length)
  copy.set(bytes)
  return new Uint8Array(copy.buffer, copy.byteOffset, bytes.length)
}

/** Few sizes, so that they meet again: an eighth of a power of two apart. */
function classOf(bytes: number): number {
  const step = 2 ** (28 - Math.clz32(bytes - 1))
  return Math.ceil(bytes / step) * step
}
