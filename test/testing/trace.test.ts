import { describe, expect, test } from 'vitest'
import { fullMesh, type Interposition, InvalidOptionError, type PeerServiceManager } from '../../src/index.js'
import {
  describePassage,
  formatTrace,
  type PassageRecording,
  parseTrace,
  type RecordingOptions,
  recordPassages,
  replayPassages,
  type Simulation,
  type SimulationOptions,
  simulate,
  type TracedPassage,
} from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'
import { within } from '../support/deadline.js'

/** What `log` at the first node heard, from whom. */
type Heard = string[]

/** A cluster whose last two nodes send the first one numbers; what it hears first is up to the network. */
async function race(
  seed: number,
  use: (net: Simulation) => void = () => {},
  options: Partial<SimulationOptions> = {},
): Promise<Heard> {
  const heard: Heard = []
  await using net = simulate({ nodes: 3, seed, latency: { least: 1, mean: 40 }, ...options })
  net.node('n1').register('log', (message: unknown, { from }) => void heard.push(`${from}:${String(message)}`))
  net.node('n1').register('ask', (message: unknown, { from }) => void heard.push(`${from}?${String(message)}`))
  await net.settle()
  use(net)
  for (let number = 0; number < 5; number++) {
    for (const name of ['n2', 'n3']) {
      net.node(name).castMessage('n1', 'log', number)
      net
        .node(name)
        .request('n1', 'ask', number)
        .catch(() => {})
    }
    await net.pass(20)
  }
  await net.pass(5_000)
  return heard
}

function managersOf(net: Simulation): PeerServiceManager[] {
  return net.names.map(name => net.node(name))
}

async function recorded(seed: number, options?: RecordingOptions): Promise<[Heard, PassageRecording]> {
  let recording: PassageRecording | undefined
  const heard = await race(seed, net => {
    recording = recordPassages(managersOf(net), options)
  })
  if (recording === undefined) throw new Error('it was used')
  return [heard, recording]
}

