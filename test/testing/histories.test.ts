import { describe, expect, test } from 'vitest'
import { InvalidOptionError, type NodeName } from '../../src/index.js'
import {
  type Action,
  checkHistories,
  faultNames,
  HistoryError,
  type HistoryEvent,
  type HistoryReport,
  type OperationContext,
  type Plan,
  runHistory,
  type Scenario,
  searchHistories,
} from '../../src/testing/testing.js'
import { lockService } from '../support/lock-service.js'

const [n1, n2] = ['n1', 'n2'] as NodeName[]

/** A history of three nodes in which so much is done, a second apart. */
function run(
  scenario: Partial<Scenario>,
  actions: readonly (Omit<Action & { type: 'operation' }, 'at' | 'type' | 'seed'> | Omit<Action, 'at'>)[] = [],
): Promise<HistoryReport> {
  const planned = actions.map((action, index) => {
    const rest = 'type' in action ? action : { type: 'operation', seed: index, ...action }
    return { ...rest, at: 1_000 * (index + 1) } as Action
  })
  const plan: Plan = {
    ...{ seed: 1, nodes: ['n1', 'n2', 'n3'] as NodeName[], actions: planned },
    heals: 1_000 * (actions.length + 1),
  }
  return runHistory(() => ({ nodes: 3, operations: {}, ...scenario }), 1, plan)
}

const tooLate = { histories: 2, seed: Number.MAX_SAFE_INTEGER }
const never = (): Promise<void> => new Promise(() => {})
const tell = async ({ node }: OperationContext): Promise<void> => node.forwardMessage('n3', 'nobody', 1)

describe('a history', () => {
  test('of an application that promises nothing breaks nothing, whatever is done to it', async () => {
    const counted = new Set<string>()
    const report = await searchHistories(() => ({ nodes: 3, operations: { tell } }), {
      histories: 60,
      progress: ({ plan }) => {
        for (const action of plan.actions) if (action.type === 'fault') counted.add(action.fault)
      },
    })
    expect(report.failures.map(({ text }) => text)).toEqual([])
    expect(report.histories).toBe(60)
    expect([...counted].sort()).toEqual([...faultNames].sort())
    expect(report.outcomes['tell: ok']).toBeGreaterThan(100)
    expect(report.outcomes['tell: ERR_NOT_CONNECTED']).toBeGreaterThan(0)
  })

  test('is the same for the same seed, in everything that happens', async () => {
    const one = await runHistory(lockService, 5)
    const again = await runHistory(lockService, 5)
    expect(again).toEqual(one)
    expect(again.digest).toBe(one.digest)
    expect((await runHistory(lockService, 6)).digest).not.toBe(one.digest)
  })

  test('is the same when its plan is run', async () => {
    const drawn = await runHistory(lockService, 9)
    const replayed = await runHistory(lockService, 9, JSON.parse(JSON.stringify(drawn.plan)))
    expect(replayed).toEqual(drawn)
  })

  test('tells how operations ended: errors of the library are outcomes', async () => {
    const outcomes: Scenario['operations'] = {
      quick: () => 'done',
      stranger: ({ node }) => node.forwardMessage('n9', 'x', 1),
      thrown: ({ node }) => node.register('', 1 as never),
    }
    const names = ['quick', 'stranger', 'thrown', 'quick']
    const report = await run(
      { operations: outcomes },
      names.map(name => ({ name, node: n1 as NodeName })),
    )
    expect(report.violations).toEqual([])
    expect(report.outcomes).toEqual({
      'quick: ok': 2,
      'stranger: ERR_NOT_CONNECTED': 1,
      'thrown: ERR_INVALID_OPTION': 1,
    })
  })

  test('is no different for a node that crashed: what it had begun need not end', async () => {
    const report = await run({ operations: { never } }, [
      { name: 'never', node: n2 as NodeName },
      { type: 'fault', fault: 'crash', node: n2 as NodeName, lasts: 100 },
    ] as Action[])
    expect(report.violations).toEqual([])
    expect(report.history.filter(({ type }) => type === 'crashed')).toHaveLength(1)
    expect(report.history.at(-1)).toMatchObject({ type: 'settled', live: ['n1', 'n2', 'n3'] })
  })

  test('does not begin an operation while its node is paused', async () => {
    const at: number[] = []
    await run({ operations: { now: ({ clock }) => void at.push(clock.now()) } }, [
      { type: 'fault', fault: 'pause', node: n2 as NodeName, lasts: 1_500 },
      { name: 'now', node: n2 as NodeName },
    ] as Action[])
    expect(at).toEqual([2_500])
  })
})

