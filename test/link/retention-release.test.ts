import { describe, expect, test } from 'vitest'
import { releaseMillis } from '../../src/link/retention.js'
import { idleMillis } from '../../src/link/uses.js'
import { type Peer, Peers, pulse } from '../support/retained-peers.js'

describe('a connection over which nothing went for a minute', () => {
  /** The peer was just asked whether it may be closed, and has not answered. */
  function asking(): Peers {
    const peers = new Peers()
    peers.consents = false
    peers.seek('a')
    peers.open('a', 1)
    peers.load('a', 'nothing')
    expect(peers.pass(idleMillis)).toEqual([[idleMillis, 'a: ask']])
    return peers
  }

  test('is closed by the peer, and what came meanwhile looks for another way', () => {
    const peers = asking()
    peers.load('a', 'passing', true)
    expect(peers.pass(releaseMillis - pulse)).toEqual([])
    expect([...peers.holding]).toEqual(['a'])
    // Of its other connections.
    peers.loseOne('a')
    peers.seek('a')
    expect(peers.takeDone()).toEqual([])
    peers.lose('a')
    expect([peers.takeDone()[0], peers.holding.size, peers.of('a').state.phase]).toEqual(['a: look', 0, 'down'])
  })

  test('stays where the peer needs it, which is not asked again for a minute', () => {
    const peers = asking()
    peers.load('a', 'passing', true)
    peers.released('a', 'refused')
    expect(peers.holding.size).toBe(0)
    peers.load('a', 'nothing')
    expect(peers.pass(idleMillis - pulse)).toEqual([])
    expect(peers.pass(pulse)).toEqual([[2 * idleMillis, 'a: ask']])
  })

  test.each<['nothing' | 'passing', string[]]>([
    ['nothing', ['a: close']],
    ['passing', ['a: reopen']],
  ])('waits 5 s for an answer: where then waits %s', (load, done) => {
    const peers = asking()
    expect(peers.pass(releaseMillis - pulse)).toEqual([])
    peers.load('a', load, true)
    expect(peers.pass(pulse).map(([, line]) => line)).toEqual(done)
    expect(peers.holding.size).toBe(0)
  })

  test.each<[string, Peer['load'], string[]]>([
    ['closes it', 'nothing', ['a: close']],
    ['refuses while it waits for an answer', 'passing', ['a: refuse']],
  ])('a peer that is asked %s', (_, load, done) => {
    for (const prepare of [(peers: Peers) => peers.seek('a'), () => {}]) {
      const peers = new Peers()
      prepare(peers)
      peers.open('a', 1)
      peers.load('a', load)
      peers.takeDone()
      peers.released('a', 'asked')
      expect(peers.takeDone()).toEqual(done)
      if (load === 'nothing') expect(peers.of('a').state.phase).toBe('unknown')
    }
  })

  test.each<[string, (peers: Peers) => void]>([
    ['the overlay wants it', peers => peers.want('a')],
    ['the user wants it', peers => peers.pin('a')],
    ['a direct connection takes the place of a relayed one', peers => Object.assign(peers.of('a'), { moving: true })],
  ])('stays where %s at the end that is asked', (_, prepare) => {
    const peers = new Peers()
    peers.open('a', 1)
    prepare(peers)
    peers.takeDone()
    peers.released('a', 'asked')
    expect(peers.takeDone()).toEqual(['a: refuse'])
  })

  test('is not asked for while a direct one takes its place', () => {
    const peers = new Peers()
    peers.consents = false
    peers.seek('a')
    peers.open('a', 1)
    peers.load('a', 'nothing')
    peers.of('a').moving = true
    expect(peers.pass(2 * idleMillis)).toEqual([])
  })

  test.each<[string, (peers: Peers) => void]>([
    ['the peer refuses', peers => peers.released('a', 'refused')],
    [
      'the peer does not answer',
      peers => {
        peers.load('a', 'passing')
        peers.pass(releaseMillis)
      },
    ],
  ])('is whole again when %s, though lanes were lost meanwhile', (_, answer) => {
    const peers = asking()
    peers.loseOne('a')
    expect(peers.pass(pulse)).toEqual([])
    expect(peers.of('a').lanes.open).toBe(2)
    answer(peers)
    peers.pass(pulse)
    expect(peers.of('a').lanes.open).toBe(3)
  })

  test.each<[string, (peers: Peers) => void, string[]]>([
    ['the overlay wants it meanwhile', peers => peers.want('a'), ['a: reopen']],
    ['the user wants it meanwhile', peers => peers.pin('a'), ['a: reopen']],
    ['nobody wants it', () => {}, []],
    ['what came meanwhile takes no other way', peers => peers.load('a', 'owed'), ['a: reopen']],
  ])('is closed by the peer, and dialled, or not, where %s', (_, prepare, done) => {
    const peers = asking()
    prepare(peers)
    peers.takeDone()
    peers.lose('a')
    expect(peers.takeDone()).toEqual(done)
    expect(peers.holding.size).toBe(0)
  })

  test('stays, used, when what kept its peer wanted is settled', () => {
    const peers = new Peers()
    peers.strand('a')
    peers.open('a')
    peers.load('a', 'nothing')
    for (let minute = 0; minute < 3; minute++) {
      peers.of('a').traffic++
      expect(peers.pass(idleMillis - pulse)).toEqual([])
    }
    expect(peers.held).toEqual([])
    expect(peers.pass(2 * pulse).map(([, line]) => line)).toEqual(['a: close'])
  })

  test('is not asked for where others stay', () => {
    const peers = new Peers()
    peers.consents = false
    peers.seek('a')
    peers.of('a').pinned = true
    peers.open('a')
    peers.load('a', 'nothing')
    expect(peers.pass(2 * idleMillis)).toEqual([])
    expect(peers.of('a').state).toMatchObject({ sought: false, phase: 'up' })
  })
})
