import { InvalidOptionError } from '../core/errors.js'
import { isName } from '../core/name.js'
import { checkFunction } from '../manager/checks.js'

/** The longest topic, in bytes of UTF-8. */
export const topicBytesMax = 512

/**
 * How the topics of nodes, and of logs without a logger, are made. One that throws, or does not give 1 to 512 bytes of
 * text, is told of by the event `handler-error`, and Zeek's topic has its place.
 */
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

/** Whether it can be a topic, of what is published or is subscribed to. */
export function isTopic(value: unknown): value is string {
  return typeof value === 'string' && isName(value, topicBytesMax)
}

/** Refuses what cannot be one. */
export function checkTopic(option: string, topic: unknown): void {
  if (isTopic(topic)) return
  throw new InvalidOptionError(option, `1 to ${topicBytesMax} bytes of text`, topic)
}

/** Whether it can be the topic of a pool: with one separator at its end at the most, and not one alone. */
export function isPoolTopic(value: unknown): value is string {
  if (!isTopic(value)) return false
  const bare = withoutEnd(value)
  return bare !== '' && bare === withoutEnd(bare)
}

/** By topic, with or without a separator at its end. Its keys are without. */
export class TopicMap<Value> extends Map<string, Value> {
  override get(topic: string): Value | undefined {
    return super.get(withoutEnd(topic))
  }

  override has(topic: string): boolean {
    return super.has(withoutEnd(topic))
  }

  override set(topic: string, value: Value): this {
    return super.set(withoutEnd(topic), value)
  }

  override delete(topic: string): boolean {
    return super.delete(withoutEnd(topic))
  }
}

/**
 * The functions that were given, with Zeek's in the place of those that were not, and behind those that fail: `failed`
 * is told then. `self` is a name to try them with.
 */
export function topicNames(
  given: TopicNames,
  self: string,
  failed: (where: string, error: unknown) => void,
): Required<TopicNames> {
  const guarded = <Args extends readonly string[]>(
    name: keyof TopicNames,
    make: ((...args: Args) => string) | undefined,
    fallback: (...args: Args) => string,
  ): ((...args: Args) => string) => {
    if (make === undefined) return fallback
    checkFunction(name, make)
    return (...args) => {
      try {
        return checked(name, make(...args))
      } catch (error) {
        failed(name, error)
        return fallback(...args)
      }
    }
  }
  if (given.nodeTopic !== undefined) {
    checkFunction('nodeTopic', given.nodeTopic)
    checked('nodeTopic', tried(given.nodeTopic, self))
  }
  return {
    nodeTopic: guarded('nodeTopic', given.nodeTopic, zeekTopics.nodeTopic),
    typeTopic: guarded('typeTopic', given.typeTopic, zeekTopics.typeTopic),
    defaultLogTopic: guarded('defaultLogTopic', given.defaultLogTopic, zeekTopics.defaultLogTopic),
  }
}

function checked(name: string, topic: unknown): string {
  if (isTopic(topic)) return topic
  throw new InvalidOptionError(name, `a function that gives 1 to ${topicBytesMax} bytes of text`, topic)
}

/** What the function gives, or what it throws: either is looked at. */
function tried(make: (name: string) => unknown, name: string): unknown {
  try {
    return make(name)
  } catch (error) {
    return error
  }
}
