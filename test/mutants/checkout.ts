import { existsSync, rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { type Mutant, plant } from './mutant.js'
import { run } from './processes.js'
import { simulatorProject } from './simulator.js'

/** What is made, not written: it is not copied. */
const made: readonly string[] = ['.git', 'build', 'coverage', 'dist', 'node_modules']

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
}

/** Later than any file: the tests take `dist` for fresh. */
const distantFuture = new Date('2100-01-01')
const compileLimit = 300_000

/** A copy of the repository in a temporary directory, where one mutant at a time is planted. */
export class Checkout {
  readonly root: string
  #planted:
    | { readonly path: string; readonly text: string; readonly built: string; readonly builtText: string }
    | undefined

  private constructor(root: string) {
    this.root = root
  }

  static async #empty(): Promise<Checkout> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'maquis-mutants-')))
    roots.add(root)
    return new Checkout(root)
  }

  /** Copies the repository at `from`, and compiles it as its users get it. */
  static async copy(from: string): Promise<Checkout> {
    const checkout = await Checkout.#empty()
    for (const part of await readdir(from)) {
      if (!made.includes(part)) await cp(join(from, part), join(checkout.root, part), { recursive: true })
    }
    await symlink(join(from, 'node_modules'), join(checkout.root, 'node_modules'), 'dir')
    await checkout.#compile('tsconfig.build.json')
    if (existsSync(join(checkout.root, simulatorProject))) await checkout.#compile(simulatorProject)
    await mkdir(join(checkout.root, 'build'), { recursive: true })
    const stamp = join(checkout.root, 'build', 'dist.stamp')
    await writeFile(stamp, '')
    await utimes(stamp, distantFuture, distantFuture)
    return checkout
  }

  /** Another copy, as it is now. */
  async clone(): Promise<Checkout> {
    const checkout = await Checkout.#empty()
    await cp(this.root, checkout.root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    return checkout
  }

  /** Why the mutant cannot be planted here; undefined when it can. */
  async misfit(mutant: Mutant): Promise<string | undefined> {
    try {
      plant(mutant, await readFile(join(this.root, mutant.file), 'utf8'))
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Plants a mutant, in `src` and in what was compiled of it. */
  async plant(mutant: Mutant): Promise<void> {
    await this.restore()
    const path = join(this.root, mutant.file)
    const built = join(this.root, mutant.file.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js'))
    const [text, builtText] = await Promise.all([readFile(path, 'utf8'), readFile(built, 'utf8')])
    this.#planted = { path, text, built, builtText }
    const mutated = plant(mutant, text)
    await writeFile(path, mutated)
    await writeFile(built, ts.transpileModule(mutated, { compilerOptions }).outputText)
  }

  /** Takes the mutant out again. */
  async restore(): Promise<void> {
    if (this.#planted === undefined) return
    const { path, text, built, builtText } = this.#planted
    await writeFile(path, text)
    await writeFile(built, builtText)
    this.#planted = undefined
  }

  /** The test files, from the root, in order. */
  async tests(): Promise<string[]> {
    const paths = await readdir(join(this.root, 'test'), { recursive: true })
    return paths
      .filter(path => path.endsWith('.test.ts'))
      .map(path => `test/${path.replaceAll('\\', '/')}`)
      .sort()
  }

  /** What the compiler complains of is for others to say: it writes what runs all the same. */
  async #compile(project: string): Promise<void> {
    await run(this.root, ['node_modules/typescript/bin/tsc', '-p', project], compileLimit)
  }
}

const roots = new Set<string>()

/** Removes every checkout. */
export async function removeAll(): Promise<void> {
  for (const root of roots) await rm(root, { recursive: true, force: true, maxRetries: 5 })
  roots.clear()
}

/** The same for a process that ends now. */
export function removeAllNow(): void {
  for (const root of roots) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}
