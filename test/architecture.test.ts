import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

// ---------------------------------------------------------------------------------------------------------------------
// The rules. This part is documentation: change it only together with CONTRIBUTING.md.

interface Layer {
  /** The folders of `src` that it may import, besides itself. */
  readonly imports: '*' | readonly string[]
  /**
   * The modules of Node.js that it may import: those named, with the names it may take from them; or every harmless
   * one, which is not about ambient time, chance or processes.
   */
  readonly builtins: '*' | 'harmless' | Readonly<Record<string, '*' | readonly string[]>>
  readonly packages: readonly string[]
  /** Pure: nothing in it is asynchronous. */
  readonly machine?: true
}

const events = ['eventemitter3']
const belowLink = ['core', 'codec', 'transport']
const belowManager = [...belowLink, 'link', 'membership', 'delivery', 'fault', 'discovery', 'runtime']
const belowPool = [...belowManager, 'manager']
const belowTopology = [...belowPool, 'pool', 'worker', 'sink']
const sockets = { 'node:net': '*', 'node:tls': '*', 'node:http': '*', 'node:https': '*', 'node:stream': '*' } as const
const values = { 'node:buffer': '*', 'node:util': ['types'] } as const
const threads = { 'node:worker_threads': ['markAsUntransferable'] } as const
const keyedHash = { 'node:crypto': ['createHmac', 'timingSafeEqual'] }

const layers: Readonly<Record<string, Layer>> = {
  core: { imports: [], builtins: {}, packages: [], machine: true },
  codec: { imports: ['core'], builtins: { ...values, ...threads }, packages: [], machine: true },
  membership: { imports: ['core'], builtins: {}, packages: events, machine: true },
  delivery: { imports: ['core'], builtins: {}, packages: events, machine: true },
  fault: { imports: ['core'], builtins: {}, packages: events, machine: true },
  discovery: { imports: ['core'], builtins: 'harmless', packages: events },
  transport: { imports: ['core'], builtins: sockets, packages: [...events, 'ws'] },
  runtime: { imports: ['core'], builtins: '*', packages: events },
  link: { imports: belowLink, builtins: keyedHash, packages: events },
  manager: { imports: belowManager, builtins: 'harmless', packages: events },
  pool: { imports: belowPool, builtins: 'harmless', packages: events },
  sink: { imports: belowPool, builtins: 'harmless', packages: events },
  worker: { imports: [...belowPool, 'sink'], builtins: 'harmless', packages: events },
  topology: { imports: belowTopology, builtins: 'harmless', packages: events },
  testing: { imports: belowTopology, builtins: 'harmless', packages: events },
  cli: { imports: '*', builtins: '*', packages: events },
}

/** `src/index.ts`, the root of the package. */
const packageRoot: Layer = { imports: [...belowTopology, 'topology'], builtins: {}, packages: [] }

/** The modules about ambient time, chance and processes. */
const ambientModules = ['child_process', 'cluster', 'crypto', 'perf_hooks', 'process', 'timers', 'worker_threads']

/** Where the ambient may be touched. Everywhere else time and chance are parameters. */
const ambientFolders = ['runtime', 'cli']
const ambientGlobals = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']
const ambientMembers: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  performance: ['now', 'timeOrigin'],
  Math: ['random'],
  process: ['nextTick', 'exit', 'on', 'once', 'kill', 'abort', 'hrtime'],
  crypto: ['randomBytes', 'getRandomValues', 'randomUUID', 'randomInt'],
  AbortSignal: ['timeout'],
}

const lineLength = 120
const sourceLines = 400
const testLines = 600

/** They say nothing of what is in the file. */
const emptyNames = ['util', 'utils', 'helper', 'helpers', 'type', 'types', 'common', 'misc', 'index']

/** Folders of tests that mirror no folder of `src`, and the tests of the whole tree. */
const testFolders = ['benchmarks', 'conformance', 'sim', 'cluster']
const treeTests = ['architecture', 'docs', 'errors-doc', 'mutants', 'partisan-doc'].map(name => `test/${name}.test.ts`)

