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

  test.each([
    ['ws://10.0.0.1', 'lacks a port'],
    ['ws://10.0.0.1/path', 'lacks a port'],
    ['ws://[::1]', 'lacks a port'],
    ['ws://a:0', 'lacks a port'],
    ['http://a:7001', `'ws' is meant`],
    ['https://a:7001', `'wss' is meant`],
    ['a:7001', 'is none'],
    ['ws://a:port', 'is none'],
  ])('says what is wrong with %s', (address, what) => {
    const error = expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(what) })
    expect(() => staticList(['ws://b:1', address])).toThrow(error)
  })

  test.each(['ws://a:7001', 'wss://a:443', 'ws://[::1]:7001', 'ws://a:7001/path', 'memory://a:1'])(
    'takes %s',
    given => {
      expect(() => staticList([given])).not.toThrow()
    },
  )
})
