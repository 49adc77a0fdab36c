import ts from 'typescript'

const separator = ' > '
/** In a title: what a value takes the place of, whether `test.each` or a template puts it there. */
const placeholder = /%[sdifjoO]|\$[a-zA-Z_][\w.]*|\0/g

/** The tests that a source declares, found without running it. */
export class DeclaredTests {
  /** The titles of blocks and tests, joined by ` > `, with the placeholders of tables as they are written. */
  readonly titles: readonly string[]
  readonly #patterns: readonly RegExp[]
  readonly #literals: ReadonlySet<string>

  constructor(source: string) {
    const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2023, true)
    const declared = declaredIn(file)
    this.titles = declared.map(titles => titles.map(({ text }) => text.replaceAll('\0', '%s')).join(separator))
    this.#patterns = declared.map(patternOf)
    this.#literals = literalsIn(file)
  }

  /**
   * Whether there is a test of that name: its full title, or the end of it from some block on. What stands in the place
   * of a placeholder must be a literal of the source, and a test whose whole title is one is named with its block.
   */
  has(name: string): boolean {
    if (this.titles.some(title => title === name || title.endsWith(separator + name))) return true
    return this.#patterns.some(pattern => {
      const values = pattern.exec(name)?.slice(1)
      return values?.every(value => value === undefined || this.#literals.has(value)) ?? false
    })
  }
}

interface Title {
  readonly text: string
  /** It belongs to a table, so it may have placeholders. */
  readonly each: boolean
}

/** The titles of each test, those of its blocks first. */
function declaredIn(file: ts.SourceFile): (readonly Title[])[] {
  const found: (readonly Title[])[] = []
  const visit = (node: ts.Node, blocks: readonly Title[]): void => {
    const declaration = declarationOf(node)
    const titles = declaration === undefined ? blocks : [...blocks, titleOf(declaration.title, declaration.each)]
    if (declaration?.kind === 'test') found.push(titles)
    ts.forEachChild(node, child => visit(child, titles))
  }
  visit(file, [])
  return found
}

interface Declaration {
  readonly kind: 'test' | 'block'
  readonly title: ts.Expression
  readonly each: boolean
}

/** `test('title', ...)`, `describe('title', ...)`, `test.each(table)('title', ...)` and the like. */
function declarationOf(node: ts.Node): Declaration | undefined {
  if (!ts.isCallExpression(node) || node.arguments[0] === undefined) return undefined
  const each = ts.isCallExpression(node.expression)
  const callee = ts.isCallExpression(node.expression) ? node.expression.expression : node.expression
  const root = each && ts.isPropertyAccessExpression(callee) ? callee.expression : callee
  if (!ts.isIdentifier(root) || (root.text !== 'test' && root.text !== 'describe')) return undefined
  return { kind: root.text === 'test' ? 'test' : 'block', title: node.arguments[0], each }
}

function titleOf(node: ts.Expression, each: boolean): Title {
  if (ts.isStringLiteralLike(node)) return { text: node.text, each }
  if (!ts.isTemplateExpression(node)) return { text: '\0', each: true }
  const text = [node.head.text, ...node.templateSpans.map(({ literal }) => `\0${literal.text}`)].join('')
  return { text, each: true }
}

/** The full title of a test as a pattern, with a group for each placeholder. */
function patternOf(titles: readonly Title[]): RegExp {
  const [own = '', nearest = '', ...outer] = titles
    .map(({ text, each }) => (each ? text.split(placeholder).map(escaped).join('(.+?)') : escaped(text)) + separator)
    .reverse()
  const before = outer.reduceRight((inner, block) => `(?:${inner}${block})?`, '')
  const block = nearest === '' ? '' : `(?:${before}${nearest})${own === `(.+?)${separator}` ? '' : '?'}`
  return new RegExp(`^${block}${own.slice(0, -separator.length)}$`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** All literals but titles. */
function literalsIn(file: ts.SourceFile): Set<string> {
  const literals = new Set<string>()
  const visit = (node: ts.Node): void => {
    const isTitle = declarationOf(node.parent)?.title === node
    if ((ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) && !isTitle) literals.add(node.text)
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(file, visit)
  return literals
}