// ---------------------------------------------------------------------------------------------------------------------
// The real tree.

describe('the source tree', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const sources = typeScriptFiles(root, 'src')
  const tests = typeScriptFiles(root, 'test')
  const exists = (path: string): boolean => existsSync(join(root, path))

  test('has files to check', () => {
    expect(sources.length).toBeGreaterThan(0)
    expect(tests.map(file => file.path)).toContain('test/architecture.test.ts')
  })

  test('imports along the layers only', () => {
    expect(sources.flatMap(file => strayImports(file, exists))).toEqual([])
  })

  test('touches the ambient clock, chance and process in runtime/ and cli/ only', () => {
    expect(sources.flatMap(ambientUses)).toEqual([])
  })

  test('has nothing asynchronous in its machines', () => {
    expect(sources.flatMap(asynchronies)).toEqual([])
  })

  test('does not escape from its types', () => {
    expect(sources.flatMap(typeEscapes)).toEqual([])
  })

  test('keeps files and lines short', () => {
    expect([...sources, ...tests].flatMap(oversizes)).toEqual([])
  })

  test('names files after what is in them, in kebab case', () => {
    expect([...sources, ...tests].flatMap(file => badNames(file.path))).toEqual([])
  })

  test('has its tests in folders that mirror src', () => {
    expect(tests.flatMap(file => strayTests(file.path, exists))).toEqual([])
  })
})

// ---------------------------------------------------------------------------------------------------------------------
// The checkers. Each returns one line for each thing that it finds.

interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

function typeScriptFiles(root: string, folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => posix.join(folder, name.replaceAll('\\', '/')))
    .sort()
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function strayImports(source: Source, exists: (path: string) => boolean): string[] {
  const folder = folderOf(source.path)
  const layer = source.path === 'src/index.ts' ? packageRoot : layers[folder]
  if (layer === undefined) return [`${source.path}: no layer is called '${folder}'`]
  const file = parse(source)
  return imports(file).flatMap(({ node, specifier, names }) => {
    const wrong = wrongImport(source.path, layer, specifier, names, exists)
    return wrong === undefined ? [] : [`${place(file, node)}: ${wrong}`]
  })
}

function wrongImport(
  path: string,
  layer: Layer,
  specifier: string | undefined,
  names: readonly string[],
  exists: (path: string) => boolean,
): string | undefined {
  const folder = folderOf(path)
  if (specifier === undefined) return layer.builtins === '*' ? undefined : 'imports what only running it can tell'
  if (specifier.startsWith('.')) {
    if (!specifier.endsWith('.js')) return `'${specifier}' does not end in .js`
    const target = posix.join(dirname(path), specifier).replace(/\.js$/, '.ts')
    if (!target.startsWith('src/') || !exists(target)) return `'${specifier}' is no file of src`
    if (target === 'src/index.ts') return 'src/index.ts is for users, not for us'
    const other = folderOf(target)
    const allowed = other === folder || layer.imports === '*' || layer.imports.includes(other)
    return allowed ? undefined : `${folder || 'index.ts'} may not import ${other}`
  }
  if (specifier.startsWith('node:')) {
    const allowed = builtinNames(layer, specifier)
    if (allowed === '*') return undefined
    const stray = names.filter(name => !allowed.includes(name))
    return allowed.length > 0 && stray.length === 0
      ? undefined
      : `${folder} may not import ${stray.join(', ')} from ${specifier}`
  }
  return layer.packages.includes(specifier) ? undefined : `${folder || 'index.ts'} may not import ${specifier}`
}

function builtinNames(layer: Layer, specifier: string): '*' | readonly string[] {
  if (layer.builtins === '*') return '*'
  if (layer.builtins !== 'harmless') return layer.builtins[specifier] ?? []
  const [name = ''] = specifier.slice('node:'.length).split('/')
  return ambientModules.includes(name) ? [] : '*'
}

