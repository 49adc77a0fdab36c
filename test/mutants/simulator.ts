import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Checkout } from './checkout.js'
import { run } from './processes.js'
import type { Failure } from './trial.js'

/** The project of the simulator, and what it is compiled to. */
export const simulatorProject = 'test/sim/tsconfig.json'
const simulator = 'build/sim/main.js'

/** What `npm run sim` finds in so many histories of a checkout; undefined when every promise was kept. */
export async function trySimulator(checkout: Checkout, histories: number, limit: number): Promise<Failure | undefined> {
  if (!existsSync(join(checkout.root, simulator))) return undefined
  const args = ['--histories', String(histories), '--jobs', '1', '--failures', '1', '--no-shrink']
  const { code, output } = await run(checkout.root, [simulator, ...args], limit)
  if (code === 0) return undefined
  if (code === undefined) return { by: 'the simulator hangs', file: undefined }
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const repeat = lines.find(line => line.startsWith('Here: ')) ?? `exit code ${code}`
  return { by: `the simulator: ${lines[0]?.trim().slice(0, 200)} (${repeat})`, file: undefined }
}
