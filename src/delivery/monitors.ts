import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import type { NodeName } from '../core/node.js'
import type { Instant } from '../core/time.js'
import type { MonitorEntry, MonitorMessage, NoticeReason } from './monitor-messages.js'

/** Why a monitor ended: what the watched node told, or what became of it as seen from here. */
export type EndReason = NoticeReason | 'down' | 'cut' | 'left' | 'restarted' | 'stopped'

export type MonitorsInput =
  /**
   * Somebody here watches a server. `life`: the life of the node that is up; undefined: it was never met, and the
   * monitor waits for it. `only`: no other life will do.
   */
  | {
      readonly type: 'monitor'
      readonly id: number
      readonly node: NodeName
      readonly channel: string
      readonly server: string
      readonly life: number | undefined
      readonly only: number | undefined
    }
  /** And does no longer. */
  | { readonly type: 'demonitor'; readonly id: number }
  /** The peer is up, over a connection that may be the first after a loss of all. */
  | { readonly type: 'connected'; readonly node: NodeName; readonly life: number }
  /** What was asked of the peer ends. `life`: the latest of it. `forgotten`: it is no member any more. */
  | {
      readonly type: 'ended'
      readonly node: NodeName
      readonly life: number
      readonly why: 'down' | 'cut' | 'left'
      readonly forgotten: boolean
    }
  /** The peer has a new life. */
  | { readonly type: 'restarted'; readonly node: NodeName; readonly life: number }
  /** The watched node tells the end of some, on one of its streams. */
  | {
      readonly type: 'notice'
      readonly node: NodeName
      readonly ids: readonly number[]
      readonly reason: NoticeReason
      readonly stream: number
      readonly streams: number
    }
  /** A life of this node ends. */
  | { readonly type: 'stop' }

export type MonitorsEffect =
  | { readonly type: 'send'; readonly to: NodeName; readonly channel: string; readonly message: MonitorMessage }
  /** The monitor has ended: it is told of nothing any more. `life`: of the watched node, where that was met. */
  | { readonly type: 'ended'; readonly id: number; readonly life: number | undefined; readonly why: EndReason }

interface Monitor {
  readonly id: number
  readonly channel: string
  readonly server: string
  readonly only: number | undefined
  /** The life that was asked; undefined: it waits for the first connection. */
  life: number | undefined
  /** The watched node's streams that the notice has come on. */
  readonly heard: Set<number>
  /** What the first notice said. */
  reason: NoticeReason | undefined
}

interface Watched {
  readonly monitors: Map<number, Monitor>
  /** Channels on which its present life was asked for anything. */
  readonly channels: Set<string>
}

/**
 * The watching end of monitors: each ends exactly once. One that was asked for belongs to the connection with one life
 * of its node: when that is lost it ends, as far as either end knows. When a connection may be the first after a loss
 * that only the other end noticed, the two compare what they have.
 */
export class Monitors implements Machine<MonitorsInput, MonitorsEffect> {
  readonly #peers = new Map<NodeName, Watched>()
  readonly #nodes = new Map<number, NodeName>()

  /** How many watch servers of that node. */
  count(node: NodeName): number {
    return this.#peers.get(node)?.monitors.size ?? 0
  }

