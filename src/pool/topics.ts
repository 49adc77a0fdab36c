/** How the topics of nodes, and of logs without a logger, are made. */
export interface TopicNames {
  /** The topic that reaches one node. Default `zeek/cluster/node/NAME/`, as in Zeek. */
  readonly nodeTopic?: (name: string) => string
  /** The topic that reaches all nodes of a type. Default `zeek/cluster/TYPE`, as in Zeek. */
  readonly typeTopic?: (type: string) => string
  /** Where records of a log go while no logger is alive. Default `zeek/logs/ID`, as in Zeek. */
  readonly defaultLogTopic?: (id: string, path: string) => string
}

/** The topics of Zeek's default pools. */
export const poolTopics = {
  worker: 'zeek/cluster/pool/worker',
  proxy: 'zeek/cluster/pool/proxy',
  logger: 'zeek/cluster/pool/logger',
} as const

/** Topics as Zeek names them with its Broker backend. */
export const zeekTopics: Required<TopicNames> = {
  nodeTopic: name => `zeek/cluster/node/${name}/`,
  typeTopic: type => `zeek/cluster/${type}`,
  defaultLogTopic: id => `zeek/logs/${id}`,
}

/** What parts of topics are separated by: `/` with Zeek's Broker backend, `.` with its ZeroMQ one. */
const separators = '/.'

/**
 * Whether a topic is, or lies below, a prefix. A prefix ends where a part of the topic does: that of `worker-1` does
 * not match the topic of `worker-10`. The empty prefix matches all.
 */
export function matchesTopic(prefix: string, topic: string): boolean {
  const bare = withoutEnd(prefix)
  if (bare === '') return true
  if (!topic.startsWith(bare)) return false
  const rest = topic.slice(bare.length)
  if (rest === '') return true
  // A prefix that names its separator is matched by that one alone.
  const end = prefix.slice(bare.length)
  return end === '' ? separators.includes(rest.charAt(0)) : rest.startsWith(end)
}

/** A topic without the separator at its end: with and without it is the same topic. */
export function withoutEnd(topic: string): string {
  return topic !== '' && separators.includes(topic.charAt(topic.length - 1)) ? topic.slice(0, -1) : topic
}
