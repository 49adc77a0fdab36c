import { InvalidOptionError } from '../core/errors.js'
import type { Discovery } from './discovery.js'

/**
 * Always finds these addresses, such as `ws://10.0.0.1:7001`. It differs from the option `seeds` in that it can stand
 * where any other discovery stands.
 * @throws {@link InvalidOptionError} it is no list of addresses. Their scheme is looked at when they are found.
 */
export function staticList(addresses: readonly string[]): Discovery {
  if (!Array.isArray(addresses) || !addresses.every(address => typeof address === 'string')) {
    throw new InvalidOptionError('addresses', 'an array of addresses')
  }
  for (const address of addresses) {
    if (URL.canParse(address) && new URL(address).host !== '') continue
    throw new InvalidOptionError('addresses', `addresses such as 'ws://127.0.0.1:7001'`, address)
  }
  const copy = [...addresses]
  return {
    async lookup(signal) {
      signal.throwIfAborted()
      return copy
    },
  }
}
