import { describe, expect, test } from 'vitest'
import { InvalidOptionError } from '../../src/index.js'
import { type Simulation, type SimulationOptions, simulate } from '../../src/testing/testing.js'

/** As a caller may give it whom no compiler checks. */
const mistaken = (value: unknown): never => value as never

const refusalOf = (option: string): unknown => expect.objectContaining({ constructor: InvalidOptionError, option })

describe('a simulation refuses what cannot be meant', () => {
  test.each<[string, Partial<SimulationOptions>]>([
    ['manager', { manager: mistaken('fullMesh') }],
    ['setup', { setup: mistaken(5) }],
    ['seeds', { seeds: mistaken(['n1']) }],
    ['seeds', { seeds: () => ['nope'] }],
    ['seeds', { seeds: () => mistaken('n1') }],
    ['base', { base: mistaken('yesterday') }],
    ['base', { base: new Date('yesterday') }],
  ])('in its options: %s', (option, options) => {
    expect(() => simulate({ nodes: 3, ...options })).toThrow(refusalOf(option))
  })

  test.each<[string, (net: Simulation) => unknown]>([
    ['direction', net => net.partition('n1', 'n2', { direction: mistaken('back') })],
    ['direction', net => net.partition('n1', 'n2', { direction: mistaken('Both') })],
    ['options.dir', net => net.partition('n1', 'n2', mistaken({ dir: 'forth' }))],
    ['group', net => net.partition('n1', mistaken(undefined))],
    ['options', net => net.flap('n1', 'n2', mistaken(undefined))],
    ['options.evry', net => net.flap('n1', 'n2', mistaken({ every: 5, evry: 5 }))],
    ['every', net => net.flap('n1', 'n2', { every: mistaken('5') })],
    ['factor', net => net.slowNetwork(Number.POSITIVE_INFINITY)],
    ['options.silnt', net => net.crash('n1', mistaken({ silnt: true }))],
    ['silent', net => net.crash('n1', { silent: mistaken('yes') })],
    ['lag', net => net.slow('n1', -1)],
    ['lag', net => net.slow('n1', mistaken(undefined))],
    ['millis', net => net.jump('n1', Number.NaN)],
  ])('of a fault: %s', async (option, act) => {
    await using net = simulate({ nodes: 2 })
    expect(() => act(net)).toThrow(refusalOf(option))
    expect(net.live).toEqual(['n1', 'n2'])
  })

  test.each<[string, (net: Simulation) => Promise<unknown>]>([
    ['millis', net => net.pass(Number.NaN)],
    ['millis', net => net.pass(mistaken(undefined))],
    ['millis', net => net.pass(mistaken('100'))],
    ['within', net => net.until(() => true, Number.NaN)],
    ['within', net => net.settle(undefined, mistaken('100'))],
    ['within', net => net.settle(Promise.resolve(), Number.NaN)],
    ['condition', net => net.until(mistaken(true))],
    ['condition', net => net.until(mistaken(() => Promise.reject(new Error('nobody waits for it'))))],
    ['promise', net => net.settle(mistaken(5))],
  ])('of a wait: %s', async (option, wait) => {
    await using net = simulate({ nodes: 2 })
    await expect(wait(net)).rejects.toEqual(refusalOf(option))
  })

  test('of a node that is added: whom it joins', async () => {
    await using net = simulate({ nodes: ['a'], seeds: name => (name === 'b' ? ['nope'] : []) })
    expect(() => net.add('b')).toThrow(refusalOf('seeds'))
    expect(net.add('c').name).toBe('c')
  })
})
