import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PeerInput } from '../../src/link/peer-state.js'
import { heldMax, searchMillis } from '../../src/link/retention.js'
import { idleMillis } from '../../src/link/uses.js'
import { heldFor, type Peer, Peers, pulse } from '../support/retained-peers.js'

function connected(...names: string[]): Peers {
  const peers = new Peers()
  for (const name of names) peers.connect(name)
  return peers
}

describe('a connection that the overlay lets go of', () => {
  test('is closed when nothing went over it for a minute, and not before', () => {
    const peers = connected('a')
    peers.pass(10_000)
    peers.of('a').traffic++
    peers.pass(pulse)
    peers.letGo('a')
    expect(peers.takeDone()).toEqual([])
    expect(peers.pass(idleMillis - pulse)).toEqual([])
    expect(peers.pass(pulse)).toEqual([[10_500 + idleMillis, 'a: close']])
    expect(peers.of('a').state.phase).toBe('unknown')
  })

  test.each<[string, (peer: Peer) => void]>([
    ['messages go over it', peer => peer.traffic++],
    ['an answer is awaited', peer => Object.assign(peer, { load: 'passing' })],
  ])('stays while %s, and for a minute after', (_, use) => {
    const peers = connected('a')
    use(peers.of('a'))
    peers.letGo('a')
    for (let minute = 0; minute < 5; minute++) {
      use(peers.of('a'))
      expect(peers.pass(idleMillis - pulse)).toEqual([])
    }
    peers.load('a', 'nothing')
    expect(peers.pass(2 * idleMillis).map(([, line]) => line)).toEqual(['a: close'])
  })

  test.each<[string, (peers: Peers) => void]>([
    ['nothing went over it for a minute', peers => peers.pass(idleMillis + pulse)],
    [
      'the other end alone wanted it',
      peers => {
        peers.tell('a', { type: 'wanted', wanted: false })
        peers.of('a').traffic++
      },
    ],
  ])('is closed at once where %s', (_, prepare) => {
    const peers = connected('a')
    peers.of('a').traffic++
    prepare(peers)
    peers.letGo('a')
    expect(peers.takeDone()).toEqual(['a: close'])
  })

  test('stays where the overlay, or the user, wants it again', () => {
    const peers = connected('a', 'b')
    for (const name of ['a', 'b']) {
      peers.of(name).traffic++
      peers.letGo(name)
    }
    peers.want('a')
    peers.of('b').pinned = true
    peers.load('b', 'owed')
    expect(peers.pass(idleMillis)).toEqual([])
    expect(peers.held).toEqual([])
    peers.load('b', 'nothing')
    expect(peers.pass(2 * idleMillis)).toEqual([])
  })

  test("is the user's no longer, and is not held for being closed with it", () => {
    const peers = new Peers()
    peers.of('a').pinned = true
    peers.seek('a')
    peers.open('a', 1)
    peers.load('a', 'owed', true)
    peers.tell('a', { type: 'cut', cut: true })
    peers.letGo('a')
    expect([peers.of('a').pinned, peers.held, peers.retention.kept]).toEqual([false, [], []])
  })

  test('is not looked for through others when it is lost, unless what waits may go that way', () => {
    const peers = connected('a', 'b')
    for (const name of ['a', 'b']) {
      peers.load(name, 'passing', name === 'b')
      peers.letGo(name)
      peers.lose(name)
    }
    expect([peers.of('a').state.sought, peers.of('b').state.sought]).toEqual([false, true])
  })
})

