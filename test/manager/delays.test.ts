import { describe, expect, test } from 'vitest'
import { Delays, heldMax } from '../../src/manager/delays.js'
import { drainMicrotasks } from '../../src/runtime/microtasks.js'
import { SimulatedClock } from '../../src/testing/testing.js'

/** A promise, and what settles it. */
function promised(): { promise: Promise<void>; resolve: () => void } {
  let settle: (() => void) | undefined
  const promise = new Promise<void>(resolve => {
    settle = resolve
  })
  if (settle === undefined) throw new Error('a promise calls at once')
  return { promise, resolve: settle }
}

class Setup {
  readonly clock = new SimulatedClock()
  readonly log: string[] = []
  readonly delays = new Delays(this.clock)

  hold(name: string, holds: readonly Promise<unknown>[], delay = 0): (() => void) | undefined {
    const run = (): void => void this.log.push(name)
    return this.delays.hold({ holds, delay }, run, error => void this.log.push(`${name} ${error.message}`))
  }

  async pass(millis: number): Promise<void> {
    await this.clock.advanceAsync(millis)
  }
}

describe('what interpositions hold back', () => {
  test('goes on after its delay', async () => {
    const setup = new Setup()
    setup.hold('late', [], 10)
    setup.hold('soon', [], 5)
    await setup.pass(9)
    expect(setup.log).toEqual(['soon'])
    await setup.pass(1)
    expect(setup.log).toEqual(['soon', 'late'])
  })

  test('goes on when everything that holds it has resolved, and its delay begins then', async () => {
    const setup = new Setup()
    const [one, other] = [promised(), promised()]
    setup.hold('both', [one.promise, other.promise], 10)
    other.resolve()
    await setup.pass(100)
    one.resolve()
    await setup.pass(9)
    expect(setup.log).toEqual([])
    await setup.pass(1)
    expect(setup.log).toEqual(['both'])
  })

  test('goes on in the order in which it is let go', async () => {
    const setup = new Setup()
    const gates = [promised(), promised(), promised()]
    gates.forEach(({ promise }, index) => void setup.hold(`${index}`, [promise]))
    for (const index of [2, 0]) gates[index]?.resolve()
    setup.hold('open', [Promise.resolve()])
    gates[1]?.resolve()
    await setup.pass(0)
    expect(setup.log).toEqual(['2', '0', 'open', '1'])
  })

  test('ends when the node stops, however it is held', async () => {
    const setup = new Setup()
    const gate = promised()
    setup.hold('held', [gate.promise])
    setup.hold('delayed', [], 5)
    setup.hold('between', [Promise.resolve()], 5)
    setup.hold('both', [gate.promise], 5)
    await setup.pass(0)
    setup.delays.stop(() => new Error('stopped'))
    expect(setup.clock.pending).toBe(0)
    gate.resolve()
    await setup.pass(0)
    expect(setup.clock.pending).toBe(0)
    expect(setup.log).toEqual(['held stopped', 'delayed stopped', 'between stopped', 'both stopped'])
  })

  test('can be called off, and nobody is told', async () => {
    const setup = new Setup()
    const gate = promised()
    const cancels = [setup.hold('held', [gate.promise]), setup.hold('delayed', [], 5)]
    for (const cancel of cancels) cancel?.()
    expect(setup.clock.pending).toBe(0)
    gate.resolve()
    await setup.pass(10)
    setup.delays.stop(() => new Error('stopped'))
    expect([setup.log, setup.clock.pending]).toEqual([[], 0])
  })

  test('can be called off even when it has been let go, as long as it has not gone on', async () => {
    const setup = new Setup()
    const cancel = setup.hold('held', [Promise.resolve()])
    await drainMicrotasks()
    expect(setup.clock.pending).toBe(1)
    cancel?.()
    await setup.pass(10)
    expect(setup.log).toEqual([])
  })

  test('is bounded in number, and there is room again when something has gone on', async () => {
    const setup = new Setup()
    const gate = promised()
    for (let count = 1; count < heldMax; count++) setup.delays.hold({ holds: [], delay: 5 }, () => {})
    expect(setup.hold('last', [gate.promise])).toBeDefined()
    expect(setup.hold('one too many', [gate.promise])).toBeUndefined()
    gate.resolve()
    await setup.pass(0)
    expect(setup.hold('again', [gate.promise])).toBeDefined()
    expect(setup.hold('one too many', [gate.promise])).toBeUndefined()
    setup.delays.stop(() => new Error('stopped'))
    expect(setup.log).toEqual(['last', 'again stopped'])
  })
})