interface Import {
  readonly node: ts.Node
  /** Undefined when it is computed. */
  readonly specifier: string | undefined
  /** What is taken, `*` for all of it. */
  readonly names: readonly string[]
}

function imports(file: ts.SourceFile): Import[] {
  const found: Import[] = []
  walk(file, node => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      found.push({ node, specifier: literal(node.moduleSpecifier), names: takenNames(node) })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      found.push({ node, specifier: literal(node.arguments[0]), names: ['*'] })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push({ node, specifier: literal(node.argument.literal), names: ['*'] })
    }
  })
  return found
}

function takenNames(node: ts.ImportDeclaration | ts.ExportDeclaration): string[] {
  const named = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause
  const whole =
    ts.isImportDeclaration(node) && (node.importClause === undefined || node.importClause.name !== undefined)
  if (whole || (named === undefined ? ts.isExportDeclaration(node) : !('elements' in named))) return ['*']
  const elements = named !== undefined && 'elements' in named ? [...named.elements] : []
  return elements.map(element => (element.propertyName ?? element.name).text)
}

function ambientUses(source: Source): string[] {
  if (ambientFolders.includes(folderOf(source.path))) return []
  const file = parse(source)
  const found: string[] = []
  walk(file, node => {
    const use = ambientUse(node)
    if (use !== undefined) found.push(`${place(file, node)}: ${use}`)
  })
  return found
}

function ambientUse(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return ambientGlobals.includes(node.text) && isReference(node) ? node.text : undefined
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const dated = globalName(node.expression) === 'Date'
    return dated && (ts.isCallExpression(node) || !node.arguments?.length) ? 'the current Date' : undefined
  }
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
    const member = ts.isPropertyAccessExpression(node) ? node.name.text : literal(node.argumentExpression)
    return ambientMember(node.expression, member)
  }
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name)) {
    const { initializer } = node
    const taken = node.name.elements.map(element => (element.propertyName ?? element.name).getText())
    return initializer && taken.map(name => ambientMember(initializer, name)).find(use => use !== undefined)
  }
  return undefined
}

function ambientMember(object: ts.Expression, member: string | undefined): string | undefined {
  const name = globalName(object)
  if (name === undefined || member === undefined) return undefined
  if (name === 'globalThis') return ambientGlobals.includes(member) ? `globalThis.${member}` : undefined
  const banned = Object.hasOwn(ambientMembers, name) && ambientMembers[name]?.includes(member)
  return banned ? `${name}.${member}` : undefined
}

/** `Math` for `Math` and for `globalThis.Math`, undefined for `this.Math`. */
function globalName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text
  const qualified = ts.isPropertyAccessExpression(node) && globalName(node.expression) === 'globalThis'
  return qualified ? node.name.text : undefined
}