describe('a peer that is away when the overlay lets go of it', () => {
  test('is held until all is settled, and then let go', () => {
    const peers = new Peers()
    peers.strand('a')
    expect(peers.pass(heldFor / 2)).toEqual([])
    expect(peers.of('a').state.phase).toBe('down')
    peers.load('a', 'nothing')
    peers.pass(pulse)
    expect([peers.of('a').state.phase, peers.held, peers.retention.kept]).toEqual(['unknown', [], []])
  })

  test('is let go at once where nothing outlasts the connection', () => {
    const peers = connected('a')
    peers.lose('a')
    peers.load('a', 'passing')
    peers.letGo('a')
    expect([peers.takeDone(), peers.retention.kept]).toEqual([['a: what waits ends, stranger'], []])
  })

  test('is held no longer than members that are down, from the loss', () => {
    const peers = connected('a')
    peers.load('a', 'owed')
    peers.lose('a')
    peers.pass(30_000)
    peers.letGo('a')
    expect(peers.pass(heldFor - 30_000 - pulse)).toEqual([])
    expect(peers.pass(pulse)).toEqual([
      [heldFor, 'a: heldTooLong'],
      [heldFor, 'a: what waits ends, stranger'],
    ])
    expect(peers.held).toEqual([])
  })

  test('has all of that time again after a cut, and after a connection', () => {
    const peers = new Peers()
    peers.strand('a')
    peers.pass(heldFor - pulse)
    peers.tell('a', { type: 'cut', cut: true })
    expect(peers.pass(2 * heldFor)).toEqual([])
    peers.heal('a')
    expect(peers.pass(heldFor - pulse)).toEqual([])
    peers.open('a')
    peers.lose('a')
    expect(peers.pass(heldFor - pulse)).toEqual([])
    expect(peers.pass(pulse).map(([, line]) => line)).toEqual(['a: heldTooLong', 'a: what waits ends, stranger'])
  })

  test('stays connected for a minute when it came back, was let go once more, and all is settled', () => {
    const peers = new Peers()
    peers.strand('a')
    peers.open('a')
    peers.letGo('a')
    peers.pass(10_000)
    expect(peers.held).toEqual(['a'])
    peers.load('a', 'nothing')
    expect(peers.pass(idleMillis)).toEqual([[10_000 + idleMillis, 'a: close']])
    expect(peers.held).toEqual([])
  })

  test('is not held for what was sent to it through others alone', () => {
    const peers = new Peers()
    peers.load('a', 'owed')
    peers.seek('a')
    peers.pass(pulse)
    expect([peers.held, peers.of('a').state.wanted]).toEqual([[], false])
  })

  test('is looked for through others where what waits may go that way, now or later', () => {
    const peers = connected('a', 'b')
    for (const name of ['a', 'b']) {
      peers.load(name, 'owed', name === 'a')
      peers.lose(name)
      peers.letGo(name)
    }
    expect(peers.takeDone()).toEqual(['a: look'])
    expect(peers.of('a').state).toMatchObject({ wanted: true, sought: true })
    peers.load('b', 'owed', true)
    expect(peers.pass(pulse)).toEqual([[pulse, 'b: look']])
  })

  test('is held, too, where the other end alone wanted it', () => {
    const peers = new Peers()
    peers.open('a')
    peers.load('a', 'owed')
    peers.lose('a')
    expect([peers.held, peers.takeDone()]).toEqual([['a'], []])
  })

  test.each<[string, (peers: Peers) => void]>([
    ['is away', () => {}],
    [
      'is back, and was let go once more',
      peers => {
        peers.open('a')
        peers.letGo('a')
      },
    ],
  ])('and %s, is neither held nor let go any more when the overlay wants it again', (_, prepare) => {
    const peers = new Peers()
    peers.strand('a')
    prepare(peers)
    peers.want('a')
    peers.load('a', 'nothing')
    expect(peers.pass(2 * heldFor)).toEqual([])
    expect([peers.of('a').state.wanted, peers.retention.kept]).toEqual([true, []])
  })

  test('is not let go because all is settled where the overlay wants it', () => {
    const peers = connected('a')
    peers.load('a', 'owed')
    peers.lose('a')
    peers.pass(pulse)
    peers.load('a', 'nothing')
    peers.pass(pulse)
    expect([peers.of('a').state.wanted, peers.retention.kept]).toEqual([true, []])
  })

  test('is not held when it has left', () => {
    const peers = new Peers()
    peers.strand('a')
    peers.leave('a')
    peers.pass(pulse)
    expect([peers.of('a').state.phase, peers.retention.kept]).toEqual(['left', []])
  })
})

