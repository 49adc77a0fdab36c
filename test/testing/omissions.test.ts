import { describe, expect, test } from 'vitest'
import {
  fullMesh,
  type Interposition,
  InvalidOptionError,
  type Passage,
  passageKinds,
  SeededRandom,
} from '../../src/index.js'
import { sentMax } from '../../src/testing/exploration/omission-run.js'
import {
  type ExplorationBounds,
  type ExplorationReport,
  exploreOmissions,
  type Interposable,
  type OmissionRun,
  runOmissions,
} from '../../src/testing/testing.js'
import {
  cooperativeTermination,
  type MakeProtocol,
  threePhaseCommit,
  transact,
  twoPhaseCommit,
} from '../support/commit-protocols.js'
import { within } from '../support/deadline.js'

/** A node of no cluster: what it sends arrives unless it is dropped. */
class Sender implements Interposable {
  readonly name: string
  readonly #all: Interposition[] = []

  constructor(name: string, run: OmissionRun) {
    this.name = name
    run.add(this)
  }

  interpose(fn: Interposition): Disposable {
    this.#all.push(fn)
    return { [Symbol.dispose]: () => {} }
  }

  /** Whether it arrived. */
  send(message: unknown, passage: Partial<Passage> = {}): boolean {
    const whole = { direction: 'forward', peer: 'b', channel: 'default', kind: 'message', server: 'x', message }
    return this.#all.every(fn => fn({ ...whole, ...passage } as Passage).type === 'pass')
  }
}

/** Explores a scenario of one sender. The result has what each run lost, in the order of the runs. */
async function explore(
  scenario: (sender: Sender) => unknown,
  bounds: ExplorationBounds = {},
): Promise<{ report: ExplorationReport; runs: unknown[][] }> {
  const runs: unknown[][] = []
  const report = await exploreOmissions({
    ...bounds,
    scenario: run => {
      const sender = new Sender('a', run)
      const lost: unknown[] = []
      runs.push(lost)
      const send = sender.send.bind(sender)
      sender.send = (message, passage) => {
        const arrived = send(message, passage)
        if (!arrived) lost.push(message)
        return arrived
      }
      return scenario(sender)
    },
  })
  return { report, runs }
}

const counts = { pruned: 0, failures: [], complete: true, unsteady: 0 }

