import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { HistoryOptions } from '../../src/testing/checkers/checker.js'
import { historyCheckers, judgeHistory } from '../../src/testing/checkers/history-checkers.js'
import type { HistoryEvent } from '../../src/testing/histories/history-event.js'
import { plantedHistories } from '../support/planted-histories.js'
import { Tale } from '../support/tale.js'

const tale = (): Tale => new Tale()
const pair = (): Tale => tale().cluster(2)
const trio = (): Tale => tale().cluster(3)

/** Who complains of a history. */
function complainers(history: readonly HistoryEvent[], options?: HistoryOptions): readonly string[] {
  return historyCheckers.filter(({ check }) => check(history, options).length > 0).map(({ name }) => name)
}

const rows = plantedHistories.map(([checker, what, { events }, options]) => ({ checker, what, events, options }))

describe('the history checkers', () => {
  test.each(rows)('$checker, and no other, finds $what', ({ checker, events, options }) => {
    expect(complainers(events, options)).toEqual([checker])
  })

  test('are each tried with two bad histories at least', () => {
    const tried = historyCheckers.map(({ name }) => plantedHistories.filter(([checker]) => checker === name).length)
    expect(Math.min(...tried)).toBeGreaterThanOrEqual(2)
  })

  test('have names of their own, and a promise in one sentence', () => {
    const names = historyCheckers.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(historyCheckers.filter(({ promise }) => !/^[A-Z][^.]*\.$/.test(promise))).toEqual([])
  })

  test('stand in the documentation, each with its promise', () => {
    const page = readFileSync(new URL('../../docs/simulation.md', import.meta.url), 'utf8')
    const rows = historyCheckers.map(({ name, promise }) => `| ${promise.slice(0, -1)} | \`${name}\` |`)
    expect(page).toContain(rows.join('\n'))
  })

  test('say when, where and of whom', () => {
    for (const { events, checker, options } of rows) {
      const finding = historyCheckers.find(({ name }) => name === checker)
      for (const complaint of finding?.check(events, options) ?? []) expect(complaint).toMatch(/^at [\d.]+ ms.*'\w+'/)
    }
  })

  test('are run together, and complain by name', () => {
    const { events } = pair().sent('a', 'b', 1).got('b', 'a', 1).got('b', 'a', 1)
    expect(judgeHistory(events)).toEqual([
      "at-most-once: at 1100 ms: 'b' (life 1) was given 1 of 'k' on 'default' from 'a' (life 1) a second time",
    ])
    expect(judgeHistory([])).toEqual([])
  })

  test('do not read more into a history than was recorded', () => {
    const { events } = tale().start('a').start('b').sent('a', 'b', 1).got('b', 'a', 1).settled('a b')
    expect(judgeHistory(events)).toEqual([])
  })
})

type Good = readonly [what: string, history: Tale, options?: HistoryOptions]

const cutApart = (): Tale =>
  pair().after(10_000).down('a', 'b', 'cut').same().cut('a', 'b').down('b', 'a', 'cut').same().cut('b', 'a')
const lost = (): Tale => pair().after(10_000).fault('lost', 'a b', 0)
const stopped = (): Tale => trio().stop('c').down('a', 'c', 'lost').down('b', 'c', 'lost')

