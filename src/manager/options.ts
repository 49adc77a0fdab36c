import { hostname } from 'node:os'
import { defaultValueLimits, type ValueLimits } from '../codec/value-encoder.js'
import {
  type ChannelMap,
  type ChannelOptions,
  channelsMax,
  defaultChannel,
  isChannelName,
  isParallelism,
  membershipChannel,
  parallelismMax,
} from '../core/channel.js'
import { InsecureError, InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { isNodeName, type NodeAttributes, type NodeName, type NodeSpec, parseNodeSpec } from '../core/node.js'
import { checkKeys } from '../core/option-keys.js'
import type { Entropy, Random } from '../core/random.js'
import type { Clock, Millis } from '../core/time.js'
import type { Discovery } from '../discovery/discovery.js'
import { handshakeVersions } from '../link/handshake.js'
import type { HeartbeatOptions } from '../link/heartbeat.js'
import { defaultLimits, type Limits, leastLimits } from '../link/limits.js'
import { SystemClock } from '../runtime/system-clock.js'
import { SystemEntropy, SystemRandom } from '../runtime/system-random.js'
import type { ListenAddress, Transport } from '../transport/transport.js'
import { WebSocketTransport } from '../transport/websocket.js'
import type { TlsOptions } from '../transport/websocket-security.js'
import { checkArray, checkFunction, checkUrl, isCount, isDuration } from './checks.js'
import { discoveryIntervalDefault } from './discoverer.js'

/** Where a node listens. */
export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: the system chooses. */
  readonly port?: number
  /** Serves, and dials, TLS. With `requestCert: true` both ends show certificates, which must bear the nodes' names. */
  readonly tls?: TlsOptions
}

/** What takes log lines: `console`, pino and others fit. */
export interface Logger {
  /** What happens all the time: failed dials, closed connections. */
  debug(text: string): void
  /** What is worth a line. */
  info(text: string): void
  /** What somebody should look at: refusals, violations, two nodes of one name. */
  warn(text: string): void
  /** What the user's own code threw. */
  error(text: string): void
}

/** Everything a node can be told at its making. All of it is optional. */
export interface PeerServiceOptions {
  /** Unique in the cluster. Default: the host's name and a random suffix. */
  readonly name?: string
  /** Nodes of another cluster are refused. Default `'default'`. */
  readonly cluster?: string
  /**
   * Shared by all nodes: each proves in the handshake that it has it. The first is preferred; several allow rotation.
   */
  readonly secret?: string | readonly string[]
  /** Default: loopback, any port. `false`: this node only dials. */
  readonly listen?: ListenOptions | false
  /** URLs told to peers when they differ from what is listened on. */
  readonly advertise?: readonly string[]
  /** `default` and `membership` always exist. */
  readonly channels?: Readonly<Record<string, ChannelOptions>>
  /** Joined at the start, and dialled for ever until they are members. */
  readonly seeds?: readonly (string | NodeSpec)[]
  /** Where to look for nodes: what it finds is joined like seeds, and nobody is removed by what it does not find. */
  readonly discovery?: Discovery
  /** How often it is looked up, on average; every second while this node is alone. Default 10,000 ms. */
  readonly discoveryInterval?: Millis
  /** Announced with the spec. `type` is what pools select by, `tag` what `reserve` keeps slots for. */
  readonly attributes?: NodeAttributes
  /** Slots that `reserve` may keep. Default 16. */
  readonly maxReserved?: number
  /** Members with generated names are removed after being down so long, at most a quarter later. Default 1 h. */
  readonly removeDownAfter?: Millis
  /** Authenticated peers' messages may nest and be as many-parted as they like. Default false. */
  readonly trustPeers?: boolean
  /** Listen beyond loopback without secret or TLS. Default false. */
  readonly insecure?: boolean
  /** Whether others may inject partitions here. Default: only when listening on loopback, or on a test's transport. */
  readonly allowRemoteFaults?: boolean
  readonly heartbeat?: HeartbeatOptions
  readonly limits?: Partial<Limits>
  /** The protocol versions to speak. For rehearsing upgrades. Default: all that are known. */
  readonly protocolVersions?: { readonly min: number; readonly max: number }
  /** Seams; the real ones by default. */
  readonly transport?: Transport
  /** Puts something before the transport, whichever it is: `spike` of `maquis/testing`, a meter. Called once. */
  readonly wrapTransport?: (transport: Transport) => Transport
  readonly clock?: Clock
  readonly random?: Random
  readonly entropy?: Entropy
  readonly logger?: Logger
}

