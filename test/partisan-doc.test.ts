import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './support/examples.js'
import { DeclaredTests } from './support/test-names.js'

/** The cases of partisan_SUITE (Partisan 5.0.3), by group, in its order. */
const mainSuite: Readonly<Record<string, readonly string[]>> = {
  'default/simple': [
    ...['client_server_manager_test', 'basic_test', 'leave_test', 'self_leave_test', 'on_down_test', 'rpc_test'],
    ...['pid_test', 'rejoin_test', 'otp_test'],
  ],
  'default/hyparview': [
    ...['hyparview_manager_partition_test', 'hyparview_manager_high_active_test'],
    ...['hyparview_manager_low_active_test', 'hyparview_manager_high_client_test'],
  ],
  hyparview_xbot: ['its three, commented out'],
  with_full_membership_strategy: ['connectivity_test'],
  with_ack: ['basic_test', 'ack_test'],
  with_causal_labels: ['causal_test'],
  with_causal_send: ['basic_test'],
  with_causal_send_and_ack: ['basic_test'],
  with_forward_interposition: ['forward_interposition_test'],
  with_forward_delay_interposition: ['forward_delay_interposition_test'],
  with_receive_interposition: ['receive_interposition_test'],
  with_tls: ['basic_test'],
  with_parallelism: ['basic_test'],
  with_parallelism_bypass_pid_encoding: ['performance_test'],
  with_partisan_bypass_pid_encoding: ['performance_test'],
  with_disterl: ['performance_test'],
  with_channels: ['basic_test', 'rpc_test'],
  with_no_channels: ['basic_test'],
  with_monotonic_channels: ['basic_test'],
  with_sync_join: ['basic_test'],
  with_binary_padding: ['basic_test'],
  with_partition_key: ['basic_test'],
  with_ingress_delay: ['basic_test'],
  with_egress_delay: ['basic_test'],
  with_broadcast: ['hyparview_manager_high_active_test'],
  none: ['transform_test'],
}

/** Those of partisan_alt_SUITE, by membership strategy. */
const alternativeSuite: Readonly<Record<string, readonly string[]>> = {
  full: ['connectivity_test', 'gossip_demers_direct_mail_test'],
  scamp_v1: ['connectivity_test'],
  scamp_v2: ['connectivity_test', 'gossip_demers_direct_mail_test'],
}

describe('docs/partisan.md', () => {
  const page = readFileSync(join(root, 'docs', 'partisan.md'), 'utf8')
  const read = (path: string): string | undefined =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined

  test('names no test that is not there', () => {
    expect(referencesIn(page).length).toBeGreaterThan(50)
    expect(brokenReferences(page, read)).toEqual([])
  })

  test.each([
    ['the main suite', '| group | case | counterpart |', mainSuite],
    ['the alternative suite', '| strategy | case | counterpart |', alternativeSuite],
  ])('has each case of %s once, in its order', (_which, header, suite) => {
    const listed = Object.entries(suite).flatMap(([group, cases]) => cases.map(name => `${group} ${name}`))
    expect(rowsUnder(page, header).map(([group, name]) => `${group} ${name}`)).toEqual(listed)
  })

  test('says of each case which test it is here, what it waits for, or why it is not', () => {
    const rows = [
      '| group | case | counterpart |',
      '| strategy | case | counterpart |',
      '| suite | what | counterpart |',
    ].flatMap(header => rowsUnder(page, header))
    expect(rows.length).toBeGreaterThan(60)
    expect(rows.flatMap(row => unaccounted(row, laterIn(page)))).toEqual([])
  })

  /** What the page says that it comes later. */
  function laterIn(text: string): string {
    const [, section = ''] = /^## Not there yet$([\s\S]*?)^## /m.exec(text) ?? []
    return section
  }
})

