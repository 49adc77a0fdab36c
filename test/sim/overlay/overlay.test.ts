import { describe, expect, test } from 'vitest'
import { parseArguments, UsageError } from './arguments.js'
import { experiment, healedAfter } from './experiment.js'
import { plotOf } from './plot.js'
import { summaryOf, tableOf } from './report.js'

describe('an overlay of 300 nodes that all joined one of three', () => {
  test.each([
    [0.5, 2, 1],
    [0.8, 2, 2],
    [0.9, 5, 3],
    [0.95, 10, 4],
  ])('of which the share %d fails at once is one again within %d rounds (seed %d)', (fail, rounds, seed) => {
    const run = experiment({ nodes: 300, fail, seed, contacts: 3, rounds: rounds + 1 })
    expect(run.before).toMatchObject({ reached: 1, components: 1, oneSided: 0, dead: 0 })
    expect(healedAfter(run)).toBeLessThanOrEqual(rounds)
    expect(run.after.at(-1)?.dead).toBe(0)
    expect(tableOf(run, 0)).toContain(`every survivor is reached from round ${healedAfter(run)} on`)
    expect(summaryOf([run])).toMatch(/never\n.*0$/)
    expect(plotOf([run])).toContain('</svg>')
  })

  test('has the same history for the same seed', () => {
    const runs = [1, 1, 2].map(seed => experiment({ nodes: 60, fail: 0.8, seed, rounds: 2 }))
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).not.toEqual({ ...runs[0], seed: 2 })
  })
})

test('arguments that make no sense are refused, and --help helps', () => {
  expect(parseArguments(['--help'])).toBe('help')
  expect(parseArguments(['--nodes', '10', '--fail', '0.1,0.2'])).toMatchObject({ nodes: 10, fail: [0.1, 0.2] })
  expect([parseArguments([]), parseArguments(['--plot', 'here.svg'])]).toMatchObject([
    { plot: undefined },
    { plot: 'here.svg' },
  ])
  for (const given of [['--nodes', '1'], ['--fail', '1'], ['--fail', ''], ['--seeds', '0'], ['--what']]) {
    expect(() => parseArguments(given)).toThrow(UsageError)
  }
})