describe('an exploration', () => {
  test('runs the scenario whole, then without each message, then without each two, in order', async () => {
    const { report, runs } = await explore(a => [1, 2, 3].forEach(message => void a.send(message)))
    expect(runs).toEqual([[], [1], [2], [3], [1, 2], [1, 3], [2, 3]])
    expect(report).toEqual({
      ...{ ...counts, schedules: 7, passed: 7 },
      text: '7 schedules: 7 passed, 0 failed; 0 pruned',
    })
  })

  test('goes as far as it is told', async () => {
    const scenario = (a: Sender): void => [1, 2, 3].forEach(message => void a.send(message))
    expect((await explore(scenario, { omissions: 0 })).runs).toEqual([[]])
    expect((await explore(scenario, { omissions: 1 })).runs).toHaveLength(4)
    expect((await explore(scenario, { omissions: 3 })).runs.at(-1)).toEqual([1, 2, 3])
    expect((await explore(scenario, { omissions: 9 })).runs).toHaveLength(8)
  })

  test('prunes what is equal to a smaller schedule: a message that is not sent any more', async () => {
    const { report, runs } = await explore(a => a.send('question') && a.send('answer'))
    expect(runs).toEqual([[], ['question'], ['answer']])
    expect(report).toMatchObject({ schedules: 3, passed: 3, pruned: 1, complete: true })
  })

  test('leaves out what is sent only because something else was left out', async () => {
    const { report, runs } = await explore(a => a.send('first') || a.send('again') || a.send('once more'), {
      omissions: 3,
    })
    expect(runs).toEqual([[], ['first'], ['first', 'again'], ['first', 'again', 'once more']])
    expect(report).toMatchObject({ schedules: 4, pruned: 0, complete: true })
  })

  test('tells equal messages apart by their occurrence', async () => {
    const { runs, report } = await explore(a => {
      for (let count = 0; count < 3; count++) if (!a.send('same')) throw new Error(`lost ${count}`)
    })
    expect(runs).toEqual([[], ['same'], ['same'], ['same']])
    expect(report.failures.map(({ error }) => String(error))).toEqual([
      'Error: lost 0',
      'Error: lost 1',
      'Error: lost 2',
    ])
    expect(report.failures[1]?.omitted).toEqual(["a -> b message to 'x': 'same' (2nd)"])
  })

  const fragile = (a: Sender): void => {
    const arrived = [1, 2, 3].map(message => a.send(message))
    if (arrived[1] === false || (arrived[0] === false && arrived[2] === false)) throw new Error('broken')
  }

  test('reports each schedule that fails, with what it threw', async () => {
    const { report } = await explore(fragile)
    expect(report).toMatchObject({ schedules: 7, passed: 3, complete: true })
    const [first] = report.failures
    expect(first).toMatchObject({ omitted: ["a -> b message to 'x': 2"], error: new Error('broken') })
    expect(first?.passages).toMatchObject([{ node: 'a', peer: 'b', kind: 'message', server: 'x', text: '2' }])
    expect(report.failures.map(({ passages }) => passages.map(({ text }) => text).join(''))).toEqual([
      '2',
      '12',
      '13',
      '23',
    ])
    expect(report.text).toBe(
      [
        '7 schedules: 3 passed, 4 failed; 0 pruned',
        "without a -> b message to 'x': 2: Error: broken",
        "without a -> b message to 'x': 1 and a -> b message to 'x': 2: Error: broken",
        "without a -> b message to 'x': 1 and a -> b message to 'x': 3: Error: broken",
        "without a -> b message to 'x': 2 and a -> b message to 'x': 3: Error: broken",
      ].join('\n'),
    )
  })

  test('leaves larger schedules than a failing one alone where only the smallest are asked for', async () => {
    const { report, runs } = await explore(fragile, { minimal: true, omissions: 3 })
    expect(runs).toEqual([[], [1], [2], [3], [1, 3]])
    expect(report.failures.map(({ passages }) => passages.map(({ text }) => text).join(''))).toEqual(['2', '13'])
    expect(report).toMatchObject({ schedules: 5, pruned: 2, complete: true })
  })

  test('can be repeated for one of its failures', async () => {
    const { report } = await explore(fragile)
    const exploration = { scenario: (run: OmissionRun) => fragile(new Sender('a', run)) }
    for (const { passages } of report.failures) {
      await expect(runOmissions(exploration, passages)).rejects.toThrow('broken')
    }
    await runOmissions(exploration, [])
  })

  test('stops when the scenario fails with nothing left out', async () => {
    const { report, runs } = await explore(a => {
      a.send(1)
      throw new Error('anyway')
    })
    expect(runs).toEqual([[]])
    expect(report).toMatchObject({ schedules: 1, passed: 0, complete: false, failures: [{ omitted: [] }] })
    expect(report.text).toBe(
      '1 schedules: 0 passed, 1 failed; 0 pruned\nincomplete\nwithout any omission: Error: anyway',
    )
  })

  test('ends at the most runs, and says that it is not complete', async () => {
    const { report, runs } = await explore(a => [1, 2, 3].forEach(message => void a.send(message)), { schedulesMax: 5 })
    expect(runs).toEqual([[], [1], [2], [3], [1, 2]])
    expect(report).toMatchObject({ schedules: 5, passed: 5, complete: false })
  })

  test('says so when runs differ by themselves', async () => {
    let run = 0
    const { report } = await explore(a => a.send(`at ${run++}`))
    expect(report).toMatchObject({ schedules: 2, complete: false, unsteady: 1 })
    expect(report.text).toContain('runs differ by themselves')
  })

  test('goes by what identifies a message, where that was said', async () => {
    let run = 0
    const identify = ({ message }: Passage): unknown => (message as { id: number }).id
    const { report } = await explore(a => a.send({ id: 1, at: run++ }), { identify })
    expect(report).toMatchObject({ schedules: 2, complete: true })
  })

  test('is not complete when a run sends more than is kept', async () => {
    const many = (a: Sender): void => {
      for (let count = 0; count <= sentMax; count++) a.send(count)
    }
    expect((await explore(many, { omissions: 0 })).report.complete).toBe(false)
  })

  test('looks at what is sent of the application, and at no more than it is told', async () => {
    const scenario = (a: Sender): void => {
      for (const kind of passageKinds)
        for (const direction of ['receive', 'forward'] as const) a.send(kind, { kind, direction })
    }
    const all = await explore(scenario, { omissions: 1 })
    expect(all.runs.flat()).toEqual(['message', 'request', 'reply', 'manager'])
    const some = await explore(scenario, { omissions: 1, kinds: ['ack', 'membership'] })
    expect(some.runs.flat()).toEqual(['ack', 'membership'])
    const { runs, report } = await explore(scenario, {
      omittable: ({ kind }) => kind === 'request' || kind === 'reply',
    })
    expect(runs).toEqual([[], ['request'], ['reply'], ['request', 'reply']])
    expect(report).toMatchObject({ schedules: 4, pruned: 0, complete: true })
  })

  test('counts as pruned only what might have been left out', async () => {
    const scenario = (a: Sender): unknown => a.send(1) && [a.send(2), a.send(3)]
    expect((await explore(scenario)).report).toMatchObject({ schedules: 5, pruned: 2 })
    const omittable = ({ text }: { readonly text: string }): boolean => text !== '3'
    expect((await explore(scenario, { omittable })).report).toMatchObject({ schedules: 3, pruned: 1 })
  })

  test('runs every schedule that makes a difference, and none twice, whatever depends on what', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed)
      const draw = (most: number): number => Math.floor(random.next() * most)
      const messages = 3 + draw(5)
      // A message is sent when all of these arrived, or were lost.
      const needs = Array.from({ length: messages }, (_, index) =>
        Array.from({ length: index === 0 ? 0 : draw(3) }, () => ({ of: draw(index), arrived: draw(3) > 0 })),
      )
      const omissions = 1 + draw(3)
      const play = (lose: (message: number) => boolean): number[] => {
        const arrived: boolean[] = []
        const lost: number[] = []
        needs.forEach((all, message) => {
          if (!all.every(need => arrived[need.of] === need.arrived)) return
          arrived[message] = !lose(message)
          if (arrived[message] === false) lost.push(message)
        })
        return lost
      }
      const expected = new Set<string>()
      for (let subset = 0; subset < 1 << messages; subset++) {
        const omitted = Array.from({ length: messages }, (_, index) => index).filter(index => (subset >> index) & 1)
        if (omitted.length <= omissions) expected.add(play(message => omitted.includes(message)).join())
      }
      const { runs, report } = await explore(a => void play(message => !a.send(message)), { omissions })
      expect(runs.map(lost => lost.join()).sort(), `seed ${seed}`).toEqual([...expected].sort())
      expect(report).toMatchObject({ schedules: expected.size, complete: true })
    }
  })

  test.each([
    ['omissions', { omissions: -1 }],
    ['schedulesMax', { schedulesMax: 0.5 }],
    ['minimal', { minimal: 1 as never }],
    ['omittable', { omittable: 1 as never }],
    ['kinds', { kinds: ['x'] as never }],
    ['identify', { identify: 1 as never }],
    ['scenario', { scenario: 1 as never }],
    ['exploration.omision', { omision: 1 } as never],
    ['options.nods', { simulation: { nods: 3 } } as never],
    ['setup', { simulation: { nodes: 3, setup: 5 } } as never],
  ])('refuses %s that cannot be meant so', async (option, options) => {
    const refusal = expect.objectContaining({ constructor: InvalidOptionError, option })
    await expect(exploreOmissions({ scenario: () => {}, ...options })).rejects.toEqual(refusal)
  })

  test('refuses a scenario of which no message could be omitted, unless nothing was to be', async () => {
    const silent = { scenario: () => {} }
    await expect(exploreOmissions(silent)).rejects.toThrow(/^scenario must be .* no message could be omitted$/)
    expect(await exploreOmissions({ ...silent, omissions: 0 })).toMatchObject({ schedules: 1, passed: 1 })
    const scenario = (run: OmissionRun): void => void new Sender('a', run).send(1)
    const omittable = (): boolean => false
    await expect(exploreOmissions({ scenario, omittable })).rejects.toThrow(
      /^omittable .* no message could be omitted$/,
    )
    await expect(exploreOmissions({ scenario, omittable: (async () => false) as never })).rejects.toThrow(/a promise$/)
  })

  test('works on live nodes', async () => {
    const report = await exploreOmissions({
      scenario: async run => {
        await using a = fullMesh({ name: 'a' })
        await using b = fullMesh({ name: 'b' })
        run.add(a, b)
        await Promise.all([a.start(), b.start()])
        await within(a.syncJoin(b.spec))
        b.register('double', (message: unknown) => 2 * Number(message))
        await a.request('b', 'double', 21, { timeout: 1_000 })
      },
    })
    expect(report).toMatchObject({ schedules: 3, passed: 1, pruned: 1, complete: true, unsteady: 0 })
    expect(report.failures).toMatchObject([
      { omitted: ["a -> b request to 'double': 21"], error: { code: 'ERR_DEADLINE' } },
      { omitted: ["b -> a reply of 'double': 42"], error: { code: 'ERR_DEADLINE' } },
    ])
  })
})

