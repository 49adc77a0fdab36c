import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** A Markdown file. */
export interface Page {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

/** A `ts` block of a page. */
export interface Example {
  /** `docs/guide.md:12`: the page, and the line on which its code begins. */
  readonly at: string
  /** The name of its file in `build/examples`, without an extension. */
  readonly file: string
  readonly code: string
  readonly line: number
  /** `compile` for `ts no-run`. A `ts fragment` is no example at all. */
  readonly use: 'run' | 'compile'
  /** What an `output` block after it says that it prints. */
  readonly output: string | undefined
}

/** How a program ended. */
export interface Outcome {
  readonly exit: string
  readonly stdout: string
  readonly stderr: string
}

/** A block fenced by ``` or ~~~. */
interface Fence {
  readonly info: string
  /** The line after the opening fence, counted from 1. */
  readonly line: number
  readonly lines: readonly string[]
}

/** The pages with these names, and those in these folders. */
export function readPages(names: readonly string[], folders: readonly string[]): Page[] {
  const inFolders = folders
    .filter(folder => existsSync(join(root, folder)))
    .flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.md'))
        .sort()
        .map(name => posix.join(folder, name.replaceAll('\\', '/'))),
    )
  return [...names, ...inFolders]
    .filter(path => existsSync(join(root, path)))
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** The examples of a page. Throws for a block that would escape by a word misspelt. */
export function examplesOf(page: Page): Example[] {
  const examples: Example[] = []
  let last: 'example' | 'other' = 'other'
  for (const fence of fencesOf(page.text)) {
    const at = `${page.path}:${fence.line}`
    const code = fence.lines.join('\n')
    if (fence.info === 'output') {
      const example = last === 'example' ? examples.pop() : undefined
      if (example?.use !== 'run') throw new Error(`${at}: an output block follows an example that runs`)
      examples.push({ ...example, output: code })
      last = 'other'
    } else if (fence.info === 'ts' || fence.info === 'ts no-run') {
      const file = `${page.path.replace(/\.md$/, '').replaceAll('/', '-')}-${examples.length + 1}`
      const use = fence.info === 'ts' ? 'run' : 'compile'
      examples.push({ at, file, code, line: fence.line, use, output: undefined })
      last = 'example'
    } else {
      const escaped = /^(ts|typescript|js|javascript|mts|mjs)\b/.test(fence.info) && fence.info !== 'ts fragment'
      if (escaped) throw new Error(`${at}: '${fence.info}' is none of 'ts', 'ts no-run' and 'ts fragment'`)
      last = 'other'
    }
  }
  return examples
}

/** The fenced blocks of a text, those in lists and quotes without their indentation. */
function fencesOf(text: string): Fence[] {
  const fences: Fence[] = []
  let open: { fence: string; indent: number; info: string; line: number; lines: string[] } | undefined
  text.split('\n').forEach((line, index) => {
    const [, indent = '', fence = '', info = ''] = /^([ \t]*)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (open === undefined) {
      if (fence !== '') open = { fence, indent: indent.length, info: info.trim(), line: index + 2, lines: [] }
    } else if (fence.startsWith(open.fence) && info.trim() === '') {
      fences.push(open)
      open = undefined
    } else {
      const indented = line.slice(0, open.indent).trim() === ''
      open.lines.push(indented ? line.slice(open.indent) : line)
    }
  })
  if (open !== undefined) throw new Error(`line ${open.line - 1}: a fence that does not close`)
  return fences
}

/**
 * Compiles all examples in one run against the package as its users see it (`dist`), into `folder`. Returns what the
 * compiler said, with the places in the pages.
 */
export async function compileExamples(examples: readonly Example[], folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  // The code stands on the line where it stands in its page: a complaint of the compiler names that line.
  await Promise.all(
    examples.map(example =>
      writeFile(join(folder, `${example.file}.ts`), `${'\n'.repeat(example.line - 1)}${example.code}\n`),
    ),
  )
  const compilerOptions = { noEmit: false, rootDir: '.', outDir: '.', inlineSourceMap: true, paths: {} }
  const files = examples.map(example => `${example.file}.ts`)
  const extended = relative(folder, join(root, 'tsconfig.json'))
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: extended, compilerOptions, files, include: [] }),
  )
  if (files.length === 0) return []
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { exit, stdout, stderr } = await runNode([tsc, '-p', folder, '--pretty', 'false'], folder, 120_000)
  if (exit === '0') return []
  return `${stdout}${stderr}`.split('\n').flatMap(line => (line === '' ? [] : [inPage(line, examples)]))
}

function inPage(complaint: string, examples: readonly Example[]): string {
  const [whole = '', file, line] = /^(?:.*\/)?([^/(]+)\.ts\((\d+),\d+\)/.exec(complaint) ?? []
  const example = examples.find(candidate => candidate.file === file)
  return example === undefined ? complaint : `${example.at.replace(/\d+$/, line ?? '')}${complaint.slice(whole.length)}`
}

/** Runs a compiled example to its end, which must come by itself. */
export function runExample(example: Example, folder: string, timeout: number): Promise<Outcome> {
  return runNode(['--enable-source-maps', join(folder, `${example.file}.js`)], folder, timeout)
}

function runNode(args: readonly string[], cwd: string, timeout: number): Promise<Outcome> {
  return new Promise(resolve => {
    execFile(process.execPath, args, { cwd, timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const exit = error === null ? '0' : error.killed === true ? `killed after ${timeout} ms` : `${error.code}`
      resolve({ exit, stdout, stderr })
    })
  })
}

/** The links of a page that lead to no file, or to no heading of one. */
export function deadLinks(page: Page, read: (path: string) => string | undefined): string[] {
  const prose = proseOf(page.text)
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
  const referenced = [...prose.matchAll(/^\s*\[[^\]]+\]:\s*<?([^\s>]+)/gm)]
  return [...inline, ...referenced].flatMap(([, link = '']) => {
    if (/^[a-z][a-z+.-]*:/i.test(link)) return []
    const [file = '', heading] = link.split('#')
    const path = file === '' ? page.path : posix.join(posix.dirname(page.path), decodeURIComponent(file))
    const text = read(path)
    if (text === undefined) return [`${page.path}: ${link}: no such file`]
    if (heading === undefined || !path.endsWith('.md') || anchorsOf(text).has(heading)) return []
    return [`${page.path}: ${link}: no such heading`]
  })
}

function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutFences(text).matchAll(/^ {0,3}#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')
    let twin = anchor
    for (let count = 1; anchors.has(twin); count++) twin = `${anchor}-${count}`
    anchors.add(twin)
  }
  return anchors
}

/** A text without its code. */
function proseOf(text: string): string {
  return withoutFences(text).replace(/`[^`\n]*`/g, '')
}

function withoutFences(text: string): string {
  const lines = text.split('\n')
  for (const fence of fencesOf(text)) {
    for (let line = fence.line - 1; line <= fence.line + fence.lines.length; line++) lines[line - 1] = ''
  }
  return lines.join('\n')
}
