import type { PeerServiceManager } from 'maquis'
import type { Activity } from './activity.js'

/** What watchers of peers are told: ups and downs alternate. */
export class UpsAndDowns implements Activity {
  readonly #wrong: string[]
  readonly #ups = new WeakMap<PeerServiceManager, Set<string>>()

  /** `wrong` is told of promises that were broken. */
  constructor(wrong: string[]) {
    this.#wrong = wrong
  }

  readonly operations: Activity['operations'] = {}
  readonly weights: Activity['weights'] = {}

  setup(manager: PeerServiceManager): void {
    const { name } = manager
    const ups = new Set<string>()
    this.#ups.set(manager, ups)
    manager.onUp('*', peer => {
      if (ups.has(peer)) this.#wrong.push(`${name} was told twice that ${peer} is up`)
      ups.add(peer)
    })
    manager.onDown('*', peer => {
      if (!ups.delete(peer)) this.#wrong.push(`${name} was told that ${peer} is down, which was not up`)
    })
  }

  /** Whom a node was told to be up. */
  upAt(manager: PeerServiceManager): readonly string[] {
    return [...(this.#ups.get(manager) ?? [])]
  }
}