describe('a recording', () => {
  test('has what passed each edge, in order, with its occurrence', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ channels: { bulk: {} } })
    b.register('x', () => 'yes')
    const recording = recordPassages([a, b])
    for (let count = 0; count < 2; count++) {
      await cluster.settle(a.forwardMessage('b', 'x', { tx: 1 }, { channel: 'bulk' }))
      await cluster.turn()
    }
    await cluster.settle(a.request('b', 'x', 'ask'))
    await cluster.settle(b.sendMessage('a', 'hello'))
    await cluster.turn()
    await cluster.settle(a.sendMessage('b', 'hello'))
    await cluster.pass(10_000)
    expect(recording.passages.map(describePassage)).toEqual([
      "a -> b message to 'x' on bulk: { tx: 1 }",
      "b <- a message to 'x' on bulk: { tx: 1 }",
      "a -> b message to 'x' on bulk: { tx: 1 } (2nd)",
      "b <- a message to 'x' on bulk: { tx: 1 } (2nd)",
      "a -> b request to 'x': 'ask'",
      "b <- a request to 'x': 'ask'",
      "b -> a reply of 'x': 'yes'",
      "a <- b reply of 'x': 'yes'",
      "b -> a manager: 'hello'",
      "a <- b manager: 'hello'",
      "a -> b manager: 'hello'",
      "b <- a manager: 'hello'",
    ])
    expect(recording.passages[2]).toEqual({
      ...{ node: 'a', direction: 'forward', peer: 'b', channel: 'bulk', kind: 'message', server: 'x', occurrence: 2 },
      ...{ digest: recording.passages[0]?.digest, text: '{ tx: 1 }' },
    })
    expect(recording.passages[8]).not.toHaveProperty('server')
    expect(new Set(recording.passages.map(({ digest }) => digest)).size).toBe(4)
  })

  test('has overlay and heartbeats only when asked, and nothing after it is disposed', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const all = recordPassages(a, { kinds: ['membership', 'heartbeat'] })
    await cluster.settle(a.sendMessage('b', 1))
    await cluster.pass(60_000)
    expect(new Set(all.passages.map(({ kind }) => kind))).toEqual(new Set(['membership', 'heartbeat']))
    all[Symbol.dispose]()
    const { length } = all.passages
    await cluster.pass(60_000)
    expect(all.passages).toHaveLength(length)
    expect(b.isConnected('a')).toBe(true)
  })

  test('takes in managers that are made later, with the occurrences of all lives', async () => {
    const recording = recordPassages([])
    const setup = (manager: PeerServiceManager): void => recording.add(manager)
    await using net = simulate({ nodes: 2, setup })
    await net.settle()
    for (let life = 0; life < 2; life++) {
      await net.settle(net.node('n2').sendMessage('n1', 'hello'))
      net.restart('n2')
      await net.settle()
    }
    const sent = recording.passages.filter(({ direction }) => direction === 'forward')
    expect(sent.map(({ node, occurrence }) => [node, occurrence])).toEqual([
      ['n2', 1],
      ['n2', 2],
    ])
  })

  test('is bounded, and counts what it missed', async () => {
    const [, whole] = await recorded(1)
    const [, recording] = await recorded(1, { most: 7 })
    expect(recording.passages).toEqual(whole.passages.slice(0, 7))
    expect([recording.missed, whole.missed]).toEqual([whole.passages.length - 7, 0])
  })

  test('is the same for the same seed, and the same but for the order for another', async () => {
    const [heard, one] = await recorded(1)
    const [again, same] = await recorded(1)
    const [others, other] = await recorded(2)
    expect([again, same.passages]).toEqual([heard, one.passages])
    expect(others).not.toEqual(heard)
    expect(other.passages).not.toEqual(one.passages)
    const sorted = (passages: readonly TracedPassage[]): string[] => passages.map(each => JSON.stringify(each)).sort()
    expect(sorted(other.passages)).toEqual(sorted(one.passages))
  })

  test('goes by what identifies a message, where that was said', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const identify = ({ message }: { readonly message: unknown }): unknown => (message as { id: number }).id
    const recording = recordPassages(a, { identify })
    for (const at of [1, 2]) await cluster.settle(a.forwardMessage('b', 'x', { id: 7, at }))
    expect(recording.passages.map(({ occurrence }) => occurrence)).toEqual([1, 2])
  })

  test('has bytes, long messages and what cannot travel too', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const recording = recordPassages(a)
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, index]))
    for (const message of [Uint8Array.of(1), Uint8Array.of(2), 'm'.repeat(10_000), wide]) {
      await cluster.settle(a.forwardMessage('b', 'x', message))
    }
    expect(await cluster.failure(a.forwardMessage('b', 'x', () => {}))).toMatchObject({ code: 'ERR_ENCODE' })
    expect(new Set(recording.passages.map(({ digest }) => digest)).size).toBe(5)
    for (const { text } of recording.passages) expect(text.length).toBeLessThanOrEqual(100)
  })

  test.each([
    ['most', { most: -1 }],
    ['kinds', { kinds: ['mesage'] as never }],
    ['identify', { identify: 1 as never }],
  ])('refuses %s that cannot be meant so', (option, options) => {
    expect(() => recordPassages([], options)).toThrow(
      expect.objectContaining({ constructor: InvalidOptionError, option }),
    )
  })
})

describe('a trace', () => {
  test('is lines of JSON, there and back', async () => {
    const [, { passages }] = await recorded(1)
    const text = formatTrace(passages)
    expect(text.split('\n')).toHaveLength(passages.length + 1)
    expect(parseTrace(text)).toEqual(passages)
    expect(parseTrace('')).toEqual([])
    expect(parseTrace(`\n${text}\n\n`)).toEqual(passages)
  })

  const good = {
    ...{ node: 'a', direction: 'forward', peer: 'b', channel: 'default', kind: 'message', server: 'x' },
    ...{ digest: '00', occurrence: 1, text: '1' },
  }

  test.each<[string, unknown]>([
    ['no JSON', undefined],
    ['no passage', 5],
    ['no direction', { ...good, direction: 'up' }],
    ['no kind', { ...good, kind: 'letter' }],
    ['no node', { ...good, node: undefined }],
    ['no name of a server', { ...good, server: 5 }],
    ['no occurrence', { ...good, occurrence: 0 }],
  ])('names the line that is none (%s)', (_why, line) => {
    expect(parseTrace(`${JSON.stringify(good)}\n`)).toEqual([good])
    const text = `${JSON.stringify(good)}\n${line === undefined ? '{' : JSON.stringify(line)}\n`
    expect(() => parseTrace(text)).toThrow(/^trace, line 2 must be a passage/)
  })

  test('counts as people do', () => {
    const counted = [1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111].map(occurrence =>
      describePassage({ ...good, occurrence } as TracedPassage).replace("a -> b message to 'x': 1", ''),
    )
    expect(counted.join('')).toBe(' (2nd) (3rd) (4th) (11th) (12th) (13th) (21st) (22nd) (101st) (111th)')
  })
})

