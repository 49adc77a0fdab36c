import { finishHash } from '../../core/stream.js'

/**
 * A running hash of 64 bits, to compare two runs with: FNV-1a over UTF-16 units in two lanes, finished with
 * MurmurHash3's fmix32. No secret is safe with it.
 */
export class Digest {
  #one = 0x811c9dc5
  #other = 0x9747b28c

  add(text: string): this {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      this.#one = Math.imul(this.#one ^ unit, 0x01000193)
      this.#other = Math.imul(this.#other ^ unit, 0x5bd1e995)
    }
    // A text ends here, so that where one ends and the next begins counts.
    this.#one = Math.imul(this.#one ^ 0x10000, 0x01000193)
    this.#other = Math.imul(this.#other ^ 0x10000, 0x5bd1e995)
    return this
  }

  addBytes(bytes: Uint8Array): this {
    for (const byte of bytes) {
      this.#one = Math.imul(this.#one ^ byte, 0x01000193)
      this.#other = Math.imul(this.#other ^ byte, 0x5bd1e995)
    }
    return this
  }

  toString(): string {
    return hex(finishHash(this.#one)) + hex(finishHash(this.#other ^ this.#one))
  }
}

/** One digest of several, whatever their order: parts of a run may be made anywhere, and put together afterwards. */
export function combineDigests(digests: readonly string[]): string {
  let sum = 0n
  for (const digest of digests) sum = BigInt.asUintN(64, sum + BigInt(`0x${digest}`))
  return sum.toString(16).padStart(16, '0')
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
