import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import {
  compileExamples,
  deadLinks,
  type Example,
  examplesOf,
  readPages,
  root,
  runExample,
} from './support/examples.js'

const exampleTimeout = 90_000
const folder = join(root, 'build', 'examples')

const taught = readPages(['README.md'], ['docs'])
const pages = [...taught, ...readPages(['CHANGELOG.md', 'CONTRIBUTING.md'], [])]
const examples = taught.flatMap(examplesOf)

describe('the documentation', () => {
  let complaints: string[]

  beforeAll(async () => {
    complaints = inject('buildErrors') === '' ? await compileExamples(examples, folder) : []
  }, 120_000)

  test('is of a package that compiles', () => {
    expect(inject('buildErrors')).toBe('')
  })

  test('has examples that compile', () => {
    expect(complaints).toEqual([])
  })

  const run = examples.filter(example => example.use === 'run')
  test.for(run)('has an example that runs: $at', { timeout: exampleTimeout + 10_000 }, async example => {
    const { exit, stdout, stderr } = await runExample(example, folder, exampleTimeout)
    expect(exit, stderr || stdout).toBe('0')
    if (example.output !== undefined) expect(stdout.trimEnd()).toBe(example.output.trimEnd())
  })

  test('has links that lead somewhere', () => {
    expect(pages.flatMap(page => deadLinks(page, read))).toEqual([])
  })

  function read(path: string): string | undefined {
    const full = join(root, path)
    if (!existsSync(full)) return undefined
    return statSync(full).isDirectory() ? '' : readFileSync(full, 'utf8')
  }
})

describe('the checks of the documentation', () => {
  const fenced = (info: string, code: string): string => `\`\`\`${info}\n${code}\n\`\`\`\n`
  const page = (text: string): { path: string; text: string } => ({ path: 'docs/page.md', text })
  const trial = join(root, 'build', 'examples-trial')

  test('take every ts block but fragments, and know which run', () => {
    const text = [fenced('ts', 'a()'), fenced('ts no-run', 'b()'), fenced('ts fragment', 'c('), fenced('sh', 'd')]
    const found = examplesOf(page(text.join('\n')))
    expect(found.map(({ at, file, code, use }) => ({ at, file, code, use }))).toEqual([
      { at: 'docs/page.md:2', file: 'docs-page-1', code: 'a()', use: 'run' },
      { at: 'docs/page.md:6', file: 'docs-page-2', code: 'b()', use: 'compile' },
    ])
  })

  test('give an output block to the example before it', () => {
    const [example] = examplesOf(page(`${fenced('ts', 'a()')}\nprints\n\n${fenced('output', 'one\ntwo')}`))
    expect(example?.output).toBe('one\ntwo')
  })

  test('take a block in a list without its indentation', () => {
    const [example] = examplesOf(page('1. first\n\n   ```ts\n   if (a) {\n     b()\n   }\n   ```\n'))
    expect(example?.code).toBe('if (a) {\n  b()\n}')
  })

  test.each(['ts norun', 'ts skip', 'typescript', 'js'])('refuse a block that would escape as %s', info => {
    expect(() => examplesOf(page(fenced(info, 'a()')))).toThrow('none of')
  })

  test('refuse an output block that no running example precedes', () => {
    expect(() => examplesOf(page(fenced('output', 'one')))).toThrow('follows an example')
    expect(() => examplesOf(page(fenced('ts no-run', 'a()') + fenced('output', 'one')))).toThrow('follows an example')
  })

  test('refuse a fence that does not close', () => {
    expect(() => examplesOf(page('```ts\na()\n'))).toThrow('does not close')
  })

  test('report what does not compile with its place in the page, and what fails, hangs or prints', async () => {
    const codes = [
      "console.log('one')",
      'const n: number = "text"\nexport {}',
      "throw new Error('planted')",
      'setInterval(() => {}, 1)',
      "import 'maquis/nowhere'",
    ]
    const trials = examplesOf(page(codes.map(code => fenced('ts', code)).join('')))
    expect(await compileExamples(trials, trial)).toEqual([
      expect.stringMatching(/^docs\/page\.md:5: error TS2322/),
      expect.stringMatching(/^docs\/page\.md:15: error TS/),
    ])
    const [prints, , throws, hangs, misses] = trials as [Example, Example, Example, Example, Example]
    expect(await runExample(prints, trial, 5_000)).toEqual({ exit: '0', stdout: 'one\n', stderr: '' })
    const thrown = await runExample(throws, trial, 5_000)
    expect(thrown).toMatchObject({ exit: '1', stderr: expect.stringContaining('docs-page-3.ts:9') })
    expect((await runExample(hangs, trial, 500)).exit).toBe('killed after 500 ms')
    expect((await runExample(misses, trial, 5_000)).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('find the links that lead nowhere', () => {
    const files: Record<string, string> = {
      'README.md': '# Here\n\n## `ERR_X` & more\n',
      'docs/page.md': [
        '# This page\n[a](../README.md) [b](../README.md#here) [c](#this-page) [d](https://example.com/x)',
        '[e](../README.md#err_x--more) [f](gone.md "title") [g](../README.md#gone) [h](#gone)\n\n[i]: gone.png',
        '`[j](gone.md)`\n\n```md\n[k](gone.md)\n# Not a heading\n```\n[l](#not-a-heading)',
      ].join('\n'),
    }
    const dead = deadLinks(page(files['docs/page.md'] ?? ''), path => files[path])
    expect(dead.map(line => line.replace('docs/page.md: ', ''))).toEqual([
      'gone.md: no such file',
      '../README.md#gone: no such heading',
      '#gone: no such heading',
      '#not-a-heading: no such heading',
      'gone.png: no such file',
    ])
  })
})
