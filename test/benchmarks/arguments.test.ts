import { describe, expect, test } from 'vitest'
import { help, parseArguments, type Settings, UsageError } from '../../benchmarks/arguments.js'
import { baselines, stackNames } from '../../benchmarks/stacks.js'
import { targets } from '../../benchmarks/targets.js'
import { nameOf, workloads } from '../../benchmarks/workload.js'

function parsed(...given: string[]): Settings {
  const settings = parseArguments(given)
  if (settings === 'help') throw new Error('help was asked for')
  return settings
}

describe('the arguments of the benchmarks', () => {
  test('measure everything in five passes by default', () => {
    const { stacks, workloads: all, passes } = parsed()
    expect(stacks).toEqual(stackNames)
    expect(all).toEqual(workloads)
    expect(passes).toBe(5)
  })

  test('--quick has fewer and shorter passes, but keeps what the targets are about', () => {
    const { passes, seconds, workloads: some } = parsed('--quick')
    expect(passes).toBeLessThan(parsed().passes)
    expect(seconds).toBeLessThan(parsed().seconds)
    for (const { workload } of targets) expect(some.map(nameOf)).toContain(nameOf(workload))
  })

  test('--smoke warms up every stack with every workload as shortly as can be, and measures nothing', () => {
    const { smoke, seconds, warmUpSeconds, passes, workloads: all } = parsed('--smoke')
    expect({ smoke, seconds, warmUpSeconds, passes }).toEqual({ smoke: true, seconds: 0, warmUpSeconds: 0, passes: 0 })
    expect(all).toEqual(workloads)
  })

  test('--only and --workload name some, in whatever order', () => {
    const { stacks, workloads: some } = parsed('--only', 'maquis, ws-batched', '--workload', 'bytes-64,round-trip-16')
    expect(stacks).toEqual(['ws-batched', 'maquis'])
    expect(some.map(nameOf)).toEqual(['round-trip-16', 'bytes-64'])
  })

  test('--workload also names what --quick leaves out', () => {
    expect(parsed('--quick', '--workload', 'object-8388608').workloads.map(nameOf)).toEqual(['object-8388608'])
  })

  test('--passes is the number of passes', () => {
    expect(parsed('--quick', '--passes', '7').passes).toBe(7)
  })

  test.each([
    [['--only', 'maqui'], `'maqui'`],
    [['--workload', 'object-65'], `'object-65'`],
    [['--passes', '0'], '--passes'],
    [['--passes', ''], '--passes'],
    [['--passes', '1.5'], '--passes'],
    [['--quick', '--smoke'], 'exclude'],
    [['--loud'], '--loud'],
    [['maquis'], 'maquis'],
  ])('%j make no sense', (given, what) => {
    expect(() => parseArguments(given)).toThrow(UsageError)
    expect(() => parseArguments(given)).toThrow(what)
  })

  test('--help names every stack and workload', () => {
    expect(parseArguments(['--help'])).toBe('help')
    for (const name of [...stackNames, ...workloads.map(nameOf)]) expect(help).toContain(name)
  })
})

describe('the targets', () => {
  test('are about stacks and workloads that exist', () => {
    for (const { of, to, workload } of targets) {
      expect(stackNames).toContain(of)
      expect(stackNames).toContain(to)
      expect(workloads.map(nameOf)).toContain(nameOf(workload))
    }
    for (const baseline of baselines) expect(stackNames).toContain(baseline)
  })
})
