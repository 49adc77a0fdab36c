import { Resolver } from 'node:dns/promises'
import { describe, expect, test } from 'vitest'
import { type DnsResolver, dnsDiscovery } from '../../src/index.js'
import type { DiscoveryHarness } from '../../src/testing/testing.js'
import { discoverySuite } from '../../src/testing/testing.js'
import { DnsServer, type Zone } from '../support/dns-server.js'

const runner = { describe, test }
const fifty = Array.from({ length: 50 }, (_, index) => index + 1)
const hosts = fifty.map(index => `node-${index}.nodes.default.svc.cluster.local`)
const { signal } = new AbortController()

discoverySuite('the DNS, an injected resolver,', async () => injected(), runner)
discoverySuite('the DNS, A records of a real server,', () => served('A'), runner)
discoverySuite('the DNS, AAAA records of a real server,', () => served('AAAA'), runner)
discoverySuite('the DNS, SRV records of a real server,', () => served('SRV'), runner)

describe('a discovery by DNS', () => {
  test('gets fifty SRV records, which fit in no datagram', async () => {
    const server = new DnsServer(zoneOf('SRV', addressesOf('SRV')))
    const at = await server.start()
    const discovery = dnsDiscovery({ name: '_maquis._tcp.nodes', type: 'SRV', resolver: () => resolverAt(at) })
    const found = await discovery.lookup(signal)
    expect(found).toHaveLength(50)
    expect(found).toContain('ws://node-7.nodes.default.svc.cluster.local:7007')
    expect(server.questions.tcp).toBeGreaterThan(0)
    await server.stop()
  })

  test('orders SRV records by priority and weight, and leaves out those that name nobody', async () => {
    const record = (name: string, port: number, priority: number, weight: number) => ({ name, port, priority, weight })
    const records = [
      record('late', 1, 20, 1),
      record('light', 2, 10, 1),
      record('heavy.', 3, 10, 9),
      record('', 4, 0, 0),
      record('.', 5, 0, 0),
    ]
    const resolver = (): DnsResolver => ({ ...answering([]), resolveSrv: async () => records })
    const discovery = dnsDiscovery({ name: 'x', type: 'SRV', scheme: 'wss', resolver })
    expect(await discovery.lookup(signal)).toEqual(['wss://heavy:3', 'wss://light:2', 'wss://late:1'])
  })

  test('keeps SRV records that lack a port in its answer, so that the node tells of them', async () => {
    const records = [{ name: 'portless', port: 0, priority: 1, weight: 1 }]
    const discovery = dnsDiscovery({
      name: 'x',
      type: 'SRV',
      resolver: () => ({ ...answering([]), resolveSrv: async () => records }),
    })
    expect(await discovery.lookup(signal)).toEqual(['ws://portless:0'])
  })

  test('says of a name that is not there that the whole of it is needed', async () => {
    const missing = Object.assign(new Error('queryA ENOTFOUND nodes'), { code: 'ENOTFOUND' })
    const resolver = (): DnsResolver => ({ ...answering([]), resolve4: () => Promise.reject(missing) })
    await expect(dnsDiscovery({ name: 'nodes', port: 1, resolver }).lookup(signal)).rejects.toThrow(
      `the A records of 'nodes' failed: queryA ENOTFOUND nodes: give the whole name`,
    )
  })

  test('cancels what it asked when its signal aborts', async () => {
    let cancelled = 0
    const resolver = (): DnsResolver => ({
      ...answering([]),
      resolve4: () => new Promise(() => {}),
      cancel: () => void cancelled++,
    })
    const controller = new AbortController()
    const looking = dnsDiscovery({ name: 'x', port: 1, resolver }).lookup(controller.signal)
    controller.abort(new Error('enough'))
    await expect(looking).rejects.toThrow('enough')
    expect(cancelled).toBe(1)
  })

  test.each([
    ['name', { name: '', port: 1 }],
    ['type', { name: 'x', type: 'MX' as 'A' }],
    ['port', { name: 'x' }],
    ['port', { name: 'x', port: 65_536 }],
    ['port', { name: 'x', type: 'SRV' as const, port: 1 }],
    ['scheme', { name: 'x', port: 1, scheme: 'ws:' }],
    ['options', undefined as unknown as { name: string }],
    ['options.ports', { name: 'x', port: 1, ports: [1] }],
  ])('refuses an option %s that cannot be meant so: %j', (option, options) => {
    expect(() => dnsDiscovery(options)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', option }))
  })
})

function resolverAt(server: string): Resolver {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  resolver.setServers([server])
  return resolver
}

function answering(addresses: readonly string[]): DnsResolver {
  const none = async (): Promise<never[]> => []
  return { resolve4: async () => addresses, resolve6: none, resolveSrv: none, cancel: () => {} }
}

async function injected(): Promise<DiscoveryHarness> {
  let hostsFound: readonly string[] = fifty.map(index => `10.0.0.${index}`)
  let state: 'well' | 'broken' | 'silent' = 'well'
  const resolver = (): DnsResolver => {
    const resolve4 = async (): Promise<readonly string[]> => {
      if (state === 'broken') throw new Error('SERVFAIL')
      // Also where nobody hears of it that it is cancelled.
      if (state === 'silent') return new Promise(() => {})
      return hostsFound
    }
    return { ...answering([]), resolve4 }
  }
  return {
    discovery: dnsDiscovery({ name: 'nodes', port: 7001, resolver }),
    addresses: hostsFound.map(host => `ws://${host}:7001`),
    publish: async addresses => {
      state = 'well'
      hostsFound = addresses.map(address => new URL(address).hostname)
    },
    breakDown: async () => {
      state = 'broken'
    },
    fallSilent: async () => {
      state = 'silent'
    },
  }
}

function addressesOf(type: 'A' | 'AAAA' | 'SRV'): readonly string[] {
  if (type === 'SRV') return hosts.map((host, index) => `ws://${host}:${7_001 + index}`)
  return fifty.map(index => (type === 'A' ? `ws://10.1.2.${index}:7001` : `ws://[fd00::${index.toString(16)}]:7001`))
}

function zoneOf(type: 'A' | 'AAAA' | 'SRV', addresses: readonly string[]): Zone {
  const urls = addresses.map(address => new URL(address))
  if (type === 'SRV')
    return { type, records: urls.map(({ hostname, port }) => ({ name: hostname, port: Number(port) })) }
  return { type, addresses: urls.map(({ hostname }) => hostname.replace(/^\[|\]$/g, '')) }
}

async function served(type: 'A' | 'AAAA' | 'SRV'): Promise<DiscoveryHarness> {
  const addresses = addressesOf(type)
  const server = new DnsServer(zoneOf(type, addresses))
  const at = await server.start()
  const name = type === 'SRV' ? '_maquis._tcp.nodes.default.svc.cluster.local' : 'nodes'
  return {
    discovery: dnsDiscovery({ name, type, ...(type !== 'SRV' && { port: 7001 }), resolver: () => resolverAt(at) }),
    addresses,
    publish: async published => {
      server.zone = zoneOf(type, published)
    },
    breakDown: async () => {
      server.zone = { type: 'refuse' }
    },
    fallSilent: async () => {
      server.zone = { type: 'silence' }
    },
    dispose: () => server.stop(),
  }
}