describe('a history breaks a promise', () => {
  const work = { name: 'work', node: n2 as NodeName }

  test('when an operation fails otherwise than by an error of the library', async () => {
    const failure = new TypeError('nothing to read')
    const report = await run({ operations: { work: () => Promise.reject(failure) } }, [work])
    expect(report.violations).toEqual(['+1.000 s work #1 at n2 failed: TypeError: nothing to read'])
    expect(report.cause).toBe(failure)
  })

  test('when an operation does not end', async () => {
    const report = await run({ operations: { work: never }, within: 5_000 }, [work])
    expect(report.violations[0]).toMatch(/did not come to rest: work #1 at n2, begun at \+1\.000 s, has not ended$/)
  })

  test('when a handler fails', async () => {
    const report = await run(
      {
        setup: manager => {
          manager.register('bad', () => {
            throw new Error('no such order')
          })
        },
        operations: { work: ({ node }) => node.forwardMessage('n1', 'bad', 1) },
      },
      [work],
    )
    expect(report.violations).toHaveLength(1)
    expect(report.violations[0]).toMatch(/at n1 failed: no such order$/)
  })

  test.each([
    ['a request', { ask: true, causal: {} }],
    ['a message that is acknowledged when it was handled', { ask: false, causal: {} }],
    ['one of a causal label', { ask: false, causal: { causalLabel: 'l' } }],
  ])('not by what a handler throws as its answer, unless that is a mistake, upon %s', async (_what, how) => {
    const { ask, causal } = how
    const scenario = (error: Error, to: string): Partial<Scenario> => ({
      setup: manager => {
        manager.register('bad', () => Promise.reject(error))
      },
      operations: {
        work: async ({ node }) => {
          if (ask) await node.request(to, 'bad', 1)
          else await node.forwardMessage(to, 'bad', 1, { ack: { when: 'handled' }, ...causal })
        },
      },
    })
    for (const to of ['n1', 'n2']) {
      const { violations, outcomes } = await run(scenario(new Error('sold out'), to), [work])
      expect([violations, outcomes]).toEqual([[], { 'work: ERR_REMOTE': 1 }])
      const mistaken = await run(scenario(new TypeError('nothing to read'), to), [work])
      expect(mistaken.violations[0]).toMatch(/failed: .*nothing to read$/)
    }
  })

  test('when a handler fails upon a message that was acknowledged before', async () => {
    for (const to of ['n1', 'n2']) {
      const report = await run(
        {
          setup: manager => {
            manager.register('bad', () => Promise.reject(new Error('no such order')))
          },
          operations: { work: ({ node }) => node.forwardMessage(to, 'bad', 1, { ack: true }) },
        },
        [work],
      )
      expect(report.violations[0]).toMatch(/failed: no such order$/)
    }
  })

  test('when the application cannot be set up', async () => {
    const setup = (): void => {
      throw new RangeError('too many')
    }
    expect((await run({ setup })).violations[0]).toBe('setup of n1: RangeError: too many')
  })

  test('when a timer of the application throws', async () => {
    const operations: Scenario['operations'] = {
      work: ({ clock }) => {
        clock.schedule(200, () => {
          throw new Error('too late')
        })
      },
    }
    expect((await run({ operations }, [work, work])).violations).toEqual(['+1.200 s a callback threw: too late'])
  })

  test('when its check throws, at once', async () => {
    let done = false
    const check = (): void => {
      if (done) throw new Error('done, and should not be')
    }
    const operations = {
      work: () => {
        done = true
      },
    }
    const report = await run({ operations, check }, [work, work, work])
    expect(report.violations).toEqual(['+1.000 s check: done, and should not be'])
    expect(report.simulated).toBe(1_000)
  })

  test('when something is not as it must be in the end', async () => {
    const report = await run({ settled: async () => Promise.reject(new Error('not as it must be')) })
    expect(report.violations[0]).toMatch(/^\+.* s settled: not as it must be$/)
  })

  test('when the application does not come to rest', async () => {
    const report = await run({ atRest: () => false, within: 5_000 })
    expect(report.violations[0]).toMatch(/the cluster did not come to rest/)
  })

  test('when it takes more events than it may', async () => {
    const report = await run({ stepsMax: 50 })
    expect(report.violations[0]).toMatch(/no rest: more than 50 events$/)
    expect(report.steps).toBeLessThan(55)
  })
})

describe('a search of histories', () => {
  test('finds a lock that is handed out twice, and shows how in a handful of lines', async () => {
    const { failures } = await searchHistories(lockService, { histories: 40, failuresMax: 3 })
    expect(failures).toHaveLength(3)
    for (const { plan, text, violations, seed } of failures) {
      expect(plan.actions.length).toBeLessThanOrEqual(4)
      expect(violations[0]).toMatch(/check: n\d and n\d work at the same time$/)
      for (const part of [`seed ${seed}`, violations[0] as string, 'work at n', JSON.stringify(plan)]) {
        expect(text).toContain(part)
      }
      const again = await runHistory(lockService, seed, plan)
      expect(again.violations).toEqual(violations)
    }
  })

  test('shows what happened about the time of the earliest complaint, however late that is made', async () => {
    const work = ({ net, name }: OperationContext): void =>
      net.record({ type: 'note', at: net.clock.now(), node: name, text: 'here' })
    const [failure] = (
      await searchHistories(
        () => ({
          ...{ nodes: 3, operations: { work }, faults: [], steps: 60 },
          settled: async net => {
            const notes = net.history.filter(event => event.type === 'note' && event.text === 'here')
            const { at } = notes[4] as HistoryEvent
            throw new Error(`at ${at + 900} ms: 'n2' came later\nat ${at} ms: 'n1' (life 1) did what it must not`)
          },
        }),
        { histories: 1, shrink: false },
      )
    ).failures
    const [, told = ''] = failure?.text.split('What happened about then:') ?? []
    const lines = told.split('\n').filter(line => line.startsWith('  '))
    expect(lines).toHaveLength(20)
    const time = (line: string): number => Number(/\+([\d.]+) s/.exec(line)?.[1]) * 1_000
    const at = Number(/at ([\d.]+) ms: 'n1'/.exec(failure?.violations[0] ?? '')?.[1])
    expect(lines.filter(line => time(line) > at + 0.1)).toHaveLength(5)
    expect(lines.some(line => Math.abs(time(line) - at) < 0.1 && line.endsWith('here'))).toBe(true)
  })

  test('has one digest over all, which depends on the seeds alone', async () => {
    const search = async (seed: number): Promise<string> =>
      (await searchHistories(lockService, { histories: 10, seed, shrink: false })).digest
    expect(await search(1)).toBe(await search(1))
    expect(await search(1)).not.toBe(await search(2))
  })

  test('ends at so many failures, and shows plans as they were drawn where it is told to', async () => {
    const fails = (): Scenario => ({ nodes: 1, operations: { tell }, settled: () => Promise.reject(new Error('no')) })
    const report = await searchHistories(fails, { histories: 9, failuresMax: 2, shrink: false })
    expect([report.histories, report.failures.length]).toEqual([2, 2])
    expect(report.failures[0]?.plan).toEqual((await runHistory(fails, 1)).plan)
  })

  test('lets `settled` wait as long as it says, and see what it waited for', async () => {
    const waited: number[] = []
    const settled: Scenario['settled'] = async net => {
      for (let turn = 0; turn < 20; turn++) {
        const began = net.clock.now()
        await net.pass(7)
        waited.push(net.clock.now() - began)
      }
    }
    for (const nodes of [1, 3]) await runHistory(() => ({ nodes, operations: {}, faults: [], settled }), 1)
    expect(waited.map(Math.round)).toEqual(Array.from({ length: 40 }, () => 7))
  })

  test('in a test throws an error that carries everything', async () => {
    const failure: unknown = await checkHistories(lockService, { histories: 40 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(HistoryError)
    const { seed, plan, violations, message, cause } = failure as HistoryError
    expect((await runHistory(lockService, seed, plan)).violations).toEqual(violations)
    expect(message).toContain('work at the same time')
    expect(cause).toBeInstanceOf(Error)
    await checkHistories(() => ({ nodes: 2, operations: { tell } }), { histories: 3 })
  })

  test.each([
    ['operations', { nodes: 1, operations: { x: 1 } }],
    ['weights.y', { nodes: 1, operations: {}, weights: { y: 1 } }],
    ['weights.x', { nodes: 1, operations: { x: () => {} }, weights: { x: -1 } }],
    ['faults', { nodes: 1, operations: {}, faults: ['earthquake'] }],
    ['steps', { nodes: 1, operations: {}, steps: -1 }],
    ['stepsMax', { nodes: 1, operations: {}, stepsMax: 0.5 }],
    ['within', { nodes: 1, operations: {}, within: Number.NaN }],
    ['check', { nodes: 1, operations: {}, check: 1 }],
    ['settled', { nodes: 1, operations: {}, settled: 1 }],
    ['atRest', { nodes: 1, operations: {}, atRest: 1 }],
    ['options.stepz', { nodes: 1, operations: {}, stepz: 1 }],
    ['nodes', { operations: {} }],
    ['nodes', { nodes: 0, operations: {} }],
  ])('refuses what cannot be meant: %s', async (option, scenario) => {
    const failure: unknown = await runHistory(() => scenario as never, 1).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(InvalidOptionError)
    expect(String(failure)).toContain(option)
  })

  test.each([{}, { histories: -1 }, { histories: 1, failuresMax: 0.5 }, { histories: 1, seeds: 2 }, tooLate])(
    'refuses options that cannot be meant: %j',
    async options => {
      await expect(searchHistories(lockService, options as never)).rejects.toThrow(InvalidOptionError)
    },
  )
})