/** The options with every default filled in and every value checked. */
export interface Settings {
  readonly name: NodeName
  readonly generated: boolean
  readonly cluster: string
  readonly secrets: readonly string[]
  readonly listen: ListenAddress | undefined
  readonly mutualTls: boolean
  readonly advertise: readonly string[] | undefined
  readonly channels: Readonly<Record<string, ChannelOptions>>
  readonly channelMap: ChannelMap
  readonly seeds: readonly (string | NodeSpec)[]
  readonly discovery: Discovery | undefined
  readonly discoveryInterval: Millis
  readonly attributes: NodeAttributes | undefined
  /** Set by overlays that tell nodes apart. */
  readonly role: string | undefined
  readonly maxReserved: number
  readonly removeDownAfter: Millis
  readonly allowRemoteFaults: boolean
  readonly heartbeat: HeartbeatOptions
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly peerValueLimits: ValueLimits
  readonly versions: { readonly min: number; readonly max: number }
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly entropy: Entropy
  readonly logger: Logger | undefined
  /** A running node keeps its process alive; one on a clock of its own does not. */
  readonly keepAlive: boolean
}

const secretsMax = 8
const listenNames = ['host', 'port', 'tls']
const channelNames = ['parallelism', 'monotonic', 'compression', 'overflow']
const optionNames = [
  ...['name', 'cluster', 'secret', 'listen', 'advertise', 'channels', 'seeds', 'attributes', 'maxReserved'],
  ...['removeDownAfter', 'trustPeers', 'insecure', 'allowRemoteFaults', 'heartbeat', 'limits', 'protocolVersions'],
  ...['transport', 'wrapTransport', 'clock', 'random', 'entropy', 'logger', 'discovery', 'discoveryInterval'],
]

/**
 * Checks what a caller gave. Throws an {@link InvalidOptionError} that names the option. `further` are the options that
 * the overlay has beside those that all have, and checks itself.
 */