test('another way is looked for to a stranger whose last connection is lost before what waits for it was sent', () => {
  const peers = new Peers()
  peers.open('accepted')
  peers.load('accepted', 'passing', true)
  peers.lose('accepted')
  expect(peers.takeDone()).toContain('accepted: look')
  expect(peers.of('accepted').state.sought).toBe(true)
  peers.open('other')
  peers.load('other', 'passing')
  peers.lose('other')
  expect(peers.takeDone()).toEqual(['other: what waits ends, stranger'])
})

describe('of many peers that are away', () => {
  /** As many as can be held. */
  function crowd(): Peers {
    const peers = new Peers()
    for (let count = 0; count < heldMax; count++) peers.strand(`n${count}`)
    expect([peers.held.length, peers.takeDone()]).toEqual([heldMax, []])
    return peers
  }

  test('one too many is let go, and what waits for it ends', () => {
    const peers = crowd()
    peers.strand('further')
    expect(peers.takeDone()).toEqual(['further: notHeld', 'further: what waits ends, stranger'])
    peers.open('accepted')
    peers.load('accepted', 'owed')
    peers.lose('accepted')
    expect(peers.takeDone()).toEqual(['accepted: notHeld', 'accepted: what waits ends, stranger'])
    expect(peers.pass(10_000)).toEqual([])
    expect(peers.held).toHaveLength(heldMax)
  })

  test('the overlay may let go of one again that is held already', () => {
    const peers = crowd()
    peers.letGo('n0')
    expect(peers.takeDone()).toEqual([])
    expect(peers.held).toHaveLength(heldMax)
  })

  test('one too many is let go also where another way to it is looked for', () => {
    const peers = crowd()
    peers.connect('further')
    peers.load('further', 'owed', true)
    peers.lose('further')
    peers.seek('further')
    peers.letGo('further')
    expect(peers.takeDone()).toEqual(['further: look', 'further: notHeld', 'further: what waits ends, stranger'])
    expect(peers.timers.size).toBe(0)
  })

  test('one that is up waits for a place, and what waits for it does not end', () => {
    const peers = crowd()
    peers.connect('further')
    peers.load('further', 'owed')
    peers.letGo('further')
    expect(peers.pass(idleMillis)).toEqual([])
    expect(peers.held).not.toContain('further')
    peers.load('n0', 'nothing')
    peers.pass(2 * pulse)
    expect(peers.held).toContain('further')
  })

  test.each<[string, (peers: Peers) => void]>([
    ['is settled', peers => peers.load('n0', 'nothing')],
    ['is wanted again', peers => peers.want('n0')],
    ['is forgotten', peers => peers.forget('n0')],
    ['is gone', peers => peers.remove('n0')],
  ])('one that %s leaves its place to another', (_, free) => {
    const peers = crowd()
    free(peers)
    peers.pass(pulse)
    peers.strand('further')
    expect(peers.held).toContain('further')
    expect(peers.held).toHaveLength(heldMax)
  })
})

