import { describe, expect, test } from 'vitest'
import { staticList } from '../../src/index.js'
import { discoverySuite } from '../../src/testing/testing.js'

const addresses = Array.from({ length: 50 }, (_, index) => `ws://10.0.0.${index + 1}:7001`)

discoverySuite('a static list', async () => ({ discovery: staticList(addresses), addresses }), { describe, test })

describe('a static list', () => {
  test('is what it was when it was made', async () => {
    const given = ['ws://a:1']
    const discovery = staticList(given)
    given.push('ws://b:1')
    expect(await discovery.lookup(new AbortController().signal)).toEqual(['ws://a:1'])
  })

  test.each<[unknown]>([[undefined], ['ws://a:1'], [[1]], [['x']], [['a:1']], [['']]])('refuses %j', given => {
    expect(() => staticList(given as string[])).toThrow('addresses')
  })
})
