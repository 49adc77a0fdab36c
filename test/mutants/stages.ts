import { posix } from 'node:path'
import type { Mutant } from './mutant.js'

/** Where a mutant may be killed, in this order. */
export const stageNames = ['likely', 'related', 'simulator', 'rest'] as const

export type StageName = (typeof stageNames)[number]

/** Tests that cover a file and do not bear its name. */
const coveredBy: Readonly<Record<string, readonly string[]>> = {
  'src/membership/full.ts': ['full-steps', 'full-membership'],
  'src/membership/farewells.ts': ['full-steps', 'full-membership'],
  'src/membership/member-table.ts': ['member-table', 'full-steps', 'full-membership'],
  'src/membership/news.ts': ['full-steps', 'full-membership'],
  'src/membership/client.ts': ['client', 'client-server'],
  'src/membership/server.ts': ['server', 'client-server'],
  'src/membership/roles.ts': ['client', 'server', 'client-server'],
  'src/membership/client-server-messages.ts': ['client-server', 'client', 'server'],
  'src/membership/isolation.ts': ['full-steps', 'full-membership'],
  'src/membership/summary.ts': ['full-steps', 'full-membership'],
  'src/membership/full-messages.ts': ['full-steps', 'full-membership'],
  'src/membership/hyparview.ts': ['hyparview', 'hyparview-identity'],
  'src/membership/component-beacon.ts': ['component-beacon', 'hyparview-identity', 'hyparview-histories'],
  'src/membership/active-view.ts': ['hyparview-identity', 'xbot'],
  'src/membership/round-trips.ts': ['xbot'],
  'src/membership/xbot.ts': ['xbot'],
  'src/core/abort.ts': ['acknowledgement'],
  'src/link/handshake.ts': ['handshake', 'handshake-attacks'],
  'src/link/proof.ts': ['handshake', 'handshake-attacks'],
  'src/link/admission.ts': ['admission', 'lanes', 'incarnations'],
  'src/link/hub.ts': ['dialling', 'incarnations', 'lanes'],
  'src/link/link.ts': ['link', 'lanes', 'incarnations', 'lost-lanes'],
  'src/link/lane.ts': ['succession', 'lanes', 'lane-messages', 'lane-hostile', 'xbot'],
  'src/link/channel.ts': ['lanes', 'lane-messages', 'incarnations'],
  'src/link/outbound.ts': ['lane-messages', 'lane-hostile'],
  'src/link/inbound.ts': ['inbound', 'lane-messages', 'lane-hostile'],
  'src/link/frame-writer.ts': ['lane-messages'],
  'src/link/large-frame.ts': ['lane-messages'],
  'src/link/waiting-frames.ts': ['lane-messages', 'lane-hostile'],
  'src/manager/joiner.ts': ['seeds', 'joining', 'membership', 'lifecycle', 'reconnection'],
  'src/manager/stopping.ts': ['joining', 'seeds', 'lifecycle'],
  'src/manager/overlay-port.ts': ['identity', 'cuts', 'membership', 'faults', 'hostile-member', 'lost-lanes'],
  'src/manager/node.ts': ['identity', 'joining', 'lifecycle', 'membership', 'reconnection'],
  'src/manager/watchers.ts': ['watching'],
  'src/manager/arrivals.ts': ['cuts', 'waiting', 'messaging', 'faults', 'backpressure'],
  'src/manager/faults.ts': ['cuts', 'faults', 'lifecycle'],
  'src/manager/delays.ts': ['faults', 'lifecycle'],
  'src/manager/sender.ts': ['waiting', 'requests', 'messaging', 'backpressure', 'ordering'],
  'src/manager/room.ts': ['waiting', 'backpressure'],
  'src/manager/requester.ts': ['requests', 'messaging', 'hostile-member', 'lifecycle', 'cuts'],
  'src/manager/registry.ts': ['thrown-refusals', 'messaging', 'requests', 'acknowledgement'],
  'src/manager/receiver.ts': ['iterators', 'requests', 'messaging', 'backpressure'],
  'src/manager/local-servers.ts': ['requests', 'messaging', 'acknowledgement'],
  'src/manager/link-events.ts': ['identity', 'joining', 'cuts', 'lost-lanes', 'reconnection', 'requests'],
  'src/manager/message-options.ts': ['waiting', 'requests', 'acknowledgement'],
  'src/manager/peer-service.ts': ['seeds', 'joining', 'lifecycle', 'membership'],
  'src/link/ways.ts': ['dialling', 'lanes', 'relay', 'relay-faults'],
  'src/manager/relayer.ts': ['relay', 'relay-faults', 'circuit-connection'],
  'src/manager/circuit-side.ts': ['relay', 'relay-faults', 'circuit-connection'],
  'src/manager/relay-arrivals.ts': ['relay', 'relay-faults', 'circuit-connection'],
  'src/manager/seeker.ts': ['relay', 'relay-faults', 'circuit-connection'],
  'src/delivery/outstanding.ts': ['acceptance', 'acknowledgement-lives'],
  'src/link/queue.ts': ['queue', 'acknowledgement', 'acknowledgement-lives'],
  'src/manager/outboxes.ts': ['acknowledgement', 'acknowledgement-lives'],
  'src/manager/inboxes.ts': ['acknowledgement', 'acknowledgement-lives'],
  'src/manager/acked-arrivals.ts': ['acknowledgement', 'acknowledgement-lives'],
  'src/manager/held-back.ts': ['acknowledgement', 'acknowledgement-lives'],
  'src/manager/acknowledgements.ts': ['acknowledgement', 'acknowledgement-lives'],
}

/** The folders of tests that use what is in a folder of `src`. */
const users: Readonly<Record<string, readonly string[]>> = {
  core: ['core', 'codec', 'delivery', 'membership', 'fault', 'link', 'manager'],
  codec: ['codec', 'link', 'manager'],
  delivery: ['delivery', 'manager'],
  fault: ['fault', 'manager'],
  membership: ['membership', 'manager'],
  link: ['link', 'manager'],
  manager: ['manager'],
}

/** They look at the text of the tree, or check the mutants themselves: what they find is no merit of theirs. */
const aboutText = /^test\/(architecture|docs|errors-doc|mutants)\.test\.ts$/

/** Which of the tests `all` are run at each stage; no test is run twice. The simulator's own are its stage. */
export function testsOf(mutant: Mutant, all: readonly string[]): Readonly<Record<StageName, readonly string[]>> {
  const left = new Set(all.filter(path => !aboutText.test(path)))
  const take = (wanted: (path: string) => boolean): string[] => {
    const taken = [...left].filter(wanted)
    for (const path of taken) left.delete(path)
    return taken
  }
  const simulator = take(path => path.startsWith('test/sim/'))
  const likely = likelyTests(mutant)
  const first = likely.filter(path => left.delete(path))
  const [, folder = ''] = mutant.file.split('/')
  const related = (users[folder] ?? [folder]).flatMap(user => take(path => path.startsWith(`test/${user}/`)))
  return { likely: first, related, simulator, rest: [...left] }
}

function likelyTests({ file, tests }: Mutant): readonly string[] {
  if (tests !== undefined) return tests
  const [, folder = ''] = file.split('/')
  const names = coveredBy[file] ?? [posix.basename(file, '.ts')]
  return names.map(name => `test/${folder}/${name}.test.ts`)
}
