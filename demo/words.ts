import { open } from 'node:fs/promises'

/** Longer words are cut off here, so that a file without any spaces is no special case. */
const wordLengthMax = 64

const word = /[\p{L}_$][\p{L}\p{N}_$]*/gu

/** The words of a line. */
export function wordsOf(line: string): string[] {
  const words = line.match(word) ?? []
  return words.map(one => (one.length > wordLengthMax ? one.slice(0, wordLengthMax) : one).toLowerCase())
}

/** A number from 0 to 2^32 - 1 that only the word decides, today and tomorrow, on every machine: FNV-1a, well mixed. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The lines of a file, one at a time: the file may be larger than the memory. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await open(path)
  try {
    yield* file.readLines()
  } finally {
    await file.close().catch(() => {})
  }
}

/** Counts all words of a file, in this process alone: what the cluster is checked against. */
export async function countAlone(path: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for await (const line of linesOf(path)) {
    for (const one of wordsOf(line)) counts.set(one, (counts.get(one) ?? 0) + 1)
  }
  return counts
}
