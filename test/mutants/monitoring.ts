import type { Mutant } from './mutant.js'

const monitors = 'src/delivery/monitors.ts'
const monitored = 'src/delivery/monitored.ts'
const messages = 'src/delivery/monitor-messages.ts'
const unsaid = 'src/delivery/unsaid-ids.ts'
const monitoring = 'src/manager/monitoring.ts'
const nodeMonitors = 'src/manager/node-monitors.ts'
const serverRef = 'src/manager/server-ref.ts'
const linkEvents = 'src/manager/link-events.ts'
const requestAll = 'src/manager/request-all.ts'

const ofMachines = ['test/delivery/monitors.test.ts']
const ofMonitors = [...ofMachines, 'test/manager/monitoring.test.ts']
const ofUnsaid = ['test/delivery/unsaid-ids.test.ts']
const ofReferences = ['test/manager/references.test.ts']
const ofMany = ['test/manager/request-all.test.ts']

/** Monitors, references to one life of a server, and requests to many. */
export const monitoringMutants: readonly Mutant[] = [
  {
    name: 'a monitor is told of an end when the notice has come on the first of the streams',
    file: monitors,
    find: '      if (monitor.heard.size < streams) continue\n',
    replace: '',
    tests: ofMonitors,
  },
  {
    name: 'a monitor that has ended is told of its end again',
    file: monitors,
    find: "      this.#remove(node, id)\n      out.push({ type: 'ended', id, life: monitor.life, why: monitor.reason })",
    replace: "      out.push({ type: 'ended', id, life: monitor.life, why: monitor.reason })",
    tests: ofMonitors,
  },
  {
    name: 'a monitor takes the next life of its node for the one that it watches',
    file: monitors,
    find: 'this.#end(node, ({ life }) => life !== undefined || !waitsOn, why, out)',
    replace: 'this.#end(node, () => !waitsOn, why, out)',
    tests: ofMonitors,
  },
  {
    name: 'a monitor that waits for a member ends with the first connection that is lost',
    file: monitors,
    find: 'this.#end(node, ({ life }) => life !== undefined || !waitsOn, why, out)',
    replace: 'this.#end(node, () => true, why, out)',
    tests: ofMonitors,
  },
  {
    name: 'after a reconnection nobody asks whether the other end still watches',
    file: monitors,
    find: "      out.push({ type: 'send', to: node, channel, message: { type: 'sync', ids: this.ids(node, channel) } })\n",
    replace: '      if (channel.length > 1_000) out.pop()\n',
    tests: ofMonitors,
  },
  {
    name: 'a monitor that is disposed stays at the other end',
    file: monitors,
    find: "    out.push({ type: 'send', to: node, channel: monitor.channel, message: { type: 'demonitor', ids: [id] } })\n",
    replace: '    if (out.length > 1_000) out.pop()\n',
    tests: ofMonitors,
  },
  {
    name: 'a node of which nothing is watched any more is remembered',
    file: monitors,
    find: '    if (peer?.monitors.size === 0 && peer.channels.size === 0) this.#peers.delete(node)\n',
    replace: '    if (peer === undefined) this.#peers.delete(node)\n',
    tests: ofMachines,
  },
  {
    name: 'monitors of a server beyond the limit are kept',
    file: monitored,
    find: '(known?.size ?? 0) >= this.#options.limit',
    replace: '(known?.size ?? 0) < 0',
    tests: ofMonitors,
  },
  {
    name: 'a monitor that is repeated takes a second place',
    file: monitored,
    find: '      if (known?.has(id)) continue\n',
    replace: '',
    tests: ofMachines,
  },
  {
    name: 'a peer that is gone keeps its monitors here',
    file: monitored,
    find: 'for (const id of [...(this.#peers.get(input.node)?.keys() ?? [])]) this.#remove(input.node, id)',
    replace: 'for (const id of [...(this.#peers.get(input.node)?.keys() ?? [])].slice(1)) this.#remove(input.node, id)',
    tests: ofMachines,
  },
  {
    name: 'a monitor that the watched end forgot waits for ever',
    file: monitored,
    find: "    if (lost.length > 0) out.push({ type: 'notice', to: node, channel, ids: lost, reason: 'lost' })\n",
    replace: '    if (lost.length > 1_000) out.pop()\n',
    tests: ofMonitors,
  },
  {
    name: 'after a cut that only the watched end heard of, the watching end waits for ever',
    file: monitored,
    find: "        return this.#tell(untold, 'lost', out)\n",
    replace: "        return this.#tell(untold.slice(1_000), 'lost', out)\n",
    tests: ofMachines,
  },
  {
    name: 'comparing one channel ends the monitors of the others',
    file: monitored,
    find: 'monitor.channel === channel && !ids.has(monitor.id)',
    replace: '!ids.has(monitor.id)',
    tests: ofMachines,
  },
  {
    name: 'a monitor of a later registration is forgotten with the notice of an earlier one',
    file: monitored,
    find: 'if (this.#peers.get(input.node)?.get(id)?.over) this',
    replace: 'this',
    tests: ofMachines,
  },
  {
    name: 'a notice on a stream beyond their number is read',
    file: messages,
    find: 'return stream < streams ? ',
    replace: 'return stream <= streams ? ',
    tests: ofMachines,
  },
  {
    name: 'the end of a server of this node overtakes what it had sent',
    file: monitoring,
    find: '      return local.behind(() => {',
    replace: '      return ((run: () => void) => run())(() => {',
    tests: ofMonitors,
  },
  {
    name: 'what a full queue does not take is offered as often as ever',
    file: unsaid,
    find: 'this.#pause = Math.min(2 * this.#pause, retryMillisMax)',
    replace: 'this.#pause = Math.min(this.#pause, retryMillisMax)',
    tests: ofUnsaid,
  },
  {
    name: 'what a full queue does not take is soon not offered for hours',
    file: unsaid,
    find: 'Math.min(2 * this.#pause, retryMillisMax)',
    replace: '2 * this.#pause',
    tests: ofUnsaid,
  },
  {
    name: 'what came while a part was under way is taken to have gone with it',
    file: unsaid,
    find: '    for (const id of part) this.#ids.delete(id)',
    replace: '    if (part.length > 0) this.#ids.clear()',
    tests: ofUnsaid,
  },
  {
    name: 'what waits for room in a queue of monitors has no limit',
    file: unsaid,
    find: 'if (this.#ids.size + ids.length > unsaidMax) return false',
    replace: 'if (ids.length > unsaidMax) return false',
    tests: ofUnsaid,
  },
  {
    name: 'a comparison that a full queue refused is offered as it was, and ends what came to be in between',
    file: monitoring,
    find: '(isComparison ? this.#monitors.ids(node, channel) : unsaid.part)',
    replace: '(isComparison ? message.ids : unsaid.part)',
    tests: ofMonitors,
  },
  {
    name: 'what a full queue kept for a life of a peer goes to the next',
    file: 'src/manager/monitoring.ts',
    find: '      if (!isCurrent()) return false\n',
    replace: '',
    tests: ['test/manager/monitoring.test.ts'],
  },
  {
    name: 'a monitor whose end a peer was told keeps its place',
    file: 'src/manager/monitoring.ts',
    find: "    if (told.every(taken => taken)) this.#watchedStep({ type: 'told', node: to, ids })\n",
    replace: '',
    tests: ['test/manager/monitoring.test.ts'],
  },
  {
    name: 'a notice that a full queue did not take is lost',
    file: monitoring,
    find: 'if (!(error instanceof OverflowError) || life === undefined) return false',
    replace: 'if (error instanceof Error || life === undefined) return false',
    tests: ofMonitors,
  },
  {
    name: 'a monitor is told of its end before its owner has it',
    file: monitoring,
    find: '    this.#context.clock.defer(() => this.#end(id, life, error))\n',
    replace: '    this.#end(id, life, error)\n',
    tests: ofMonitors,
  },
  {
    name: 'the end of a registration is not told',
    file: 'src/manager/registry.ts',
    find: '        this.#observer.unregistered(name)\n',
    replace: '',
    tests: ofMonitors,
  },
  {
    name: 'one who monitors nodes is told that a node is up which is not',
    file: nodeMonitors,
    find: '    this.#up.delete(node)\n',
    replace: '',
    tests: ofMany,
  },
  {
    name: 'one who monitors nodes is not told of those that are up',
    file: nodeMonitors,
    find: "      this.#call(monitor, { type: 'up', node, incarnation })\n",
    replace: '',
    tests: ofMany,
  },
  {
    name: 'what waited for a life that ended goes to the next',
    file: linkEvents,
    find: 'life !== undefined && life !== incarnation',
    replace: 'life !== undefined && life === incarnation',
    tests: ofReferences,
  },
  {
    name: 'what an interposition held goes to another life than it is for',
    file: 'src/manager/sender.ts',
    find: '        const channel = this.#channelFor(link, options, outgoing.extra?.life)\n',
    replace: '        const channel = this.#channelFor(link, options)\n',
    tests: ofReferences,
  },
  {
    name: 'a life that was not met is taken for the one that is known',
    file: serverRef,
    find: 'known === 0 || wanted === known',
    replace: 'known === 0 || wanted >= known',
    tests: ofReferences,
  },
  {
    name: 'a reference whose node is no name is used',
    file: serverRef,
    find: 'node: checkNode(ref.node), server',
    replace: 'node: ref.node, server',
    tests: ofReferences,
  },
  {
    name: 'a node that is named twice is asked twice',
    file: requestAll,
    find: '[...new Set(nodes)]',
    replace: '[...nodes]',
    tests: ofMany,
  },
  {
    name: 'a message that cannot travel makes all nodes missing, and is no mistake',
    file: requestAll,
    find: '  if (bytes.length <= messageBytes) return\n',
    replace: '  if (bytes.length > 0) return\n',
    tests: ofMany,
  },
]