/** Whether an identifier stands for a value in scope, and is not the name of a member or of what it declares. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isImportSpecifier(parent) || ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isQualifiedName(parent)) return parent.left === node
  return !('name' in parent && parent.name === node) && !(ts.isBindingElement(parent) && parent.propertyName === node)
}

function asynchronies(source: Source): string[] {
  if (layers[folderOf(source.path)]?.machine !== true) return []
  const file = parse(source)
  const found: string[] = []
  walk(file, node => {
    const keyword = node.kind === ts.SyntaxKind.AsyncKeyword || node.kind === ts.SyntaxKind.AwaitKeyword
    if (keyword || ts.isAwaitExpression(node)) found.push(`${place(file, node)}: a machine does not wait`)
  })
  return found
}

function typeEscapes(source: Source): string[] {
  const file = parse(source)
  const found: string[] = []
  walk(file, node => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${place(file, node)}: any`)
    const twice =
      ts.isAsExpression(node) && ts.isAsExpression(bare(node.expression)) ? bare(node.expression) : undefined
    if (twice !== undefined && ts.isAsExpression(twice) && twice.type.kind === ts.SyntaxKind.UnknownKeyword) {
      found.push(`${place(file, node)}: as unknown as`)
    }
  })
  source.text.split('\n').forEach((line, index) => {
    const directive = /(?:\/\/|\/\*)[\s*]*(@ts-(?:ignore|expect-error|nocheck))/.exec(line)?.[1]
    if (directive !== undefined) found.push(`${source.path}:${index + 1}: ${directive}`)
  })
  return found
}

function oversizes(source: Source): string[] {
  const lines = source.text.replace(/\n$/, '').split('\n')
  const cap = source.path.startsWith('test/') ? testLines : sourceLines
  // The list of mutants quotes lines of the source as they stand.
  const quotes = source.path.startsWith('test/mutants/') ? /^\s*((find|replace): )?['"`]/ : undefined
  const long = lines.flatMap((line, index) =>
    line.length > lineLength && quotes?.test(line) !== true
      ? [`${source.path}:${index + 1}: a line over ${lineLength} characters`]
      : [],
  )
  return lines.length > cap ? [...long, `${source.path}: ${lines.length} lines, over ${cap}`] : long
}

function badNames(path: string): string[] {
  const [file = '', ...folders] = path.split('/').reverse()
  const name = file.replace(/(\.test)?\.ts$/, '')
  const odd = [name, ...folders].filter(part => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part))
  const empty = emptyNames.includes(name) && path !== 'src/index.ts'
  return [
    ...odd.map(part => `${path}: '${part}' is not in kebab case`),
    ...(empty ? [`${path}: '${name}' says nothing of what is in it`] : []),
  ]
}

function strayTests(path: string, exists: (path: string) => boolean): string[] {
  if (!path.endsWith('.test.ts') || treeTests.includes(path)) return []
  const folder = posix.dirname(path).slice('test/'.length)
  if (folder === '') return [`${path}: belongs in a folder`]
  if (testFolders.includes(folder.split('/')[0] ?? '') || exists(`src/${folder}`)) return []
  return [`${path}: there is no src/${folder}`]
}

function parse(source: Source): ts.SourceFile {
  return ts.createSourceFile(source.path, source.text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS)
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, child => walk(child, visit))
}

function place(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`
}

function literal(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

function bare(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? bare(node.expression) : node
}

/** The folder of `src` that a file is in, empty for `src/index.ts`. */
function folderOf(path: string): string {
  const [, folder = '', rest] = path.split('/')
  return rest === undefined ? '' : folder
}

// ---------------------------------------------------------------------------------------------------------------------
// The checkers are checked: what is planted is found, and what is innocent is not.

