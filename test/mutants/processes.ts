import { type ChildProcess, spawn } from 'node:child_process'

/** How a child process ended. */
export interface Ending {
  /** Undefined when it took too long and was killed. */
  readonly code: number | undefined
  readonly seconds: number
  /** What it said, the end of it. */
  readonly output: string
}

const outputMax = 100_000
const children = new Set<ChildProcess>()

/** Runs Node.js in `cwd` and waits for its end; kills it, and all that it started, after `limit` milliseconds. */
export function run(cwd: string, args: readonly string[], limit: number, env: NodeJS.ProcessEnv = {}): Promise<Ending> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it starts can be ended with it.
    const child = spawn(process.execPath, args, {
      ...{ cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] as const },
      env: { ...process.env, ...env },
    })
    children.add(child)
    let output = ''
    const collect = (bytes: Buffer): void => {
      output = (output + bytes.toString()).slice(-outputMax)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    let late = false
    const timer = setTimeout(() => {
      late = true
      kill(child)
    }, limit)
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(timer)
      children.delete(child)
      const seconds = (performance.now() - started) / 1_000
      resolve({ code: late ? undefined : (code ?? 1), seconds, output })
    })
  })
}

/** Ends every child, and all that they started. */
export function killAll(): void {
  for (const child of children) kill(child)
}

function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
