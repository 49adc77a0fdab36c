import type { MemoryConnection } from './memory-connection.js'
import type { MemoryLink } from './memory-link.js'

/** A connection on a memory network as the network sees it, from the dial to the end of both ends: where faults act. */
export class MemoryWire {
  /** The host that dialled. */
  readonly from: string
  readonly to: string
  /** What goes from `from` to `to`, and back. */
  readonly forth: MemoryLink
  readonly back: MemoryLink
  near: MemoryConnection | undefined
  far: MemoryConnection | undefined
  readonly #gone = new Set<string>()
  /** The hosts of which nothing is heard, and what ends that. */
  readonly #silenced = new Map<string, () => void>()

  constructor(from: string, to: string, forth: MemoryLink, back: MemoryLink) {
    this.from = from
    this.to = to
    this.forth = forth
    this.back = back
  }

  /** Whether both ends are over, or were never there. */
  get over(): boolean {
    const nearOver = this.near?.ended !== false || this.#gone.has(this.from)
    return nearOver && (this.far?.ended !== false || this.#gone.has(this.to))
  }

  /** Whether it runs between these two hosts. */
  joins(one: string, other: string): boolean {
    return (this.from === one && this.to === other) || (this.from === other && this.to === one)
  }

  /** The connection breaks: what is on its way is lost, and both ends are told at once. */
  break(): void {
    this.forth.break()
    this.back.break()
  }

  /** The end at `host` is told that the connection broke; the other end hears nothing more, and is not told. */
  lose(host: string): void {
    this.#silence(host)
    this.#towards(host).break()
  }

  /** The process at `host` ended: its system resets the connection. */
  abandon(host: string): void {
    this.#gone.add(host)
    this.#towards(host).stall()
    this.#from(host).reset()
  }

  /** The host went away without a word: nothing comes from it, nothing arrives. */
  vanish(host: string): void {
    this.#gone.add(host)
    this.#towards(host).stall()
    this.#from(host).clear()
    this.#silence(host)
  }

  /** The host is back and knows nothing of this connection. */
  disown(host: string): void {
    this.#silenced.get(host)?.()
    this.#silenced.delete(host)
    this.#from(host).reset()
  }

  /** The end at `host` closes in order, as if its owner had asked for it. */
  close(host: string): void {
    const end = this.from === host ? this.near : this.far
    end?.close('closed by the network')
  }

  /** The end at `host` reads nothing; what is returned ends that. */
  stall(host: string): () => void {
    return this.#towards(host).stall()
  }

  /** Looks again whether something may come out. */
  wake(): void {
    this.forth.wake()
    this.back.wake()
  }

  #silence(host: string): void {
    if (!this.#silenced.has(host)) this.#silenced.set(host, this.#from(host).stall())
  }

  #from(host: string): MemoryLink {
    return this.from === host ? this.forth : this.back
  }

  #towards(host: string): MemoryLink {
    return this.from === host ? this.back : this.forth
  }
}