  /** What the peer was asked to watch on that channel. */
  ids(node: NodeName, channel: string): number[] {
    const all = [...(this.#peers.get(node)?.monitors.values() ?? [])]
    return all.filter(monitor => monitor.life !== undefined && monitor.channel === channel).map(({ id }) => id)
  }

  /** All that is kept. */
  get size(): number {
    return this.#nodes.size + this.#peers.size
  }

  step(input: MonitorsInput, _now: Instant, out: MonitorsEffect[]): void {
    switch (input.type) {
      case 'monitor': {
        const { id, node, channel, server, only, life } = input
        const monitor: Monitor = { id, channel, server, only, life: undefined, heard: new Set(), reason: undefined }
        this.#ensure(node).monitors.set(id, monitor)
        this.#nodes.set(id, node)
        if (life !== undefined) this.#ask(node, life, [monitor], out)
        return
      }
      case 'demonitor':
        return this.#demonitor(input.id, out)
      case 'connected':
        return this.#connected(input.node, input.life, out)
      case 'ended':
        return this.#ended(input, out)
      case 'restarted': {
        const { node, life } = input
        this.#peers.get(node)?.channels.clear()
        return this.#end(node, ({ only }) => only !== undefined && only !== life, 'restarted', out)
      }
      case 'notice':
        return this.#notice(input, out)
      case 'stop':
        for (const [node, { channels }] of [...this.#peers]) {
          channels.clear()
          this.#end(node, () => true, 'stopped', out)
        }
        return
      default:
        return unreachable(input)
    }
  }

  #demonitor(id: number, out: MonitorsEffect[]): void {
    const node = this.#nodes.get(id)
    const monitor = node === undefined ? undefined : this.#peers.get(node)?.monitors.get(id)
    if (node === undefined || monitor === undefined) return
    this.#remove(node, id)
    if (monitor.life === undefined) return
    out.push({ type: 'send', to: node, channel: monitor.channel, message: { type: 'demonitor', ids: [id] } })
  }

  #connected(node: NodeName, life: number, out: MonitorsEffect[]): void {
    const peer = this.#peers.get(node)
    if (peer === undefined) return
    const all = [...peer.monitors.values()]
    for (const channel of peer.channels) {
      out.push({ type: 'send', to: node, channel, message: { type: 'sync', ids: this.ids(node, channel) } })
    }
    const waiting = all.filter(monitor => monitor.life === undefined)
    this.#ask(node, life, waiting, out)
  }

  #ended({ node, life: latest, why, forgotten }: MonitorsInput & { type: 'ended' }, out: MonitorsEffect[]): void {
    if (forgotten) this.#peers.get(node)?.channels.clear()
    this.#end(node, ({ life }) => life !== undefined && life !== latest, 'restarted', out)
    // Who waits for the first connection goes on, unless there will be none.
    const waitsOn = why === 'down' && !forgotten
    this.#end(node, ({ life }) => life !== undefined || !waitsOn, why, out)
  }

  #notice({ node, ids, reason, stream, streams }: MonitorsInput & { type: 'notice' }, out: MonitorsEffect[]): void {
    const peer = this.#peers.get(node)
    for (const id of ids) {
      const monitor = peer?.monitors.get(id)
      if (monitor?.life === undefined) continue
      monitor.heard.add(stream)
      monitor.reason ??= reason
      if (monitor.heard.size < streams) continue
      this.#remove(node, id)
      out.push({ type: 'ended', id, life: monitor.life, why: monitor.reason })
    }
  }

  #ask(node: NodeName, life: number, monitors: readonly Monitor[], out: MonitorsEffect[]): void {
    const byChannel = new Map<string, MonitorEntry[]>()
    for (const monitor of monitors) {
      monitor.life = life
      const entries = byChannel.get(monitor.channel) ?? []
      byChannel.set(monitor.channel, entries)
      entries.push([monitor.id, monitor.server])
    }
    for (const [channel, entries] of byChannel) {
      this.#ensure(node).channels.add(channel)
      out.push({ type: 'send', to: node, channel, message: { type: 'monitor', monitors: entries } })
    }
  }

  #end(node: NodeName, concerned: (monitor: Monitor) => boolean, why: EndReason, out: MonitorsEffect[]): void {
    for (const monitor of [...(this.#peers.get(node)?.monitors.values() ?? [])]) {
      if (!concerned(monitor)) continue
      this.#remove(node, monitor.id)
      out.push({ type: 'ended', id: monitor.id, life: monitor.life, why })
    }
    this.#tidy(node)
  }

  #ensure(node: NodeName): Watched {
    const known = this.#peers.get(node)
    if (known !== undefined) return known
    const peer: Watched = { monitors: new Map(), channels: new Set() }
    this.#peers.set(node, peer)
    return peer
  }

  #remove(node: NodeName, id: number): void {
    this.#nodes.delete(id)
    this.#peers.get(node)?.monitors.delete(id)
    this.#tidy(node)
  }

  #tidy(node: NodeName): void {
    const peer = this.#peers.get(node)
    if (peer?.monitors.size === 0 && peer.channels.size === 0) this.#peers.delete(node)
  }
}