describe('the checkers', () => {
  const everything = (): boolean => true
  const stray = (path: string, text: string): string[] => strayImports({ path, text }, everything)

  test.each([
    ['src/core/time.ts', "import { encode } from '../codec/codec.js'"],
    ['src/core/time.ts', "import { EventEmitter } from 'eventemitter3'"],
    ['src/core/time.ts', "import type { Link } from '../link/link.js'"],
    ['src/core/time.ts', "let link: import('../link/link.js').Link"],
    ['src/codec/batch.ts', "import { Encoder } from 'cbor-x'"],
    ['src/codec/batch.ts', "import { inflate } from 'node:zlib'"],
    ['src/codec/batch.ts', "export * from '../transport/transport.js'"],
    ['src/membership/full.ts', "import { plumtree } from '../delivery/plumtree.js'"],
    ['src/delivery/relay.ts', "import { readFile } from 'node:fs/promises'"],
    ['src/link/link.ts', "import { fullMesh } from '../manager/manager.js'"],
    ['src/link/link.ts', "import { WebSocket } from 'ws'"],
    ['src/link/handshake.ts', "import { createHmac, randomBytes } from 'node:crypto'"],
    ['src/link/handshake.ts', "import { randomBytes as createHmac } from 'node:crypto'"],
    ['src/link/handshake.ts', "import * as crypto from 'node:crypto'"],
    ['src/link/handshake.ts', "import crypto from 'node:crypto'"],
    ['src/link/handshake.ts', "import 'node:crypto'"],
    ['src/link/handshake.ts', "const { createHmac } = await import('node:crypto')"],
    ['src/manager/manager.ts', "import { setTimeout } from 'node:timers/promises'"],
    ['src/manager/manager.ts', "export { Pool } from '../pool/pool.js'"],
    ['src/sink/sink.ts', "import { Worker } from '../worker/worker.js'"],
    ['src/topology/launch.ts', "import { main } from '../cli/cli.js'"],
    ['src/topology/launch.ts', "import { spawn } from 'node:child_process'"],
    ['src/runtime/clock.ts', "import { link } from '../link/link.js'"],
    ['src/testing/cluster.ts', "import { launch } from '../topology/launch.js'"],
    ['src/manager/manager.ts', "import { fullMesh } from '../index.js'"],
    ['src/manager/manager.ts', "import { fullMesh } from 'maquis'"],
    ['src/manager/manager.ts', "import { link } from '../link/link.ts'"],
    ['src/manager/manager.ts', "import { rig } from '../../test/support/rig.js'"],
    ['src/manager/manager.ts', 'const plugin = await import(name)'],
    ['src/index.ts', "export { simulate } from './testing/testing.js'"],
    ['src/index.ts', "export { main } from './cli/cli.js'"],
    ['src/gadgets/gadget.ts', 'export const gadget = 1'],
  ])('find the stray import in %s: %s', (path, text) => {
    expect(stray(path, text)).toHaveLength(1)
  })

  test.each([
    ['src/core/time.ts', "import type { NodeName } from './node.js'\n// import { x } from '../link/link.js'"],
    ['src/codec/batch.ts', "import { Buffer } from 'node:buffer'\nimport type { Instant } from '../core/time.js'"],
    ['src/transport/websocket.ts', "import { WebSocketServer } from 'ws'\nimport { createServer } from 'node:https'"],
    ['src/link/handshake.ts', "import { createHmac, timingSafeEqual } from 'node:crypto'"],
    ['src/link/link.ts', "import { EventEmitter } from 'eventemitter3'\nimport { encode } from '../codec/codec.js'"],
    ['src/manager/manager.ts', "import { systemClock } from '../runtime/clock.js'"],
    ['src/sink/outputs/file.ts', "import { open } from 'node:fs/promises'\nimport type { Sink } from '../sink.js'"],
    ['src/worker/worker.ts', "import type { Sink } from '../sink/sink.js'"],
    ['src/runtime/entropy.ts', "import { randomBytes } from 'node:crypto'"],
    ['src/testing/cluster.ts', "import { HyParView } from '../membership/hyparview.js'"],
    ['src/cli/main.ts', "import { simulate } from '../testing/testing.js'\nawait import(process.argv[2] ?? '')"],
    ['src/index.ts', "export { fullMesh } from './manager/full-mesh.js'"],
  ])('accept the imports of %s', (path, text) => {
    expect(stray(path, text)).toEqual([])
  })

  test('find an import of a file that does not exist', () => {
    const source = { path: 'src/link/link.ts', text: "import { gone } from './gone.js'" }
    expect(strayImports(source, () => false)).toEqual(["src/link/link.ts:1: './gone.js' is no file of src"])
  })

  test.each([
    'Date.now()',
    'const at = new Date()',
    'const at = new Date',
    'const at = Date()',
    'performance.now()',
    'const pick = Math.random',
    "Math['random']()",
    'const { random } = Math',
    'globalThis.Math.random()',
    'setTimeout(wake, 1)',
    'const later = { setTimeout }',
    'let timer: ReturnType<typeof setTimeout>',
    'globalThis.setTimeout(wake, 1)',
    'setInterval(wake, 1)',
    'setImmediate(wake)',
    'queueMicrotask(wake)',
    'process.nextTick(wake)',
    'process.exit(1)',
    "process.on('SIGTERM', stop)",
    'crypto.randomBytes(8)',
    'crypto.getRandomValues(bytes)',
    'globalThis.crypto.randomUUID()',
    'AbortSignal.timeout(5)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    'const text = `${Date.now()}`',
  ])('find the ambient in: %s', text => {
    expect(ambientUses({ path: 'src/manager/manager.ts', text })).toHaveLength(1)
    expect(ambientUses({ path: 'src/runtime/clock.ts', text })).toEqual([])
  })

  test.each([
    '// Date.now() is banned',
    '/** Never {@link setTimeout}. */',
    "const text = 'Math.random()'",
    'const text = `setTimeout(wake, 1)`',
    'new Date(0)',
    'clock.setTimeout(wake, 1)',
    'this.process.exit(1)',
    'const own = { setTimeout: 1 }',
    'interface Timers { setTimeout(): void }',
    'Math.floor(random.next())',
  ])('see nothing ambient in: %s', text => {
    expect(ambientUses({ path: 'src/manager/manager.ts', text })).toEqual([])
  })

  test.each([
    'async function step() {}',
    'const x = await y',
    'for await (const x of y) {}',
    'class A { async b() {} }',
  ])('find what waits in a machine: %s', text => {
    expect(asynchronies({ path: 'src/delivery/relay.ts', text })).toHaveLength(1)
    expect(asynchronies({ path: 'src/manager/manager.ts', text })).toEqual([])
  })

  test('do not mistake words for waiting', () => {
    const text = "// await\nconst text = 'async'\nconst awaited = { state: text }"
    expect(asynchronies({ path: 'src/delivery/relay.ts', text })).toEqual([])
  })

  test.each([
    'let x: any',
    'const x = y as any',
    'const x: Map<string, any> = y',
    'const x = y as unknown as string',
    'const x = (y as unknown) as string',
    '// @ts-ignore\nx()',
    '/* @ts-expect-error */ x()',
    '// @ts-nocheck',
  ])('find the escape from types in: %s', text => {
    expect(typeEscapes({ path: 'src/core/node.ts', text })).toHaveLength(1)
  })

  test('do not mistake the word any for the type', () => {
    const text = "// any\nconst any = 'as unknown as'\nconst x = y as unknown"
    expect(typeEscapes({ path: 'src/core/node.ts', text })).toEqual([])
  })

  test('find long files and long lines', () => {
    expect(oversizes({ path: 'src/core/node.ts', text: '\n'.repeat(401) })).toHaveLength(1)
    expect(oversizes({ path: 'src/core/node.ts', text: '\n'.repeat(400) })).toEqual([])
    expect(oversizes({ path: 'test/core/node.test.ts', text: '\n'.repeat(600) })).toEqual([])
    expect(oversizes({ path: 'test/core/node.test.ts', text: '\n'.repeat(601) })).toHaveLength(1)
    expect(oversizes({ path: 'src/core/node.ts', text: `//${'-'.repeat(119)}` })).toHaveLength(1)
    expect(oversizes({ path: 'src/core/node.ts', text: `//${'-'.repeat(118)}` })).toEqual([])
  })

  test.each([
    'src/core/utils.ts',
    'src/core/index.ts',
    'src/core/fullMesh.ts',
    'src/Core/node.ts',
    'test/link/types.ts',
  ])('find the bad name: %s', path => {
    expect(badNames(path)).toHaveLength(1)
  })

  test.each(['src/index.ts', 'src/core/vector-clock.ts', 'test/core/vector-clock.test.ts'])(
    'accept the name: %s',
    path => {
      expect(badNames(path)).toEqual([])
    },
  )

  test('find tests that mirror no folder', () => {
    const exists = (path: string): boolean => path === 'src/link'
    expect(strayTests('test/gadgets/gadget.test.ts', exists)).toHaveLength(1)
    expect(strayTests('test/link.test.ts', exists)).toHaveLength(1)
    expect(strayTests('test/link/link.test.ts', exists)).toEqual([])
    expect(strayTests('test/sim/full-mesh.test.ts', exists)).toEqual([])
    expect(strayTests('test/support/rig.ts', exists)).toEqual([])
  })
})
