import type { NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/**
 * Which servers each connected server counts, as a client has heard it. Servers do not tell of whom they have
 * forgotten, so a client sees it by this: none of those that it is connected with counts that server.
 */
export class Listings {
  readonly #forgetAfter: Millis
  readonly #listed = new Map<NodeName, Set<NodeName>>()
  /** Parts of answers that are under way. */
  readonly #parts = new Map<NodeName, Set<NodeName>>()
  readonly #doubted = new Map<NodeName, Instant>()

  constructor(forgetAfter: Millis) {
    this.#forgetAfter = forgetAfter
  }

  clear(): void {
    for (const map of [this.#listed, this.#parts, this.#doubted]) map.clear()
  }

  /** The server was asked for all that it counts: what comes from now is its answer. */
  asked(server: NodeName): void {
    this.#parts.set(server, new Set())
  }

  /** The server counts these; `last`: that was the last part of its answer. */
  heard(server: NodeName, names: readonly NodeName[], last: boolean): void {
    const part = setIn(this.#parts, server)
    for (const name of names) {
      setIn(this.#listed, server).add(name)
      part.add(name)
    }
    if (!last) return
    this.#listed.set(server, part)
    this.#parts.delete(server)
  }

  /** The server is no longer connected: what it counts is not known any more. */
  down(server: NodeName): void {
    this.#listed.delete(server)
    this.#parts.delete(server)
  }

  /** Which of these nobody has counted for a while, though somebody could have. */
  unlisted(names: readonly NodeName[], now: Instant): NodeName[] {
    const listed = new Set([...this.#listed.values()].flatMap(each => [...each]))
    const doubted = listed.size === 0 ? [] : names.filter(name => !listed.has(name))
    for (const name of this.#doubted.keys()) if (!doubted.includes(name)) this.#doubted.delete(name)
    return doubted.filter(name => {
      const since = this.#doubted.get(name) ?? now
      this.#doubted.set(name, since)
      return now - since >= this.#forgetAfter
    })
  }
}

function setIn(map: Map<NodeName, Set<NodeName>>, key: NodeName): Set<NodeName> {
  const found = map.get(key) ?? new Set()
  map.set(key, found)
  return found
}
