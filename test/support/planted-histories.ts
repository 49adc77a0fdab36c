import type { HistoryOptions } from '../../src/testing/checkers/checker.js'
import { Tale } from './tale.js'

/** A history that breaks one promise, and which checker has to find it. */
export type PlantedHistory = readonly [checker: string, what: string, history: Tale, options?: HistoryOptions]

const tale = (): Tale => new Tale()
const pair = (): Tale => tale().cluster(2)
const trio = (): Tale => tale().cluster(3)

/** Two nodes that a partition, `p`, cuts off from each other. */
function cutApart(): Tale {
  return pair().after(10_000).down('a', 'b', 'cut').same().cut('a', 'b').down('b', 'a', 'cut').same().cut('b', 'a')
}

/** The same, with a second partition, `q`. */
function cutTwice(): Tale {
  return cutApart().cut('a', 'b', 'q').cut('b', 'a', 'q')
}

/** A third node that knows the others, and is up with them. */
function newcomer(): Tale {
  return pair().start('c').view('c', 'c').view('c', 'a b c').up('a', 'c').up('b', 'c').up('c', 'a').up('c', 'b')
}

/** At least two for each promise. */
export const plantedHistories: readonly PlantedHistory[] = [
  ['new-lives', 'a life that is started twice', tale().start('a').crash('a').start('a', 1)],
  ['new-lives', 'an earlier life that is started again', tale().start('a').start('a').stop('a').start('a', 1)],

  ['only-the-living', 'a delivery after a crash', pair().sent('a', 'b', 1).crash('b').got('b', 'a', 1)],
  ['only-the-living', 'a delivery after a stop', pair().sent('a', 'b', 1).stop('b').got('b', 'a', 1)],
  [
    'only-the-living',
    'a delivery in an earlier life',
    pair().sent('a', 'b', 1).start('b').got('b', 'a', 1, { life: 1 }),
  ],
  ['only-the-living', 'a delivery in a life to come', pair().sent('a', 'b', 1).got('b', 'a', 1, { life: 2 })],
  ['only-the-living', 'a message of a dead sender', pair().crash('a').sent('a', 'b', 1).got('b', 'a', 1)],
  [
    'only-the-living',
    'a message of a life to come',
    pair().sent('a', 'b', 1, { life: 2 }).got('b', 'a', 1, { fromLife: 2 }),
  ],
  ['only-the-living', 'a peer up at a dead node', pair().down('a', 'b').crash('a').up('a', 'b')],
  ['only-the-living', 'a view of a dead node', pair().crash('a').view('a', 'a b')],

  ['sent-first', 'a message from nowhere', pair().got('b', 'a', 1)],
  ['sent-first', 'a message before it was sent', pair().got('b', 'a', 1).sent('a', 'b', 1)],
  ['sent-first', 'a message for another node', trio().sent('a', 'b', 1).got('c', 'a', 1)],
  ['sent-first', 'a message on another channel', pair().sent('a', 'b', 1).got('b', 'a', 1, { channel: 'other' })],
  ['sent-first', 'a message under another key', pair().sent('a', 'b', 1).got('b', 'a', 1, { key: 'other' })],
  ['sent-first', 'a message of another sender', trio().sent('a', 'b', 1).got('b', 'c', 1)],
  ['sent-first', "a message of the sender's next life", pair().sent('a', 'b', 1).got('b', 'a', 1, { fromLife: 2 })],

  ['at-most-once', 'a message that comes twice', pair().sent('a', 'b', 1).got('b', 'a', 1).got('b', 'a', 1)],
  [
    'at-most-once',
    'a message that comes again later',
    pair().sent('a', 'b', 1).sent('a', 'b', 2).got('b', 'a', 1).got('b', 'a', 2).got('b', 'a', 1),
  ],
  [
    'at-most-once',
    "a message that comes again in the receiver's next life",
    pair().sent('a', 'b', 1).got('b', 'a', 1).stop('b').down('a', 'b').start('b').up('b', 'a').got('b', 'a', 1),
  ],

  [
    'in-order',
    'two messages that change places',
    pair().sent('a', 'b', 1).sent('a', 'b', 2).got('b', 'a', 2).got('b', 'a', 1),
  ],
  [
    'in-order',
    'a straggler after a gap',
    pair().sent('a', 'b', 1).sent('a', 'b', 2).sent('a', 'b', 3).got('b', 'a', 1).got('b', 'a', 3).got('b', 'a', 2),
  ],
  [
    'in-order',
    'another order across a reconnection',
    pair()
      .sent('a', 'b', 1)
      .sent('a', 'b', 2)
      .got('b', 'a', 2)
      .fault('lost', 'a b', 0)
      .down('b', 'a')
      .up('b', 'a')
      .got('b', 'a', 1),
  ],

  [
    'monotonic',
    'an older value after a newer one',
    pair()
      .sent('a', 'b', 1, { monotonic: true })
      .sent('a', 'b', 2, { monotonic: true })
      .got('b', 'a', 2, { monotonic: true })
      .got('b', 'a', 1, { monotonic: true }),
  ],
  [
    'monotonic',
    'values that fall',
    [1, 2, 3]
      .reduce((all, id) => all.sent('a', 'b', id, { monotonic: true, channel: 'm' }), pair())
      .got('b', 'a', 3, { monotonic: true, channel: 'm' })
      .got('b', 'a', 2, { monotonic: true, channel: 'm' })
      .got('b', 'a', 1, { monotonic: true, channel: 'm' }),
  ],

  ['taken-is-delivered', 'a message that was lost', pair().sent('a', 'b', 1).told('a', 'b', 1, 'taken')],
  [
    'taken-is-delivered',
    'a message that comes too late',
    pair().sent('a', 'b', 1).told('a', 'b', 1, 'taken').got('b', 'a', 1),
  ],
  [
    'taken-is-delivered',
    'a message that came on another channel',
    pair()
      .sent('a', 'b', 1)
      .sent('a', 'b', 1, { channel: 'x' })
      .got('b', 'a', 1, { channel: 'x' })
      .told('a', 'b', 1, 'taken'),
  ],
  [
    'causal-order',
    'a message after one that depends on it over a third node',
    trio()
      .sent('a', 'c', 1, { label: 'chat' })
      .sent('a', 'b', 1, { label: 'chat' })
      .got('b', 'a', 1, { label: 'chat' })
      .sent('b', 'c', 1, { label: 'chat' })
      .got('c', 'b', 1, { label: 'chat' })
      .got('c', 'a', 1, { label: 'chat' }),
  ],
  [
    'causal-order',
    'a message after one of its own sender, on another channel',
    pair()
      .sent('a', 'b', 1, { label: 'chat' })
      .sent('a', 'b', 1, { label: 'chat', channel: 'x' })
      .got('b', 'a', 1, { label: 'chat', channel: 'x' })
      .got('b', 'a', 1, { label: 'chat' }),
  ],
  [
    'refused-is-not',
    'a message that came before it was refused',
    pair().sent('a', 'b', 1).got('b', 'a', 1).told('a', 'b', 1, 'not-taken'),
  ],
  [
    'refused-is-not',
    'a message that comes after it was refused',
    pair().sent('a', 'b', 1).told('a', 'b', 1, 'not-taken').got('b', 'a', 1),
  ],
  [
    'lives-unmixed',
    'an earlier life after the later one, on the same stream',
    pair()
      .sent('a', 'b', 1)
      .stop('a')
      .start('a')
      .down('b', 'a', 'restarted')
      .up('b', 'a')
      .sent('a', 'b', 1)
      .got('b', 'a', 1)
      .got('b', 'a', 1, { fromLife: 1 }),
  ],
  [
    'lives-unmixed',
    'an earlier life after the later one, on another channel',
    pair()
      .sent('a', 'b', 1, { channel: 'one' })
      .crash('a')
      .start('a')
      .down('b', 'a', 'lost')
      .up('b', 'a')
      .sent('a', 'b', 1, { channel: 'other' })
      .got('b', 'a', 1, { channel: 'other' })
      .got('b', 'a', 1, { channel: 'one', fromLife: 1 }),
  ],

  ['views-well-formed', 'a name that is listed twice', pair().view('a', 'a b b')],
  ['views-well-formed', 'names out of order', trio().view('a', 'a c b')],
  ['views-well-formed', 'a view without the node itself', pair().view('a', 'b')],
  ['views-well-formed', 'a node that is listed by itself in another life', pair().view('a', 'a/2 b')],

  ['listed-have-started', 'a life that is to come', pair().view('a', 'a b/2')],
  ['listed-have-started', 'a node that was never there', pair().view('a', 'a b x')],

  [
    'listed-lives-rise',
    'a life that goes back',
    pair().stop('b').down('a', 'b').start('b').view('a', 'a b').view('a', 'a b/1'),
  ],
  [
    'listed-lives-rise',
    'a life that goes back after it was gone',
    pair().start('b').view('a', 'a b').leave('b').view('a', 'a').down('a', 'b', 'left').view('a', 'a b/1'),
  ],

  [
    'who-left-stays-away',
    'a node that left and is back',
    trio().leave('b').view('b', 'b').view('a', 'a c').view('a', 'a b c'),
  ],
  [
    'who-left-stays-away',
    'a node that was removed and is back, an hour later',
    trio().leave('c', 'b').view('a', 'a c').after(3_600_000).view('a', 'a b c'),
  ],
  [
    'who-left-stays-away',
    'a life between the one that was listed and the one that left',
    trio().start('b').start('b').leave('b', 'b', 3).view('b', 'b').view('a', 'a c').view('a', 'a b/2 c'),
  ],

  ['leaving-ends-membership', 'a node that crashed', trio().crash('b').down('a', 'b').down('c', 'b').view('a', 'a c')],
  [
    'leaving-ends-membership',
    'a node that is cut off',
    trio().fault('partition', 'a b').down('a', 'b').view('a', 'a c'),
  ],
  ['leaving-ends-membership', 'everybody, for no reason', trio().view('a', 'a')],
  [
    'leaving-ends-membership',
    'the next life of a node that left',
    trio().leave('b').view('b', 'b').view('a', 'a c').start('b').view('a', 'a b c').view('a', 'a c'),
  ],
  [
    'leaving-ends-membership',
    'a generated name, too early',
    trio().after(3_000_000).view('a', 'a c'),
    { generated: name => name === 'b' },
  ],

  ['who-left-is-alone', 'a node that left and still lists another', trio().leave('b').view('b', 'b c')],
  [
    'who-left-is-alone',
    'a node that was removed and lists the others',
    trio().leave('a', 'b').removed('b').view('b', 'a b c'),
  ],

  ['up-then-down', 'two ups', pair().up('a', 'b')],
  ['up-then-down', 'two downs', pair().fault('lost', 'a b', 0).down('a', 'b').down('a', 'b')],
  ['up-then-down', 'a down at first', tale().start('a').start('b').down('a', 'b', 'lost')],
  [
    'up-then-down',
    'the next life up before the last is down',
    tale()
      .start('a')
      .start('b')
      .up('a', 'b', 1)
      .start('b')
      .up('a', 'b', 2)
      .down('a', 'b', 'restarted', 2)
      .up('a', 'b', 2),
  ],
  [
    'up-then-down',
    'the down of another life',
    tale().start('a').start('b').up('a', 'b', 1).start('b').down('a', 'b', 'restarted', 2),
  ],
  [
    'up-then-down',
    'an earlier life that comes up',
    tale().start('a').start('b').start('b').up('a', 'b', 2).down('a', 'b', 'lost', 2).up('a', 'b', 1),
  ],

  ['no-false-down', 'a peer that is lost out of the blue', pair().after(10_000).down('a', 'b', 'lost')],
  [
    'no-false-down',
    'a peer that is lost long after a fault',
    pair().after(10_000).fault('lost', 'a b', 0).after(6_100).down('a', 'b', 'lost'),
  ],
  [
    'no-false-down',
    'a peer that is lost after its clock was set, and dials of it were refused',
    pair().after(10_000).fault('wall-clock jump', 'b', 0).fault('refused dials', 'a b', 0).down('a', 'b', 'lost'),
  ],
  [
    'no-false-down',
    'a peer that is lost while others are parted',
    trio().after(10_000).fault('partition', 'b c').fault('partition', 'a c').down('a', 'b', 'lost'),
  ],
  [
    'no-false-down',
    'a peer that is lost long after a partition is over',
    pair()
      .after(10_000)
      .fault('partition', 'a b')
      .after(60_000)
      .fault('partition: over', 'a b')
      .after(7_000)
      .down('a', 'b', 'lost'),
  ],
  [
    'no-false-down',
    'a peer that is lost long after all is settled',
    pair().fault('partition', 'a b').after(1_000).settled('a b').after(7_000).down('a', 'b', 'lost'),
  ],

  ['true-reasons', 'a cut that was none', pair().down('a', 'b', 'cut')],
  [
    'true-reasons',
    'a cut at another time',
    pair()
      .down('a', 'b', 'cut')
      .same()
      .cut('a', 'b')
      .healed('a', 'b')
      .same()
      .up('a', 'b')
      .after(50)
      .down('a', 'b', 'cut'),
  ],
  ['true-reasons', 'a leave that nobody called', pair().down('a', 'b', 'left')],
  ['true-reasons', 'a leave that somebody else called', trio().leave('c').view('c', 'c').down('a', 'b', 'left')],
  ['true-reasons', 'a restart that was none', pair().down('a', 'b', 'restarted')],
  ['true-reasons', 'a restart of another', trio().stop('c').start('c').down('a', 'b', 'restarted')],

  ['ends-noticed', 'a crash that is not noticed', pair().crash('b').after(6_100).view('a', 'a b')],
  ['ends-noticed', 'a stop that is noticed late', pair().stop('b').after(6_100).down('a', 'b')],
  [
    'ends-noticed',
    'a restart that is noticed late',
    pair().crash('b').start('b').after(6_100).down('a', 'b', 'restarted'),
  ],
  [
    'ends-noticed',
    'last words that make a dead peer up for good',
    pair().fault('lost', 'a b', 0).down('a', 'b').crash('b').up('a', 'b').after(6_100).view('a', 'a b'),
  ],
  [
    'ends-noticed',
    'a crash that is not noticed long after a fault',
    pair().fault('pause', 'a').crash('b').after(20_000).fault('pause: over', 'a').after(6_100).view('a', 'a b'),
  ],
  [
    'ends-noticed',
    'a crash during a fault of others',
    trio().fault('pause', 'c').crash('b').down('c', 'b').after(6_100).view('a', 'a b c'),
  ],

  [
    'delivered-while-up',
    'a message before the up',
    tale().start('a').start('b').up('a', 'b').sent('a', 'b', 1).got('b', 'a', 1),
  ],
  [
    'delivered-while-up',
    'a message after the down',
    pair().sent('a', 'b', 1).fault('lost', 'a b', 0).down('b', 'a', 'lost').got('b', 'a', 1),
  ],
  [
    'delivered-while-up',
    'a message of a peer that left',
    pair().sent('a', 'b', 1).leave('a').down('b', 'a', 'left').got('b', 'a', 1),
  ],

  ['cuts-silence', 'a message through a cut', cutApart().sent('a', 'b', 1).got('b', 'a', 1)],
  [
    'cuts-silence',
    'a message through one of two cuts',
    cutTwice().healed('b', 'a', 'p').sent('a', 'b', 1).got('b', 'a', 1),
  ],

  ['cuts-are-down', 'a peer that is cut off and stays up', pair().cut('a', 'b').view('a', 'a b')],
  ['cuts-are-down', 'a peer that is cut off and down too late', pair().cut('a', 'b').down('a', 'b')],
  ['cuts-are-down', 'a peer that is up while it is cut off', cutApart().up('a', 'b').view('a', 'a b')],
  ['cuts-are-down', 'a peer that is up before it is healed', cutApart().up('a', 'b').healed('a', 'b')],
  [
    'cuts-are-down',
    'a peer that is up after one of two cuts is healed',
    cutTwice().healed('a', 'b', 'q').same().up('a', 'b'),
  ],

  ['cuts-counted', 'a peer that is cut off twice by one partition', cutApart().cut('a', 'b')],
  ['cuts-counted', 'a heal of what was not cut', pair().healed('a', 'b')],
  ['cuts-counted', 'a heal by another partition', cutApart().healed('a', 'b', 'q')],
  ['cuts-counted', 'a heal that comes twice', cutApart().healed('a', 'b').same().up('a', 'b').healed('a', 'b')],
  ['cuts-counted', 'a heal in the next life', cutApart().stop('a').start('a').healed('a', 'b')],

  [
    'cuts-mutual',
    'a cut at one end alone',
    pair().after(10_000).down('a', 'b', 'cut').same().cut('a', 'b').after(6_100).view('a', 'a b'),
  ],
  [
    'cuts-mutual',
    'a second cut at one end alone',
    cutApart()
      .cut('b', 'a', 'q')
      .healed('b', 'a', 'p')
      .healed('a', 'b', 'p')
      .same()
      .up('a', 'b')
      .after(6_100)
      .view('a', 'a b'),
  ],
  [
    'cuts-mutual',
    'a cut that a fault kept from its peer, for ever',
    pair()
      .after(10_000)
      .fault('lost', 'a b', 0)
      .down('a', 'b', 'cut')
      .same()
      .cut('a', 'b')
      .after(12_100)
      .view('a', 'a b'),
  ],
  [
    'cuts-mutual',
    'a heal that never came',
    cutApart().healed('a', 'b').same().up('a', 'b').after(6_100).view('a', 'a b'),
  ],
  [
    'cuts-mutual',
    'a cut that is recorded at the wrong peer',
    trio()
      .after(10_000)
      .down('a', 'b', 'cut')
      .same()
      .cut('a', 'b')
      .down('c', 'a', 'cut')
      .same()
      .cut('c', 'a')
      .down('a', 'c', 'cut')
      .same()
      .cut('a', 'c')
      .after(6_100)
      .view('a', 'a b c'),
  ],

  ['cuts-end', 'a cut that lasts', cutApart().settled('a b')],
  ['cuts-end', 'one of two cuts that lasts', cutTwice().healed('a', 'b', 'p').healed('b', 'a', 'p').settled('a b')],
  ['cuts-end', 'a cut that lasts at one end', cutApart().healed('a', 'b').same().up('a', 'b').settled('a b')],

  ['views-whole', 'a member that another lacks', newcomer().view('a', 'a b c').settled('a b c')],
  [
    'views-whole',
    'an earlier life in a view',
    trio()
      .stop('c')
      .down('a', 'c')
      .down('b', 'c')
      .start('c')
      .view('c', 'a b c')
      .view('a', 'a b c')
      .up('a', 'c')
      .up('b', 'c')
      .up('c', 'a')
      .up('c', 'b')
      .settled('a b c'),
  ],
  [
    'views-whole',
    'a dead member that one forgot to tell of',
    pair()
      .start('d')
      .view('a', 'a b d')
      .crash('d')
      .start('c')
      .view('c', 'a b c')
      .view('b', 'a b c d')
      .view('a', 'a b c d')
      .up('a', 'c')
      .up('b', 'c')
      .up('c', 'a')
      .up('c', 'b')
      .settled('a b c'),
  ],
  [
    'views-whole',
    'a node that left and is still listed',
    trio().leave('c').view('c', 'c').down('a', 'c', 'left').view('a', 'a b').settled('a b c'),
  ],
  [
    'views-whole',
    'a node that was removed and is listed by who removed it',
    trio().crash('c').down('a', 'c').down('b', 'c').leave('a', 'c').settled('a b'),
  ],
  ['views-whole', 'two islands', tale().start('a').view('a', 'a').start('b').view('b', 'b').settled('a b')],

  ['all-up', 'a peer that is not up', pair().fault('lost', 'a b', 0).down('a', 'b', 'lost').settled('a b')],
  [
    'all-up',
    'a peer that never was up',
    newcomer().view('a', 'a b c').view('b', 'a b c').down('b', 'c').settled('a b c'),
  ],
  ['all-up', 'a dead peer that is up', trio().crash('c').down('b', 'c').settled('a b')],
]