export function resolveOptions(options: PeerServiceOptions, role?: string, further: readonly string[] = []): Settings {
  checkKeys('options', options, [...optionNames, ...further])
  if (options.listen !== undefined && options.listen !== false) checkKeys('listen', options.listen, listenNames)
  if (options.logger !== undefined) checkLogger(options.logger)
  const { listen = {}, clock = new SystemClock(), random = new SystemRandom(), entropy = new SystemEntropy() } = options
  const { cluster = 'default', maxReserved = 16, removeDownAfter = 3_600_000, trustPeers = false } = options
  const generated = options.name === undefined
  const name = options.name ?? generateName(entropy)
  if (!isNodeName(name) || name === '*') {
    throw new InvalidOptionError('name', `1 to 255 bytes of text without control characters, and not '*'`, name)
  }
  if (!isNodeName(cluster)) throw new InvalidOptionError('cluster', '1 to 255 bytes of text', cluster)
  const limits = resolveLimits(options.limits ?? {})
  const channels = resolveChannels(options.channels ?? {})
  const channelMap: ChannelMap = Object.fromEntries(
    Object.entries(channels).map(([channel, given]) => [channel, specOf(given)]),
  )
  const secrets = resolveSecrets(options.secret)
  const { attributes } = options
  if (attributes !== undefined && !isRecord(attributes)) throw new InvalidOptionError('attributes', 'a plain object')
  if (!isCount(maxReserved)) throw new InvalidOptionError('maxReserved', 'a whole number', maxReserved)
  if (!isDuration(removeDownAfter)) throw new InvalidOptionError('removeDownAfter', 'milliseconds', removeDownAfter)
  const tls = listen === false ? undefined : listen.tls
  const address = listen === false ? undefined : { host: listen.host ?? '127.0.0.1', port: listen.port ?? 0 }
  if (address !== undefined && !(isCount(address.port) && address.port <= 65_535)) {
    throw new InvalidOptionError('listen.port', 'a whole number from 0 to 65535', address.port)
  }
  const mutualTls = tls?.requestCert === true
  const local = address === undefined || isLoopback(address.host)
  if (!local && options.transport === undefined && secrets.length === 0 && !mutualTls && options.insecure !== true) {
    throw new InsecureError(address.host)
  }
  const compression = Object.values(channelMap).some(spec => spec.compression)
  const strangers = { count: limits.strangers }
  const ownTransport = { clock, compression, strangers, frameBytes: limits.frameBytes, ...(tls && { tls }) }
  const { wrapTransport = same } = options
  checkFunction('wrapTransport', wrapTransport)
  const transport = wrapTransport(options.transport ?? new WebSocketTransport(ownTransport))
  const valueLimits = { ...defaultValueLimits, depth: limits.depth }
  return {
    ...{ name, generated, cluster, secrets, mutualTls, channels, channelMap, attributes, maxReserved, removeDownAfter },
    ...{ limits, valueLimits, clock, random, entropy, role },
    listen: address,
    advertise: resolveUrls(options.advertise),
    seeds: resolveSeeds(options.seeds ?? [], transport.schemes),
    ...resolveDiscovery(options),
    allowRemoteFaults: options.allowRemoteFaults ?? (local || options.transport !== undefined),
    heartbeat: resolveHeartbeat(options.heartbeat ?? {}),
    peerValueLimits: trustPeers ? trustedLimits : valueLimits,
    versions: resolveVersions(options.protocolVersions ?? handshakeVersions),
    transport,
    logger: options.logger,
    keepAlive: options.clock === undefined,
  }
}

const same = (transport: Transport): Transport => transport

/** What trusted peers may send: bounded by the stack alone. */
const trustedLimits: ValueLimits = { depth: 1_000, items: Number.MAX_SAFE_INTEGER }