describe('a search for a way through other nodes', () => {
  test('goes on when the overlay, which wanted a connection meanwhile, lets go of the peer', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.want('a')
    peers.letGo('a')
    expect(peers.takeDone()).toEqual(['a: look', 'a: release'])
    expect([peers.of('a').state.sought, peers.of('a').load]).toEqual([true, 'passing'])
    expect(peers.pass(searchMillis)).toEqual([[searchMillis, 'a: fail']])
  })

  test('ends after fifteen seconds', () => {
    const peers = new Peers()
    peers.seek('a')
    expect(peers.takeDone()).toEqual(['a: look'])
    expect(peers.pass(searchMillis - 1)).toEqual([])
    expect(peers.pass(1)).toEqual([[searchMillis, 'a: fail']])
    expect([peers.of('a').state.phase, peers.retention.kept, peers.timers.size]).toEqual(['unknown', [], 0])
  })

  test('is not longer because tries fail on the way, and over at once when there is no use in another', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.pass(3_000)
    peers.unreached('a', false)
    expect(peers.pass(searchMillis - 3_000)).toEqual([[searchMillis, 'a: fail']])
    peers.seek('b')
    peers.unreached('b', true)
    expect([peers.takeDone(), peers.timers.size]).toEqual([['b: look', 'b: fail'], 0])
  })

  test('is over when there is a connection, and another one begins when a try for a further one fails', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.open('a', 1)
    expect(peers.timers.size).toBe(0)
    peers.pass(10_000)
    peers.unreached('a', false)
    expect(peers.pass(searchMillis)).toEqual([[10_000 + searchMillis, 'a: fail']])
  })

  test('finds what is closed when nobody uses it for a minute, and not before', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.open('a', 1)
    peers.load('a', 'nothing')
    expect(peers.pass(idleMillis - pulse)).toEqual([])
    expect(peers.pass(pulse)).toEqual([[idleMillis, 'a: close']])
    expect(peers.retention.kept).toEqual([])
  })

  test('does not end what waits for a member that was never connected', () => {
    const peers = new Peers()
    peers.want('a')
    peers.seek('a')
    expect(peers.pass(searchMillis)).toEqual([])
    expect(peers.of('a').load).toBe('passing')
  })

  test('of a peer that is held ends for the impatient alone', () => {
    const peers = connected('a')
    peers.load('a', 'owed', true)
    peers.lose('a')
    peers.letGo('a')
    expect(peers.pass(searchMillis)).toEqual([[searchMillis, 'a: fail the impatient']])
    expect(peers.held).toEqual(['a'])
  })

  test.each<[string, PeerInput]>([
    ['is cut off', { type: 'cut', cut: true }],
    ['has left', { type: 'left' }],
  ])('is not begun for a peer that %s', (_, input) => {
    const peers = new Peers()
    peers.tell('a', input)
    peers.seek('a')
    expect([peers.takeDone(), peers.retention.kept]).toEqual([[], []])
  })

  test('goes on when a cut is healed', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.tell('a', { type: 'cut', cut: true })
    expect(peers.takeDone()).toEqual(['a: look'])
    peers.heal('a')
    expect(peers.takeDone()).toEqual(['a: look'])
  })

  test('is over when all is lost and nothing waits that may go that way: a later one has all of its time', () => {
    const peers = connected('a')
    peers.load('a', 'owed')
    peers.letGo('a')
    peers.open('a', 1)
    peers.unreached('a', false)
    peers.lose('a')
    expect([peers.of('a').state.sought, peers.timers.size]).toEqual([false, 0])
    peers.pass(4_000)
    peers.seek('a')
    expect(peers.pass(searchMillis)).toEqual([[4_000 + searchMillis, 'a: fail the impatient']])
  })

  test('is of no use where there is a direct connection', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.open('a', 1)
    peers.unreached('a', false)
    peers.open('a')
    expect(peers.pass(searchMillis)).toEqual([])
    peers.unreached('a', true)
    expect([peers.takeDone(), peers.timers.size]).toEqual([[], 0])
  })

  test('ends with a direct connection, over which nothing is closed', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.connect('a')
    peers.load('a', 'nothing')
    expect(peers.pass(2 * idleMillis)).toEqual([])
    expect(peers.retention.kept).toEqual([])
    expect(peers.of('a').state).toMatchObject({ phase: 'up', sought: false })
  })

  test('ends when the user disconnects, with what was found', () => {
    const peers = new Peers()
    peers.seek('a')
    peers.forget('a')
    expect(peers.timers.size).toBe(0)
    peers.seek('a')
    peers.open('a', 1)
    peers.forget('a')
    expect(peers.takeDone()).toContain('a: close')
  })
})