describe('a replay', () => {
  test('makes a run with other chances go as the recorded one went', async () => {
    const [heard, { passages }] = await recorded(1)
    const trace = parseTrace(formatTrace(passages))
    for (const seed of [2, 3, 4]) {
      expect(await race(seed)).not.toEqual(heard)
      let report: unknown
      const again = await race(seed, net => {
        const replay = replayPassages(trace, managersOf(net), { clock: net.clock })
        void replay.finished.then(given => {
          report = given
        })
      })
      expect(again).toEqual(heard)
      expect(report).toEqual({
        ...{ complete: true, replayed: trace.length, unknown: 0, released: 0 },
        text: `${trace.length} of ${trace.length} passages replayed`,
      })
    }
  })

  test('makes live nodes go as it says, and lets everything pass when it has ended', async () => {
    const heard: Heard = []
    await using a = await fullMesh({ name: 'a' }).start()
    await using b = await fullMesh({ name: 'b' }).start()
    await using c = await fullMesh({ name: 'c' }).start()
    const all = [a, b, c]
    await Promise.all([a.syncJoin(c.spec), b.syncJoin(c.spec)])
    c.register('log', (message: unknown, { from }) => void heard.push(`${from}:${String(message)}`))
    const work = async (): Promise<void> => {
      for (let number = 0; number < 10; number++) {
        await Promise.all([a, b].map(node => node.forwardMessage('c', 'log', number)))
      }
      await Promise.all([a, b].map(node => node.request('c', 'log', 'end', { partitionKey: 'log' })))
    }
    const recording = recordPassages(all)
    await work()
    recording[Symbol.dispose]()
    heard.length = 0
    // Everything of `b` arrives before anything of `a`, and backwards.
    const trace = recording.passages.filter(({ direction, kind }) => direction === 'receive' && kind === 'message')
    const turned = [...trace].sort((one, other) => (one.peer > other.peer ? -1 : one.peer < other.peer ? 1 : 0))
    const backwards = [...turned.slice(0, 10).reverse(), ...turned.slice(10)]
    const replay = replayPassages(backwards, all)
    await within(Promise.all([work(), replay.finished]))
    const messages = heard.filter(one => !one.endsWith('end'))
    expect(messages).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `b:${9 - index}`),
      ...Array.from({ length: 10 }, (_, index) => `a:${index}`),
    ])
    expect(await replay.finished).toMatchObject({ complete: true, replayed: 20 })
    heard.length = 0
    await within(work())
    expect(heard).toHaveLength(22)
  })

  /** Two nodes, and a trace of three messages from `a` to `b`, recorded in another pair. */
  async function three(order: readonly number[]): Promise<[Cluster, PeerServiceManager, Heard, TracedPassage[]]> {
    const first = new Cluster()
    const [x] = await first.pair()
    const recording = recordPassages(x)
    for (const message of order) await first.settle(x.forwardMessage('b', 'log', message))
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: Heard = []
    b.register('log', (message: unknown) => void heard.push(String(message)))
    return [cluster, a, heard, [...recording.passages]]
  }

  test('holds what comes too soon, and lets it go when its turn has come', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 3])
    const replay = replayPassages(trace, a, { clock: cluster.clock })
    for (const message of [3, 2]) a.castMessage('b', 'log', message)
    await cluster.pass(1_000)
    expect([heard, replay.position]).toEqual([[], 0])
    a.castMessage('b', 'log', 1)
    // The trace is over, and what it does not have is behind it all the same.
    await cluster.turn()
    a.castMessage('b', 'log', 4)
    await cluster.turn()
    expect([heard, replay.position]).toEqual([['1', '2', '3', '4'], 3])
    expect(await replay.finished).toMatchObject({ complete: true, unknown: 0 })
  })

  test('keeps the order even of what comes in its turn, right behind what was let go', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 3])
    replayPassages(trace, a, { clock: cluster.clock })
    for (const message of [2, 1, 3]) a.castMessage('b', 'log', message)
    await cluster.turn()
    expect(heard).toEqual(['1', '2', '3'])
  })

  test('tells equal passages apart by their occurrence', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 1])
    const replay = replayPassages(trace, a, { clock: cluster.clock })
    for (const message of [1, 1, 1, 2]) a.castMessage('b', 'log', message)
    await cluster.turn()
    expect(heard).toEqual(['1', '1', '2', '1'])
    expect(await replay.finished).toMatchObject({ complete: true, unknown: 1 })
  })

  test('that is stuck names what did not come, lets go what waited for it, and ends', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 3])
    const replay = replayPassages(trace, a, { clock: cluster.clock, patience: 500 })
    a.castMessage('b', 'log', 1)
    await cluster.pass(400)
    const call = a.forwardMessage('b', 'log', 3)
    await cluster.pass(99)
    expect(heard).toEqual(['1'])
    await cluster.pass(1)
    expect(heard).toEqual(['1', '3'])
    await cluster.settle(call)
    expect(await replay.finished).toEqual({
      ...{ complete: false, replayed: 1, unknown: 0, released: 1, missing: trace[1] },
      text: "1 of 3 passages replayed; the next did not come, and 1 waited for it: a -> b message to 'log': 2",
    })
    a.castMessage('b', 'log', 2)
    await cluster.turn()
    expect(heard).toEqual(['1', '3', '2'])
  })

  test('is as patient with each passage', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 3])
    const replay = replayPassages(trace, a, { clock: cluster.clock, patience: 500 })
    for (const message of [1, 2, 3]) {
      await cluster.pass(450)
      a.castMessage('b', 'log', message)
    }
    await cluster.turn()
    expect([heard, await replay.finished]).toMatchObject([['1', '2', '3'], { complete: true }])
  })

  test('lets pass what the trace does not have, or drops it', async () => {
    for (const unknown of ['pass', 'drop'] as const) {
      const [cluster, a, heard, trace] = await three([1, 2])
      const replay = replayPassages(trace, a, { clock: cluster.clock, unknown })
      for (const message of [7, 1, 8, 2]) a.castMessage('b', 'log', message)
      await cluster.turn()
      expect(heard).toEqual(unknown === 'drop' ? ['1', '2'] : ['7', '8', '1', '2'])
      expect(await replay.finished).toMatchObject({ complete: true, unknown: 2 })
    }
  })

  test('leaves overlay and heartbeats alone, whatever it drops', async () => {
    const [cluster, a, , trace] = await three([1])
    replayPassages(trace, a, { clock: cluster.clock, unknown: 'drop', patience: 1_000_000 })
    await cluster.pass(100_000)
    expect(a.isFullyConnected('b')).toBe(true)
  })

  test('may be ended at any time, and adds no manager after its end', async () => {
    const [cluster, a, heard, trace] = await three([1, 2, 3])
    const replay = replayPassages(trace, a, { clock: cluster.clock })
    for (const message of [3, 2]) a.castMessage('b', 'log', message)
    await cluster.turn()
    replay[Symbol.dispose]()
    replay[Symbol.dispose]()
    await cluster.turn()
    // Still in the order of the trace.
    expect(heard).toEqual(['2', '3'])
    expect(await replay.finished).toMatchObject({ complete: false, released: 2, missing: trace[0] })
    replay.add(a)
    let asked = false
    const interpose = (): Disposable => {
      asked = true
      return { [Symbol.dispose]: () => {} }
    }
    replay.add({ name: 'z', interpose })
    expect(asked).toBe(false)
  })

  test("is in nobody's way any more when it has ended", async () => {
    const [cluster, a, , trace] = await three([1])
    let registrations = 0
    const counted = {
      name: a.name,
      interpose: (fn: Interposition): Disposable => {
        const registration = a.interpose(fn)
        registrations++
        return {
          [Symbol.dispose]: () => {
            registrations--
            registration[Symbol.dispose]()
          },
        }
      },
    }
    replayPassages(trace, [counted, counted], { clock: cluster.clock })
    expect(registrations).toBe(2)
    a.castMessage('b', 'log', 1)
    await cluster.turn()
    expect(registrations).toBe(0)
  })

  test('of nothing is complete at once', async () => {
    const replay = replayPassages([], [])
    expect(await replay.finished).toMatchObject({ complete: true, replayed: 0 })
  })

  test('does not outlive its patience when nothing comes at all', async () => {
    const [cluster, a, , trace] = await three([1])
    const replay = replayPassages(trace, a, { clock: cluster.clock, patience: 100 })
    await cluster.pass(100)
    expect(await replay.finished).toMatchObject({ complete: false, missing: trace[0], released: 0 })
  })

  test.each([
    ['patience', { patience: -1 }],
    ['unknown', { unknown: 'hold' as never }],
    ['kinds', { kinds: 'message' as never }],
  ])('refuses %s that cannot be meant so', (option, options) => {
    const refusal = expect.objectContaining({ constructor: InvalidOptionError, option })
    expect(() => replayPassages([], [], options)).toThrow(refusal)
  })

  test('refuses a trace that has a passage twice', async () => {
    const [, , , trace] = await three([1])
    expect(() => replayPassages([...trace, ...trace], [])).toThrow(InvalidOptionError)
  })
})
