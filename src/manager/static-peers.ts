import type { ChannelMap } from '../core/channel.js'
import { InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { type Incarnation, isNodeName, type NodeSpec, parseNodeSpec } from '../core/node.js'
import { checkUrl } from './checks.js'
import type { Settings } from './options.js'

/** The peers of a closed mesh: their addresses by name (none where the peer only dials), or their specs. */
export type StaticPeers = Readonly<Record<string, string | readonly string[]>> | readonly NodeSpec[]

/**
 * Checks the peers that a caller gave, and makes specs of them. A peer of which only the addresses are known has
 * incarnation 0.
 */
export function resolvePeers(given: unknown, { channelMap, transport }: Settings): readonly NodeSpec[] | undefined {
  if (given === undefined) return undefined
  if (Array.isArray(given)) return fromSpecs(given)
  if (!isRecord(given)) {
    throw new InvalidOptionError('peers', 'addresses by name, such as { a: "ws://127.0.0.1:7001" }, or specs', given)
  }
  return Object.entries(given).map(([name, urls]) => placeholder(name, urls, channelMap, transport.schemes))
}

function fromSpecs(given: readonly unknown[]): readonly NodeSpec[] {
  const names = new Set<string>()
  return given.map((each, index) => {
    const spec = parseNodeSpec(each)
    if (spec === undefined) throw new InvalidOptionError(`peers[${index}]`, 'a NodeSpec', each)
    if (names.has(spec.name)) throw new InvalidOptionError(`peers[${index}]`, 'of a name that was not given before')
    names.add(spec.name)
    return spec
  })
}

/** A peer that was never met is taken to have our channels, so that messages on them can wait for it. */
function placeholder(name: string, urls: unknown, channels: ChannelMap, schemes: readonly string[]): NodeSpec {
  const option = `peers.${name}`
  if (!isNodeName(name) || name === '*') throw new InvalidOptionError(option, 'named by 1 to 255 bytes of text')
  const addresses: unknown[] = Array.isArray(urls) ? urls : [urls]
  for (const url of addresses) checkUrl(option, url, schemes)
  const spec = parseNodeSpec({ name, incarnation: 0 as Incarnation, version: 0, addresses, channels })
  if (spec === undefined) throw new InvalidOptionError(option, 'at most 16 addresses of at most 512 characters')
  return spec
}
