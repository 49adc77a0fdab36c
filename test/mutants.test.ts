import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { areas } from './mutants/list.js'
import { plant } from './mutants/mutant.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const all = Object.values(areas).flat()
const texts = new Map<string, string>()

function read(path: string): string {
  const text = texts.get(path) ?? readFileSync(join(root, path), 'utf8')
  texts.set(path, text)
  return text
}

/** What the parser says of each of these texts, by their names. */
function mistakes(files: ReadonlyMap<string, string>): string[] {
  const program = ts.createProgram(
    [...files.keys()],
    { noLib: true, noResolve: true, types: [] },
    {
      ...{ fileExists: path => files.has(path), readFile: path => files.get(path), writeFile: () => {} },
      ...{ getCanonicalFileName: path => path, useCaseSensitiveFileNames: () => true, getNewLine: () => '\n' },
      ...{ getCurrentDirectory: () => '', getDefaultLibFileName: () => '' },
      getSourceFile: path => ts.createSourceFile(path, files.get(path) ?? '', ts.ScriptTarget.ES2023),
    },
  )
  return program
    .getSyntacticDiagnostics()
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}

/** The text of a file with all of its mutants in it, in as many texts as it takes for them not to overlap. */
function combined(file: string): [name: string, text: string][] {
  const text = read(file)
  const places = all.filter(mutant => mutant.file === file).map(mutant => ({ mutant, at: text.indexOf(mutant.find) }))
  let left = places.filter(({ at }) => at >= 0).sort((one, other) => one.at - other.at)
  const texts: [string, string][] = []
  while (left.length > 0) {
    let [mutated, end] = ['', 0]
    const over = left.filter(({ mutant: { find, replace }, at }) => {
      if (at < end) return true
      mutated += text.slice(end, at) + replace
      end = at + find.length
      return false
    })
    texts.push([`${texts.length}/${file}`, mutated + text.slice(end)])
    left = over
  }
  return texts
}

// What they are for, and how they are run, is in CONTRIBUTING.md.
describe('the planted bugs', () => {
  test('are many, and each has a name of its own', () => {
    expect(all.length).toBeGreaterThanOrEqual(100)
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  })

  test('fit the source, each in one place', () => {
    const strays = all.flatMap(mutant => {
      try {
        return plant(mutant, read(mutant.file)) === read(mutant.file) ? [`${mutant.name}: nothing is changed`] : []
      } catch (error) {
        return [`${mutant.file}: ${(error as Error).message}`]
      }
    })
    expect(strays).toEqual([])
  })

  test('can be parsed', () => {
    const files = new Set(all.map(({ file }) => file))
    expect(mistakes(new Map([...files].flatMap(file => combined(file))))).toEqual([])
    expect(mistakes(new Map([['broken.ts', 'if (x {']]))).not.toEqual([])
  })

  test('name tests that exist', () => {
    for (const { tests = [] } of all) for (const path of tests) expect(read(path)).not.toBe('')
  })
})
