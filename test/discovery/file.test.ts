import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fileDiscovery } from '../../src/index.js'
import { type DiscoveryHarness, discoverySuite } from '../../src/testing/testing.js'

const runner = { describe, test }
const addresses = Array.from({ length: 50 }, (_, index) => `ws://10.0.0.${index + 1}:7001`)
const { signal } = new AbortController()

discoverySuite('a file of lines', () => harness(all => `# nodes\n\n${all.map(each => `${each}\n`).join('')}`), runner)
discoverySuite('a file of JSON', () => harness(all => JSON.stringify(all, undefined, 2)), runner)

describe('a discovery by a file', () => {
  test('takes a last line without its line break only when it is found so again', async () => {
    await inFile(async (path, write) => {
      const discovery = fileDiscovery(path)
      await write('ws://a:7001\r\nws://b:70')
      expect(await discovery.lookup(signal)).toEqual(['ws://a:7001'])
      await write('ws://a:7001\r\nws://b:7001')
      expect(await discovery.lookup(signal)).toEqual(['ws://a:7001'])
      expect(await discovery.lookup(signal)).toEqual(['ws://a:7001', 'ws://b:7001'])
    })
  })

  test('takes a byte order mark for nothing, before lines as before JSON', async () => {
    await inFile(async (path, write) => {
      await write('\ufeff["ws://a:7001"]')
      expect(await fileDiscovery(path).lookup(signal)).toEqual(['ws://a:7001'])
      await write('\ufeffws://b:7001\n')
      expect(await fileDiscovery(path).lookup(signal)).toEqual(['ws://b:7001'])
    })
  })

  test('leaves out remarks, also behind an address, and no part of a URL', async () => {
    await inFile(async (path, write) => {
      await write('# nodes\n  # all\nws://a:7001  # remark\r\nws://b:7001\t#remark # more\nws://c:7001/#part\n')
      const found = await fileDiscovery(path).lookup(signal)
      expect(found).toEqual(['ws://a:7001', 'ws://b:7001', 'ws://c:7001/#part'])
    })
  })

  test.each(['["ws://a:7001", "ws://b', '[1, 2]', '[["ws://a:7001"]]', '[,]'])('refuses as a whole: %s', async text => {
    await inFile(async (path, write) => {
      await write(text)
      await expect(fileDiscovery(path).lookup(signal)).rejects.toMatchObject({ code: 'ERR_DISCOVERY' })
    })
  })

  test.each([
    ['["ws://a:1", "ws://b', 'rename it'],
    ['[1]', '["ws://127.0.0.1:7001"]'],
    ['#'.repeat(1_048_577), 'leave some addresses out'],
  ])('says what to do about a file that it refuses', async (text, fix) => {
    await inFile(async (path, write) => {
      await write(text)
      await expect(fileDiscovery(path).lookup(signal)).rejects.toThrow(fix)
    })
  })

  test('reads neither what is no plain file nor what is too large', async () => {
    await expect(fileDiscovery(tmpdir()).lookup(signal)).rejects.toThrow('no plain file')
    await inFile(async (path, write) => {
      await write('#'.repeat(1_048_577))
      await expect(fileDiscovery(path).lookup(signal)).rejects.toThrow('1048577 bytes')
    })
    expect(() => fileDiscovery('')).toThrow('path')
  })
})

async function harness(format: (addresses: readonly string[]) => string): Promise<DiscoveryHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'maquis-'))
  const path = join(folder, 'nodes')
  await writeFile(path, format(addresses))
  return {
    discovery: fileDiscovery(path),
    addresses,
    publish: published => writeFile(path, format(published)),
    breakDown: () => rm(path),
    dispose: () => rm(folder, { recursive: true }),
  }
}

async function inFile(run: (path: string, write: (text: string) => Promise<void>) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'maquis-'))
  const path = join(folder, 'nodes')
  await run(path, text => writeFile(path, text))
  await rm(folder, { recursive: true })
}