describe('the checks of that page', () => {
  const source = `
    test('alone', () => {})
    describe('a block', () => {
      test.each(['forward', 7])('with %s in it', () => {})
      for (const [what] of [['this']]) test(\`\${what} is done (seed \${seed})\`, () => {})
      describe('inside', () => { test('costs $5, or (a) %', () => {}) })
      test.each([{ name: 'drop' }])('$name', () => {})
      other('no test', () => {})
    })
  `

  test('find the tests that a source declares', () => {
    expect(new DeclaredTests(source).titles).toEqual([
      'alone',
      'a block > with %s in it',
      'a block > %s is done (seed %s)',
      'a block > inside > costs $5, or (a) %',
      'a block > $name',
    ])
  })

  test.each([
    ...['alone', 'a block > with %s in it', 'with forward in it', 'with 7 in it', 'a block > with forward in it'],
    ...['this is done (seed 7)', 'inside > costs $5, or (a) %', 'a block > inside > costs $5, or (a) %'],
    ...['a block > drop', 'costs $5, or (a) %'],
  ])('know the test %s', name => {
    expect(new DeclaredTests(source).has(name)).toBe(true)
  })

  test.each([
    ...['nowhere', 'a block', 'a block > alone', 'with receive in it', 'this is done (seed 8)', 'costs 65, or a 7'],
    ...['block > with %s in it', 'no test', 'inside > with 7 in it', 'drop', 'with forward in it, too'],
  ])('know no test %s', name => {
    expect(new DeclaredTests(source).has(name)).toBe(false)
  })

  test('find a reference to a file or a test that is gone', () => {
    const text = [
      'see `test/a.test.ts`: `alone`, `a block > drop`; `test/a.test.ts`',
      'and `test/b.test.ts`: `alone`, and `test/a.test.ts`: `gone`, `alone`',
    ]
    expect(brokenReferences(text.join('\n'), path => (path === 'test/a.test.ts' ? source : undefined))).toEqual([
      'test/a.test.ts: no test gone',
      'test/b.test.ts: no such file',
    ])
  })

  test('find a case of which nothing is said, and one that waits for what never comes', () => {
    const later = '| acknowledgements (`ack`) | ... |\n| HyParView with X-BOT | ... |'
    const check = (counterpart: string): string[] => unaccounted(['group', 'case', counterpart], later)
    for (const good of [
      'later: X-BOT, acknowledgements',
      'later: HyParView. Until then `test/a.test.ts`: `alone`',
      'not here: as above',
      'on a mesh: `test/a.test.ts`: `alone`',
    ])
      expect(check(good)).toEqual([])
    expect(check('')).toEqual(['group case: nothing is said'])
    expect(check('`test/a.test.ts`')).toEqual(['group case: nothing is said'])
    expect(check('later: X-BOT, peace on earth')).toEqual([
      "group case: 'peace on earth' is not among what comes later",
    ])
  })
})

interface Reference {
  readonly path: string
  /** None: the whole file is meant. */
  readonly names: readonly string[]
}

/** `test/a.test.ts`, or `test/a.test.ts`: `one name`, `another`, each a span of code. */
function referencesIn(text: string): Reference[] {
  const spans = text.matchAll(/`(test\/[^`]+\.test\.ts)`(?:: (`[^`]+`(?:, `[^`]+`)*))?/g)
  return [...spans].map(([, path = '', names = '']) => ({
    path,
    names: names === '' ? [] : names.slice(1, -1).split('`, `'),
  }))
}

function brokenReferences(text: string, read: (path: string) => string | undefined): string[] {
  const references = referencesIn(text)
  return [...new Set(references.map(({ path }) => path))].flatMap(path => {
    const source = read(path)
    if (source === undefined) return [`${path}: no such file`]
    const declared = new DeclaredTests(source)
    const names = references.flatMap(reference => (reference.path === path ? reference.names : []))
    return names.filter(name => !declared.has(name)).map(name => `${path}: no test ${name}`)
  })
}

type Row = readonly [string, string, string]

function rowsUnder(text: string, header: string): Row[] {
  const lines = text.split('\n')
  const start = lines.indexOf(header) + 2
  const end = lines.indexOf('', start)
  if (start < 2) return []
  return lines.slice(start, end < 0 ? undefined : end).map(line => {
    const [, first = '', second = '', third = ''] = /^\| (.+?) \| (.+?) \| (.*) \|$/.exec(line) ?? []
    return [first, second, third]
  })
}

/** A row that neither names a test nor says why there is none. */
function unaccounted([group, name, counterpart]: Row, later: string): string[] {
  if (counterpart.startsWith('not here: ') || referencesIn(counterpart).some(({ names }) => names.length > 0)) return []
  const [, awaited] = /^later: ([^.|]+)/.exec(counterpart) ?? []
  if (awaited === undefined) return [`${group} ${name}: nothing is said`]
  return awaited
    .split(', ')
    .filter(each => !later.includes(each))
    .map(each => `${group} ${name}: '${each}' is not among what comes later`)
}
