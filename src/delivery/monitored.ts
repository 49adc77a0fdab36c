import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import type { NodeName } from '../core/node.js'
import type { Instant } from '../core/time.js'
import type { MonitorEntry, NoticeReason } from './monitor-messages.js'

export interface MonitoredOptions {
  /** Whether a server of that name is registered here now. */
  readonly has: (server: string) => boolean
  /** Monitors that each peer may have here. */
  readonly limit: number
}

export type MonitoredInput =
  /** A peer wants to know when these servers end. */
  | {
      readonly type: 'monitor'
      readonly node: NodeName
      readonly channel: string
      readonly monitors: readonly MonitorEntry[]
    }
  | { readonly type: 'demonitor'; readonly node: NodeName; readonly channel: string; readonly ids: readonly number[] }
  /** All that the peer believes to have on that channel. */
  | { readonly type: 'sync'; readonly node: NodeName; readonly channel: string; readonly ids: readonly number[] }
  /** A registration ended. */
  | { readonly type: 'unregistered'; readonly server: string }
  /** The peer has taken the notice of the end of these. */
  | { readonly type: 'told'; readonly node: NodeName; readonly ids: readonly number[] }
  /** The peer is cut off: it may not have heard of it, and cannot be told anything now. */
  | { readonly type: 'cut'; readonly node: NodeName }
  /** The peer is up: after a cut, or over a connection that may be the first after a loss of all. */
  | { readonly type: 'connected'; readonly node: NodeName }
  /** The peer is down, or has a new life. */
  | { readonly type: 'ended'; readonly node: NodeName }
  /** A life of this node ends. */
  | { readonly type: 'stop' }

/** Tells a peer that some of its monitors have ended, behind all that was sent to it on that channel. */
export interface Notice {
  readonly type: 'notice'
  readonly to: NodeName
  readonly channel: string
  readonly ids: readonly number[]
  readonly reason: NoticeReason
}

interface Monitor {
  readonly id: number
  readonly node: NodeName
  readonly channel: string
  readonly server: string
  /** It has ended, and the peer has not yet taken the notice of it. */
  over: boolean
}

/**
 * The watched end of monitors: which peers want to know of the end of which servers. It forgets a peer that it loses;
 * a peer that did not notice is told so when the two compare what they have.
 */
export class Monitored implements Machine<MonitoredInput, Notice> {
  readonly #options: MonitoredOptions
  readonly #peers = new Map<NodeName, Map<number, Monitor>>()
  readonly #servers = new Map<string, Set<Monitor>>()

  constructor(options: MonitoredOptions) {
    this.#options = options
  }

  /** All that is kept. */
  get size(): number {
    return this.#peers.size + this.#servers.size
  }

  step(input: MonitoredInput, _now: Instant, out: Notice[]): void {
    switch (input.type) {
      case 'monitor':
        return this.#monitor(input.node, input.channel, input.monitors, out)
      case 'demonitor':
        for (const id of input.ids) this.#remove(input.node, id)
        return
      case 'sync':
        return this.#sync(input.node, input.channel, new Set(input.ids), out)
      case 'unregistered':
        return this.#unregistered(input.server, out)
      case 'told':
        for (const id of input.ids) if (this.#peers.get(input.node)?.get(id)?.over) this.#remove(input.node, id)
        return
      case 'cut':
        for (const monitor of this.#peers.get(input.node)?.values() ?? []) this.#end(monitor)
        return
      case 'connected': {
        const untold = [...(this.#peers.get(input.node)?.values() ?? [])].filter(({ over }) => over)
        return this.#tell(untold, 'lost', out)
      }
      case 'ended':
        for (const id of [...(this.#peers.get(input.node)?.keys() ?? [])]) this.#remove(input.node, id)
        return
      case 'stop':
        this.#peers.clear()
        this.#servers.clear()
        return
      default:
        return unreachable(input)
    }
  }

  #monitor(node: NodeName, channel: string, monitors: readonly MonitorEntry[], out: Notice[]): void {
    const missing: number[] = []
    const refused: number[] = []
    for (const [id, server] of monitors) {
      const known = this.#peers.get(node)
      if (known?.has(id)) continue
      if (!this.#options.has(server)) missing.push(id)
      else if ((known?.size ?? 0) >= this.#options.limit) refused.push(id)
      else this.#add({ id, node, channel, server, over: false })
    }
    if (missing.length > 0) out.push({ type: 'notice', to: node, channel, ids: missing, reason: 'no-such-server' })
    if (refused.length > 0) out.push({ type: 'notice', to: node, channel, ids: refused, reason: 'refused' })
  }

  /** What the peer has ended ends here; what was forgotten here ends there. */
  #sync(node: NodeName, channel: string, ids: ReadonlySet<number>, out: Notice[]): void {
    const known = this.#peers.get(node)
    const lost = [...ids].filter(id => known?.has(id) !== true)
    for (const monitor of [...(known?.values() ?? [])]) {
      if (monitor.channel === channel && !ids.has(monitor.id)) this.#remove(node, monitor.id)
    }
    if (lost.length > 0) out.push({ type: 'notice', to: node, channel, ids: lost, reason: 'lost' })
  }

  #unregistered(server: string, out: Notice[]): void {
    const monitors = [...(this.#servers.get(server) ?? [])]
    for (const monitor of monitors) this.#end(monitor)
    this.#tell(monitors, 'unregistered', out)
  }

  #tell(monitors: readonly Monitor[], reason: NoticeReason, out: Notice[]): void {
    const notices = new Map<string, { readonly to: NodeName; readonly channel: string; readonly ids: number[] }>()
    for (const { node: to, channel, id } of monitors) {
      const key = `${to}\n${channel}`
      const notice = notices.get(key) ?? { to, channel, ids: [] }
      notices.set(key, notice)
      notice.ids.push(id)
    }
    for (const notice of notices.values()) out.push({ type: 'notice', ...notice, reason })
  }

  #add(monitor: Monitor): void {
    const { node, id, server } = monitor
    const known = this.#peers.get(node) ?? new Map<number, Monitor>()
    this.#peers.set(node, known)
    known.set(id, monitor)
    const watchers = this.#servers.get(server) ?? new Set()
    this.#servers.set(server, watchers)
    watchers.add(monitor)
  }

  #remove(node: NodeName, id: number): void {
    const known = this.#peers.get(node)
    const monitor = known?.get(id)
    if (known === undefined || monitor === undefined) return
    known.delete(id)
    if (known.size === 0) this.#peers.delete(node)
    this.#end(monitor)
  }

  /** Another registration of the name has watchers of its own. */
  #end(monitor: Monitor): void {
    monitor.over = true
    const watchers = this.#servers.get(monitor.server)
    if (watchers?.delete(monitor) === true && watchers.size === 0) this.#servers.delete(monitor.server)
  }
}
