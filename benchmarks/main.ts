import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { NodeSpec } from 'maquis'
import { runBaseline, serveBaseline } from './baseline.js'
import { runNode, serveNode } from './node.js'
import { type Figures, median, rounds } from './workload.js'

// Sender and receiver are processes of their own; the stacks take turns, so that a busy neighbour disturbs both.
const role = process.argv[2]
if (role === 'receive-node') await serveNode(spec => process.send?.(spec))
else if (role === 'receive-baseline') serveBaseline(url => process.send?.(url))
else await measure()

async function measure(): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const url = await receiver<string>('receive-baseline', children)
    const spec = await receiver<NodeSpec>('receive-node', children)
    const baseline: Figures[] = []
    const node: Figures[] = []
    // The first round warms both up, and does not count.
    for (let round = 0; round <= rounds; round++) {
      baseline.push(await runBaseline(url))
      node.push(await runNode(spec))
      process.stderr.write(round === 0 ? 'warm\n' : `round ${round} of ${rounds}\n`)
    }
    baseline.shift()
    node.shift()
    print('ws + cbor-x by hand, a batch per turn', baseline)
    print('maquis', node)
    const ratio = medianOf(node, 'cast, msg/s') / medianOf(baseline, 'cast, msg/s')
    console.log(`maquis casts at ${ratio.toFixed(2)} times the rate of the hand-written baseline.`)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

function receiver<Announcement>(name: string, children: ChildProcess[]): Promise<Announcement> {
  const child = fork(fileURLToPath(import.meta.url), [name], { serialization: 'advanced' })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.once('message', message => resolve(message as Announcement))
    child.once('exit', code => reject(new Error(`${name} ended with ${code}`)))
  })
}

function print(stack: string, runs: readonly Figures[]): void {
  console.log(`${stack} (median of ${runs.length}, and all)`)
  for (const name of Object.keys(runs[0] ?? {})) {
    const all = runs.map(run => run[name]?.toLocaleString('en')).join('  ')
    console.log(`  ${name.padEnd(28)} ${medianOf(runs, name).toLocaleString('en').padStart(12)}   ${all}`)
  }
}

function medianOf(runs: readonly Figures[], name: string): number {
  return median(runs.map(run => run[name] ?? Number.NaN))
}