describe('over any history', () => {
  type Event = (peers: Peers, name: string) => unknown
  const events: Readonly<Record<string, Event>> = {
    strand: (peers, name) => peers.strand(name),
    connect: (peers, name) => peers.connect(name),
    want: (peers, name) => peers.want(name),
    'let go': (peers, name) => peers.letGo(name),
    pin: (peers, name) => peers.pin(name),
    seek: (peers, name) => peers.seek(name),
    open: (peers, name) => peers.open(name),
    'open through others': (peers, name) => peers.of(name).lanes.open > 0 || peers.open(name, 1),
    lose: (peers, name) => peers.lose(name),
    'fail for good': (peers, name) => peers.unreached(name, true),
    'fail for now': (peers, name) => peers.unreached(name, false),
    cut: (peers, name) => peers.tell(name, { type: 'cut', cut: true }),
    heal: (peers, name) => peers.heal(name),
    leave: (peers, name) => peers.leave(name),
    forget: (peers, name) => peers.forget(name),
    remove: (peers, name) => peers.remove(name),
    'say something': (peers, name) => void peers.of(name).traffic++,
    owe: (peers, name) => peers.load(name, 'owed', true),
    settle: (peers, name) => peers.load(name, 'nothing'),
    'be asked': (peers, name) => peers.released(name, 'asked'),
    'be refused': (peers, name) => peers.released(name, 'refused'),
    'lose one': (peers, name) => peers.loseOne(name),
    'begin a handover': (peers, name) => {
      const peer = peers.of(name)
      peer.moving = peer.lanes.relayed > 0
    },
    'say nothing': peers => void Object.assign(peers, { consents: false }),
    consent: peers => void Object.assign(peers, { consents: true }),
  }
  const event = fc.record({ name: fc.nat(99).map(String), what: fc.constantFrom(...Object.keys(events)) })
  const passing = fc.oneof(fc.nat(3 * pulse), fc.nat(searchMillis), fc.constantFrom(idleMillis, heldFor))
  const history = fc.array(fc.tuple(fc.array(event, { maxLength: 60, size: 'max' }), passing), { maxLength: 4 })

  /** What is left of what should be forgotten, and held though there is no place for it. */
  function strays(peers: Peers): readonly string[] {
    const kept = new Set(peers.retention.kept)
    // Of one that has left regular care finds out.
    const isSought = ({ state }: Peer): boolean => state.sought || state.phase === 'left'
    const timers = [...peers.timers.keys()].filter(name => !kept.has(name) || !isSought(peers.of(name)))
    const forgotten = peers.names.filter(name => {
      const { state, wanted } = peers.of(name)
      return !kept.has(name) && (state.wanted !== wanted || state.sought)
    })
    const holding = [...peers.holding].filter(name => !kept.has(name))
    return [...timers, ...forgotten, ...holding, ...peers.held.slice(heldMax)]
  }

  /** Those with lanes that are to be open, and that nobody dials. */
  function missing(peers: Peers): readonly string[] {
    return peers.names.filter(name => peers.missing(name) !== 0)
  }

  test('no more are held than may be, and of what is forgotten nothing is left', () => {
    fc.assert(
      fc.property(fc.nat(80), history, (stranded, rounds) => {
        const peers = new Peers()
        for (let count = 0; count < stranded; count++) peers.strand(String(count))
        for (const [round, millis] of rounds) {
          for (const { name, what } of round) {
            events[what]?.(peers, name)
            expect([what, name, strays(peers), missing(peers)]).toEqual([what, name, [], []])
          }
          peers.pass(millis)
          expect([strays(peers), missing(peers)]).toEqual([[], []])
        }
        // Nobody wants anything any more.
        peers.consents = true
        for (const name of peers.names) {
          Object.assign(peers.of(name), { pinned: false, load: 'nothing', moving: false })
          peers.letGo(name)
        }
        peers.pass(idleMillis + 2 * pulse)
        expect([peers.retention.kept, peers.timers.size, peers.held, peers.holding.size]).toEqual([[], 0, [], 0])
        for (const name of peers.names) peers.remove(name)
        expect(peers.retention.peers.size).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})
