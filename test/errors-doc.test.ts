import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { root } from './support/examples.js'

const code = /^ERR_[A-Z0-9_]+$/

describe('docs/errors.md', () => {
  const page = join(root, 'docs', 'errors.md')
  const sections = existsSync(page) ? sectionsOf(readFileSync(page, 'utf8')) : []
  const thrown = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .flatMap(name => codesOf(readFileSync(join(root, 'src', name), 'utf8')))

  test('has a section for every code in the source', () => {
    expect(thrown).toContain('ERR_INVARIANT')
    expect([...new Set(thrown)].filter(each => !sections.includes(each)).sort()).toEqual([])
  })

  test('has no section for a code that is gone, and none twice', () => {
    expect(sections.filter(each => !thrown.includes(each))).toEqual([])
    expect(sections.filter((each, index) => sections.indexOf(each) !== index)).toEqual([])
  })
})

describe('the search for codes', () => {
  test('finds those that are given, and not those that are only compared or spoken of', () => {
    const source = `
      class A extends Error { readonly code = 'ERR_PROPERTY' }   // 'ERR_COMMENT'
      class B extends Error { static readonly code = 'ERR_STATIC' as const }
      throw new PeerError('ERR_ARGUMENT', "see 'ERR_IN_TEXT'")
      const codes = { gone: \`ERR_TEMPLATE\` }
      if (error.code === 'ERR_NODE' || 'ERR_NODE' !== code) { }
      switch (error.code) { case 'ERR_NODE_CASE': }
      type Code = 'ERR_TYPE'
    `
    expect(codesOf(source)).toEqual(['ERR_PROPERTY', 'ERR_STATIC', 'ERR_ARGUMENT', 'ERR_TEMPLATE'])
  })

  test('finds the sections', () => {
    expect(sectionsOf('# Errors\n\n## ERR_A\n\ntext\n### ERR_B\n## `ERR_C`\n## Kinds\n')).toEqual(['ERR_A', 'ERR_C'])
  })
})

/** The codes that a source gives to errors. Those it compares with may be of Node.js. */
function codesOf(source: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && code.test(node.text) && !isCompared(node)) found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2023, true))
  return found
}

function isCompared({ parent }: ts.Node): boolean {
  return ts.isBinaryExpression(parent) || ts.isCaseClause(parent) || ts.isLiteralTypeNode(parent)
}

function sectionsOf(text: string): string[] {
  return [...text.matchAll(/^## `?(ERR_[A-Z0-9_]+)`?\s*$/gm)].map(([, section = '']) => section)
}