const good: readonly Good[] = [
  [
    'messages that are lost',
    [1, 2, 3, 4]
      .reduce((all, id) => all.sent('a', 'b', id), pair())
      .got('b', 'a', 2)
      .got('b', 'a', 4),
  ],
  [
    'keys, channels and senders that overtake each other',
    trio()
      .sent('a', 'b', 1)
      .sent('a', 'b', 1, { key: 'l' })
      .sent('a', 'b', 1, { channel: 'other' })
      .sent('c', 'b', 1)
      .got('b', 'c', 1)
      .got('b', 'a', 1, { channel: 'other' })
      .got('b', 'a', 1, { key: 'l' })
      .got('b', 'a', 1),
  ],
  ['a message to the node itself', pair().sent('a', 'a', 1).got('a', 'a', 1)],
  ['a message that a stopped node tried to send', pair().stop('a').sent('a', 'b', 1)],
  [
    'a message that waited for the next life of its receiver',
    pair()
      .sent('a', 'b', 1)
      .sent('a', 'b', 2)
      .got('b', 'a', 2)
      .stop('b')
      .down('a', 'b')
      .start('b')
      .up('b', 'a')
      .got('b', 'a', 1),
  ],
  [
    'a message of an ended life that arrives before the next is met',
    pair().sent('a', 'b', 1).crash('a').start('a').got('b', 'a', 1, { fromLife: 1 }).down('b', 'a', 'restarted'),
  ],
  [
    'a node that leaves and comes back in another life',
    trio().leave('b').view('b', 'b').view('a', 'a c').start('b').view('a', 'a b c'),
  ],
  ['a life in which nobody was ever met', trio().stop('b').start('b').stop('b').start('b').view('a', 'a b c')],
  ['an earlier life that is listed for want of news', trio().stop('b').start('b').view('a', 'a b/1 c')],
  [
    'a wall clock that was set back',
    tale().start('a', 7).crash('a').start('a', 5).view('a', 'a').start('a', 8).view('a', 'a'),
  ],
  [
    'a member that left so long ago that nobody knows',
    trio().leave('b').view('b', 'b').view('a', 'a c').after(3_600_000).view('a', 'a b c'),
    { tombstoneAge: 1_800_000 },
  ],
  [
    'a generated name that was down for long',
    trio().stop('b').down('a', 'b').down('c', 'b').after(4_000_000).view('a', 'a c').view('c', 'a c').settled('a c'),
    { generated: name => name === 'b' },
  ],
  [
    'a peer that is removed because its generated name was down',
    trio().after(4_000_000).down('a', 'b', 'left').view('a', 'a c'),
    { generated: name => name === 'b' },
  ],
  [
    'views of a partial overlay',
    trio().view('a', 'a b').view('a', 'a c').view('a', 'a b').settled('a b c'),
    { knows: () => false },
  ],
  ['whom a client has no need to know', clients(), { knows: (one, other) => one === 's' || other === 's' }],
  ['a node that was removed', trio().leave('a', 'b').view('a', 'a c').view('b', 'b').removed('b').view('c', 'a c')],

  ['a peer that is lost soon after a fault', lost().after(5_900).down('a', 'b', 'lost')],
  ['a peer that is lost during a partition', pair().fault('partition', 'a b').after(60_000).down('a', 'b', 'lost')],
  [
    'a peer that is lost soon after a partition is over',
    pair().fault('partition', 'a b').after(60_000).fault('partition: over', 'a b').after(5_900).down('a', 'b', 'lost'),
  ],
  [
    'a peer that is lost while one of two faults lasts',
    lost().fault('slow', 'a').fault('slow', 'a').fault('slow: over', 'a').after(20_000).down('a', 'b', 'lost'),
  ],
  ['a peer that is lost because the node stops', pair().after(10_000).down('a', 'b', 'lost').same().stop('a')],
  [
    'a peer that is lost late, where that is allowed',
    lost().after(9_000).down('a', 'b', 'lost'),
    { noticeWithin: 10_000 },
  ],
  ['a crash that is noticed in time', pair().crash('b').after(5_900).down('a', 'b', 'lost')],
  ['a crash before the end of the history', pair().crash('b').after(5_900).view('a', 'a b')],
  [
    'a crash that a paused node notices later',
    pair().fault('pause', 'a').crash('b').after(20_000).fault('pause: over', 'a').after(5_900).down('a', 'b'),
  ],
  ['a crash behind a partition that lasts', pair().fault('partition', 'a b').crash('b').after(60_000).view('a', 'a b')],
  ['a crash that nobody lives to notice', pair().crash('b').crash('a').start('a').after(10_000).view('a', 'a')],
  [
    'a restart',
    tale()
      .start('a')
      .start('b')
      .up('a', 'b', 1)
      .crash('b')
      .start('b')
      .down('a', 'b', 'restarted', 1)
      .same()
      .up('a', 'b', 2),
  ],
  ['a cut whose down is told after it', pair().cut('a', 'b').same().down('a', 'b', 'cut')],
  [
    'a heal whose up is told before it',
    cutApart().up('a', 'b').same().healed('a', 'b').up('b', 'a').same().healed('b', 'a').settled('a b'),
  ],
  [
    'a pair that two partitions cut off, one after the other healed',
    cutApart()
      .cut('a', 'b', 'q')
      .cut('b', 'a', 'q')
      .healed('a', 'b')
      .healed('b', 'a')
      .healed('a', 'b', 'q')
      .same()
      .up('a', 'b'),
  ],
  ['cuts that end with a life', cutApart().crash('a').start('a').up('a', 'b').healed('b', 'a').same().up('b', 'a')],
  [
    'a cut that was healed before the peer knew',
    pair().after(10_000).down('a', 'b', 'cut').same().cut('a', 'b').healed('a', 'b').after(9_000).view('a', 'a b'),
  ],
  [
    'a cut of a peer that crashes',
    pair().after(10_000).down('a', 'b', 'cut').same().cut('a', 'b').crash('b').after(9_000).view('a', 'a b'),
  ],
  [
    'a cut of a peer that was not connected',
    tale().start('a').start('b').after(10_000).cut('a', 'b').after(9_000).view('a', 'a'),
  ],
  [
    'a cut that the peer hears of when the two are connected again',
    pair()
      .fault('partition', 'a b')
      .down('a', 'b', 'cut')
      .same()
      .cut('a', 'b')
      .after(60_000)
      .fault('partition: over', 'a b')
      .down('b', 'a', 'lost')
      .up('b', 'a')
      .down('b', 'a', 'cut')
      .same()
      .cut('b', 'a')
      .after(9_000)
      .view('a', 'a b'),
  ],
  [
    'a node that left, with which others connect until they hear of it',
    trio()
      .leave('b')
      .view('b', 'b')
      .down('b', 'c', 'left')
      .after(9_000)
      .up('b', 'c')
      .after(9_000)
      .down('b', 'c', 'lost'),
  ],
  ['a peer that is listed before it was met', tale().start('a').view('a', 'a b/0').start('b').view('a', 'a b')],
  ['a cluster that is whole', trio().settled('a b c')],
  ['a cluster in which a member is down', stopped().settled('a b')],
  [
    'a cluster whose member is alone because it left',
    trio().leave('c').view('c', 'c').down('a', 'c', 'left').view('a', 'a b').view('b', 'a b').settled('a b c'),
  ],
  ['a cluster with a superseded namesake', stopped().start('c').view('c', 'c').superseded('c').settled('a b c')],
]

function clients(): Tale {
  const all = tale().start('s').start('x').start('y').view('s', 's x y').view('x', 's x').view('y', 's y')
  return all.up('s', 'x').up('s', 'y').up('x', 's').up('y', 's').settled('s x y')
}

describe('the history checkers find nothing wrong', () => {
  test.each(good.map(([what, { events }, options]) => ({ what, events, options })))(
    'with $what',
    ({ events, options }) => {
      expect(judgeHistory(events, options)).toEqual([])
    },
  )
})