describe('atomic commitment, without some of its messages', () => {
  async function commit(make: MakeProtocol, bounds: ExplorationBounds): Promise<ExplorationReport> {
    const scenario = { simulation: { nodes: 3, seed: 1 }, ...bounds }
    return exploreOmissions({ ...scenario, scenario: net => transact(make, net) })
  }

  /** What was lost in each failing run (types, and the nodes at both ends), and how it failed. */
  function failures({ failures: all }: ExplorationReport): string[] {
    return all.map(({ passages, error }) => {
      const lost = passages.map(({ node, peer, text }) => `${node}>${peer} ${/type: '(.*)'/.exec(text)?.[1] ?? text}`)
      return `${lost.join(' + ')}: ${(error as Error).message.replace(/:.*/, '')}`
    })
  }

  test('two-phase commit blocks without any one decision', async () => {
    const report = await commit(twoPhaseCommit, { omissions: 1 })
    expect(report).toMatchObject({ schedules: 9, passed: 7, pruned: 0, complete: true })
    expect(failures(report)).toEqual(['n1>n2 commit: blocked', 'n1>n3 commit: blocked'])
    expect(report.text).toContain("'n2' is prepared for ever")
  })

  test('two-phase commit blocks without a vote, or its question, and the abort that follows', async () => {
    const report = await commit(twoPhaseCommit, { omissions: 2, minimal: true })
    expect(report).toMatchObject({ schedules: 30, passed: 22, pruned: 15, complete: true })
    expect(failures(report)).toEqual([
      'n1>n2 commit: blocked',
      'n1>n3 commit: blocked',
      'n1>n2 prepare + n1>n3 abort: blocked',
      'n1>n3 prepare + n1>n2 abort: blocked',
      'n3>n1 prepared + n1>n2 abort: blocked',
      'n3>n1 prepared + n1>n3 abort: blocked',
      'n2>n1 prepared + n1>n2 abort: blocked',
      'n2>n1 prepared + n1>n3 abort: blocked',
    ])
  })

  test('all schedules of two-phase commit with two omissions', async () => {
    const report = await commit(twoPhaseCommit, { omissions: 2 })
    expect(report).toMatchObject({ schedules: 33, passed: 22, pruned: 12, complete: true })
    expect(report.failures).toHaveLength(11)
  })

  test('cooperative termination survives any two omissions', async () => {
    const report = await commit(cooperativeTermination, { omissions: 2 })
    expect(report).toMatchObject({ schedules: 41, passed: 41, failures: [], pruned: 12, complete: true })
  })

  test('cooperative termination blocks whom neither the decision nor any answer reaches', async () => {
    const report = await commit(cooperativeTermination, { omissions: 3 })
    expect(report).toMatchObject({ schedules: 122, passed: 114, complete: true })
    const both = ['n1>n2 commit + ', 'n1>n3 commit + ']
    expect(failures(report)).toHaveLength(8)
    for (const failure of failures(report)) {
      expect(both.some(lost => failure.startsWith(lost))).toBe(true)
      expect(failure).toMatch(/(what\?|it is commit).* \+ .*(what\?|it is commit): blocked$/)
    }
  })

  test('three-phase commit never blocks, and survives any one omission', async () => {
    const report = await commit(threePhaseCommit, { omissions: 1 })
    expect(report).toMatchObject({ schedules: 13, passed: 13, failures: [], pruned: 0, complete: true })
  })

  test('three-phase commit splits without the knowledge of one node and the abort to another that has it', async () => {
    const report = await commit(threePhaseCommit, { omissions: 2 })
    expect(report).toMatchObject({ schedules: 57, passed: 51, pruned: 38, complete: true })
    expect(failures(report)).toEqual([
      'n1>n2 precommit + n1>n3 abort: split',
      'n1>n3 precommit + n1>n2 abort: split',
      'n3>n1 precommitted + n1>n2 abort: split',
      'n3>n1 precommitted + n1>n3 abort: split',
      'n2>n1 precommitted + n1>n2 abort: split',
      'n2>n1 precommitted + n1>n3 abort: split',
    ])
  })

  test('is explored the same way every time, and each failure can be run again', async () => {
    const one = await commit(twoPhaseCommit, { omissions: 1 })
    const other = await commit(twoPhaseCommit, { omissions: 1 })
    expect(other.text).toBe(one.text)
    expect(other.failures.map(({ passages }) => passages)).toEqual(one.failures.map(({ passages }) => passages))
    const exploration = {
      simulation: { nodes: 3, seed: 1 },
      scenario: (net: Parameters<typeof transact>[1]) => transact(twoPhaseCommit, net),
    }
    for (const { passages, error } of one.failures) {
      await expect(runOmissions(exploration, passages)).rejects.toEqual(error)
    }
    await runOmissions(exploration, [])
  })

  test('takes in the managers of every life of a node', async () => {
    const report = await exploreOmissions({
      simulation: { nodes: 2, seed: 1 },
      omissions: 1,
      scenario: async net => {
        await net.settle()
        net.restart('n2')
        await net.settle()
        const told: unknown[] = []
        net.node('n1').events.on('message', ({ message }) => void told.push(message))
        await net.settle(net.node('n2').sendMessage('n1', 'hello'))
        await net.pass(100)
        if (told.length === 0) throw new Error('deaf')
      },
    })
    expect(report).toMatchObject({ schedules: 2, passed: 1, complete: true })
  })
})