function generateName(entropy: Entropy): string {
  const suffix = [...entropy.bytes(4)].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hostname().slice(0, 200)}-${suffix}`
}

function resolveChannels(given: Readonly<Record<string, ChannelOptions>>): Record<string, ChannelOptions> {
  if (!isRecord(given)) throw new InvalidOptionError('channels', 'a plain object', given)
  if (Object.hasOwn(given, membershipChannel)) {
    throw new InvalidOptionError(`channels.${membershipChannel}`, 'left out: it always exists, with one lane')
  }
  const channels: Record<string, ChannelOptions> = { [defaultChannel]: {}, ...given, [membershipChannel]: {} }
  if (Object.keys(channels).length > channelsMax) throw new InvalidOptionError('channels', `at most ${channelsMax}`)
  for (const [name, options] of Object.entries(channels)) checkChannel(name, options)
  return channels
}

function checkChannel(name: string, given: ChannelOptions): void {
  const option = `channels.${name}`
  checkKeys(option, given, channelNames)
  const { parallelism = 1, compression = false, overflow = 'block', monotonic } = given
  if (!isChannelName(name)) throw new InvalidOptionError(option, 'named by 1 to 64 bytes of text')
  if (!isParallelism(parallelism)) {
    throw new InvalidOptionError(`${option}.parallelism`, `a whole number from 1 to ${parallelismMax}`, parallelism)
  }
  if (typeof compression !== 'boolean') throw new InvalidOptionError(`${option}.compression`, 'a boolean', compression)
  if (!['block', 'reject', 'drop-newest', 'drop-oldest'].includes(overflow)) {
    throw new InvalidOptionError(`${option}.overflow`, `'block', 'reject', 'drop-newest' or 'drop-oldest'`, overflow)
  }
  if (!['undefined', 'boolean', 'function'].includes(typeof monotonic)) {
    throw new InvalidOptionError(`${option}.monotonic`, 'a boolean or a function', monotonic)
  }
}

function specOf({ parallelism = 1, compression = false }: ChannelOptions): ChannelMap[string] {
  return { parallelism, compression }
}

function resolveSecrets(secret: string | readonly string[] | undefined): readonly string[] {
  const secrets: unknown = secret === undefined ? [] : typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(secrets)) throw new InvalidOptionError('secret', 'a text, or an array of texts')
  if (secret !== undefined && secrets.length === 0) throw new InvalidOptionError('secret', 'at least one text')
  if (secrets.length > secretsMax) throw new InvalidOptionError('secret', `at most ${secretsMax} texts`)
  for (const one of secrets) {
    // Its value stays out of the message.
    if (typeof one !== 'string' || one.length === 0) throw new InvalidOptionError('secret', 'a text that is not empty')
  }
  return secrets as readonly string[]
}

function resolveLimits(given: Partial<Limits>): Limits {
  checkKeys('limits', given, Object.keys(defaultLimits))
  const limits = { ...defaultLimits }
  for (const [name, value] of Object.entries(given) as [keyof Limits, unknown][]) {
    if (value === undefined) continue
    if (!isCount(value) || value < leastLimits[name]) {
      throw new InvalidOptionError(`limits.${name}`, `a whole number, at least ${leastLimits[name]}`, value)
    }
    Object.assign(limits, { [name]: value })
  }
  return limits
}

function resolveHeartbeat(given: HeartbeatOptions): HeartbeatOptions {
  checkKeys('heartbeat', given, ['interval', 'timeout'])
  const { interval = 1_000, timeout = 4_000 } = given
  if (!isDuration(interval) || interval === 0)
    throw new InvalidOptionError('heartbeat.interval', 'milliseconds', interval)
  if (!isDuration(timeout) || timeout < 2 * interval) {
    throw new InvalidOptionError('heartbeat.timeout', 'milliseconds, at least twice the interval', timeout)
  }
  return { interval, timeout }
}

function resolveVersions(versions: { readonly min: number; readonly max: number }): { min: number; max: number } {
  const { min, max } = versions
  if (!isCount(min) || !isCount(max) || min < 1 || max < min || max > 255) {
    throw new InvalidOptionError('protocolVersions', '{ min, max } from 1 to 255')
  }
  return { min, max }
}

function resolveUrls(urls: readonly string[] | undefined): readonly string[] | undefined {
  if (urls === undefined) return undefined
  checkArray('advertise', urls)
  for (const url of urls) checkUrl('advertise', url)
  return urls
}

function resolveSeeds(seeds: unknown, schemes: readonly string[]): readonly (string | NodeSpec)[] {
  checkArray('seeds', seeds)
  return seeds.map(seed => checkPeer('seeds', seed, schemes))
}

function resolveDiscovery({
  discovery,
  discoveryInterval = discoveryIntervalDefault,
}: PeerServiceOptions): Pick<Settings, 'discovery' | 'discoveryInterval'> {
  if (discovery !== undefined) checkFunction('discovery.lookup', (discovery as Partial<Discovery> | null)?.lookup)
  if (!isDuration(discoveryInterval) || discoveryInterval < 100) {
    throw new InvalidOptionError('discoveryInterval', 'milliseconds, at least 100', discoveryInterval)
  }
  return { discovery, discoveryInterval }
}

/** An address or a spec that a caller gave. Throws where it is neither. */
export function checkPeer(option: string, peer: unknown, schemes: readonly string[]): string | NodeSpec {
  if (typeof peer === 'string') {
    checkUrl(option, peer, schemes)
    return peer
  }
  const spec = parseNodeSpec(peer)
  if (spec === undefined)
    throw new InvalidOptionError(option, `a NodeSpec, or an address such as 'ws://127.0.0.1:7001'`)
  return spec
}

function checkLogger(logger: unknown): void {
  for (const level of ['debug', 'info', 'warn', 'error']) {
    checkFunction(`logger.${level}`, (logger as Record<string, unknown> | null)?.[level])
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
