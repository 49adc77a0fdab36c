import { EncodeError } from '../core/errors.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { checkOptions } from '../manager/message-options.js'
import { peerOf } from './node-table.js'
import type { PeerPools } from './peer-pools.js'
import type { PoolArrivals } from './pool-arrivals.js'
import { checkPublished, type PublishMessage } from './pool-messages.js'
import { isCallersMistake, type PoolSender, reasonOf } from './pool-sender.js'
import { checkTopic, withoutEnd } from './topics.js'
import type { WorkPool } from './work-pool.js'
import type { WorkPools } from './work-pools.js'

/** What became of a message that is for a topic. */
export interface TopicResult {
  /** Whether anybody was sent it. */
  readonly sent: boolean
  /** Why nobody was: there is nobody, the queues are full, or what `missed` tells. */
  readonly reason?: 'empty' | 'overloaded' | 'failed'
  /** Who was sent it; with `ack`, who acknowledged it. */
  readonly nodes: readonly string[]
  /** Who was not, and why. */
  readonly missed: ReadonlyMap<string, Error>
}

interface TopicPublisherContext {
  readonly manager: PeerServiceManager
  readonly pools: WorkPools<WorkPool>
  readonly peers: PeerPools
  readonly sender: PoolSender
  readonly arrivals: PoolArrivals
}

/** Publishes to topics: to whom they name, and to whoever subscribed. */
export class TopicPublisher {
  readonly #context: TopicPublisherContext

  constructor(context: TopicPublisherContext) {
    this.#context = context
  }

  async publish(topic: string, server: string, message: unknown, options: ForwardOptions): Promise<TopicResult> {
    const { manager, peers, sender, arrivals } = this.#context
    checkOptions(options)
    checkPublished(server)
    sender.needRunning()
    // What `hrwTopic` and `rrTopic` give where nobody is alive.
    if (topic === '') return { sent: false, reason: 'empty', nodes: [], missed: new Map() }
    checkTopic('topic', topic)
    const addressed = new Set(this.#addressed(topic))
    const others = [...peers.subscribers(topic), ...(arrivals.hasSubscribers(topic) ? [manager.name] : [])]
    const bounded = sender.deadlineOf(options)
    const published: PublishMessage = { type: 'publish', topic, server, message }
    const forSubscribers: PublishMessage = { ...published, subscribersOnly: true }
    const nodes: string[] = []
    const missed = new Map<string, Error>()
    const send = async (node: string): Promise<void> => {
      try {
        await sender.send(node, addressed.has(node) ? published : forSubscribers, bounded)
        nodes.push(node)
      } catch (error) {
        if (isCallersMistake(error)) throw error
        missed.set(node, error as Error)
      }
    }
    await Promise.all([...new Set([...addressed, ...others])].map(send))
    // What is too large for one node another may have taken.
    const [unencodable] = missed.values()
    const isForNobody = [...missed.values()].every(error => error instanceof EncodeError)
    if (nodes.length === 0 && unencodable !== undefined && isForNobody) throw unencodable
    if (nodes.length > 0) return { sent: true, nodes: nodes.sort(), missed }
    return { sent: false, reason: reasonOf([...missed.values()]), nodes, missed }
  }

  /** Whose servers a topic names. */
  #addressed(topic: string): string[] {
    const { manager, pools } = this.#context
    const { registered, topics } = pools
    const bare = withoutEnd(topic)
    const pool = registered.get(topic)
    if (pool !== undefined) return pool.nodeList.filter(({ alive }) => alive).map(({ name }) => name)
    const named = pools.nodeOfTopic(topic)
    if (named !== undefined) return pools.isAlive(named) ? [named] : []
    const members = manager.membersForOrchestration()
    const types = new Set(members.map(spec => peerOf(spec).type))
    for (const type of types) {
      if (type !== undefined && withoutEnd(topics.typeTopic(type)) === bare) return pools.aliveOfType(type)
    }
    return []
  }
}
