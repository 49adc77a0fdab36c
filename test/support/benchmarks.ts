import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** What runs without what the benchmarks compare with: that is not installed here. */
const leftOut = ['build', 'node_modules', 'results', 'peers', 'pools']

/** The benchmarks as they run, in processes of their own, with the planted stacks in the place of the real ones. */
export class CompiledBenchmarks implements AsyncDisposable {
  readonly #folder: string

  static async create(): Promise<CompiledBenchmarks> {
    const folder = await mkdtemp(join(tmpdir(), 'maquis-benchmarks-'))
    await mkdir(join(folder, 'pids'))
    await cp(join(root, 'benchmarks', 'package.json'), join(folder, 'package.json'))
    await compile(join(root, 'benchmarks'), join(folder, 'build'))
    const planted = await readFile(join(root, 'test', 'benchmarks', 'planted', 'stacks.ts'), 'utf8')
    await write(join(folder, 'build', 'stacks.js'), planted.replaceAll('../../../benchmarks/', './'))
    return new CompiledBenchmarks(folder)
  }

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** What the environment has to have for {@link running}. */
  get env(): Readonly<Record<string, string>> {
    return { PLANTED_STACKS_PIDS: join(this.#folder, 'pids') }
  }

  /** Where a compiled file is. */
  url(file: string): URL {
    return pathToFileURL(join(this.#folder, 'build', file))
  }

  /** What a run has written. */
  async results(file: string): Promise<unknown> {
    return JSON.parse(await readFile(join(this.#folder, 'results', file), 'utf8'))
  }

  /** The stacks of which a process runs. */
  async running(): Promise<string[]> {
    const pids = await readdir(join(this.#folder, 'pids'))
    const names = await Promise.all(pids.map(pid => readFile(join(this.#folder, 'pids', pid), 'utf8')))
    return names.filter((_, index) => isRunning(Number(pids[index])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** One that has ended is there until somebody asks how: where the first process of a system does not, for ever. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout !== '' && !stdout.startsWith('Z')
}

async function compile(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const path = join(from, entry.name)
    if (entry.isDirectory() && !leftOut.includes(entry.name)) await compile(path, join(to, entry.name))
    if (!entry.name.endsWith('.ts')) continue
    await write(join(to, entry.name.replace(/ts$/, 'js')), await readFile(path, 'utf8'))
  }
}

const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true }

async function write(path: string, source: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, ts.transpileModule(source, { compilerOptions }).outputText)
}
