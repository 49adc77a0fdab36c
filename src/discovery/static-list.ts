import { InvalidOptionError } from '../core/errors.js'
import type { Discovery } from './discovery.js'

/**
 * Always finds these addresses, such as `ws://10.0.0.1:7001`. It differs from the option `seeds` in that it can stand
 * where any other discovery stands.
 * @throws {@link InvalidOptionError} it is no list of addresses, or one of them has no scheme, host or port. Whether
 * the transport has their scheme is known when the node looks them up: see the event `discovery-refused`.
 */
export function staticList(addresses: readonly string[]): Discovery {
  if (!Array.isArray(addresses) || !addresses.every(address => typeof address === 'string')) {
    throw new InvalidOptionError('addresses', 'an array of addresses')
  }
  for (const address of addresses) {
    const fault = faultOf(address)
    if (fault === undefined) continue
    throw new InvalidOptionError('addresses', `addresses such as 'ws://127.0.0.1:7001', and this one ${fault}`, address)
  }
  const copy = [...addresses]
  return {
    async lookup(signal) {
      signal.throwIfAborted()
      return copy
    },
  }
}

/** The schemes that web pages have, and no transport: whoever writes one of them means `ws` or `wss`. */
const mistaken: ReadonlyMap<string, string> = new Map([
  ['http', 'ws'],
  ['https', 'wss'],
])

/** What is wrong with an address. Nodes have no port of their own that could be left out. */
function faultOf(address: string): string | undefined {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^/?#:]+)(?::(\d+))?(?:[/?#]|$)/.exec(address)
  if (parts === null || !URL.canParse(address)) return 'is none'
  const [, scheme = '', , port] = parts
  const meant = mistaken.get(scheme)
  if (meant !== undefined) return `has the scheme '${scheme}' where '${meant}' is meant`
  return port === undefined || port === '0' ? 'lacks a port' : undefined
}
