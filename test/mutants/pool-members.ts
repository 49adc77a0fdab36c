import type { Mutant } from './mutant.js'

const supply = 'src/pool/supply.ts'
const allocation = 'src/pool/allocation.ts'
const ranking = 'src/pool/ranking.ts'
const nodeTable = 'src/pool/node-table.ts'
const poolMembers = 'src/pool/pool-members.ts'
const workPool = 'src/pool/work-pool.ts'
const workPools = 'src/pool/work-pools.ts'
const peerPools = 'src/pool/peer-pools.ts'
const differences = 'src/pool/differences.ts'
const poolState = 'src/pool/pool-state.ts'
const managePools = 'src/pool/manage-pools.ts'

const ofSteps = ['test/pool/incremental.test.ts']
const ofLiveness = ['test/pool/liveness.test.ts']
const ofArguments = ['test/pool/arguments.test.ts']
const ofPeers = ['test/pool/peer-states.test.ts', 'test/pool/peer-pools.test.ts']
const ofClusters = ['test/pool/managed-pools.test.ts']

/** Who is in work pools, and what nodes tell each other of them. */
export const poolMemberMutants: readonly Mutant[] = [
  {
    name: 'a pool of all nodes is not told who its exclusive neighbour took',
    file: supply,
    find: 'const isShared = this.#claims[0]?.spec.exclusive === true',
    replace: 'const isShared = this.#claims[0]?.spec.exclusive === true && this.#touched.size === 0',
    tests: ofSteps,
  },
  {
    name: 'a pool that takes some for itself alone disturbs nobody who was there before',
    file: supply,
    find: 'if (affectsOthers(claim.spec)) this.#allAreDue()\n    else this',
    replace: 'this',
    tests: ofSteps,
  },
  {
    name: 'what an exclusive pool had is not free when it ends',
    file: supply,
    find: '    if (affectsOthers(claim.spec)) this.#allAreDue()\n    this.#due.delete',
    replace: '    this.#due.delete',
    tests: ofSteps,
  },
  {
    name: 'who joins has no place in the order of a limited pool',
    file: supply,
    find: 'else ranking.add(name)',
    replace: 'else if (name.length > 99) ranking.add(name)',
    tests: ofSteps,
  },
  {
    name: 'who joins has the last place in the order of a limited pool',
    file: ranking,
    find: 'this.#ranked.splice(this.#placeOf(ranked), 0, ranked)',
    replace: 'this.#ranked.push(ranked)',
    tests: ofSteps,
  },
  {
    name: 'who was a logger in the place of loggers stays one',
    file: supply,
    find: 'if (this.#last !== undefined && this.#last.name !== node?.name)',
    replace: 'if (this.#last !== undefined && node === undefined)',
    tests: ofSteps,
  },
  {
    name: 'a manager in the place of loggers that becomes a logger is none of them',
    file: allocation,
    find: "    if (was?.type === 'manager') this.#chooseManager()\n    if (now?.type !== undefined) this.#of(now.type).set(now)\n",
    replace:
      "    if (now?.type !== undefined) this.#of(now.type).set(now)\n    if (was?.type === 'manager') this.#chooseManager()\n",
    tests: ofSteps,
  },
  {
    name: 'a node of another type than before is of both',
    file: allocation,
    find: 'if (was?.type !== undefined && was.type !== now?.type)',
    replace: 'if (was?.type !== undefined && now === undefined)',
    tests: ofSteps,
  },
  {
    name: 'who comes back has the identity of who had its place',
    file: poolMembers,
    find: 'if (was === undefined || is === undefined) this.#identities = undefined',
    replace: 'if (was === undefined) this.#identities = undefined',
    tests: ofSteps,
  },
  {
    name: 'lookups do not see that a node died',
    file: poolMembers,
    find: '    this.#view = undefined\n    if (was === undefined || is',
    replace: '    if (was === undefined || is',
    tests: ofSteps,
  },
  {
    name: 'who leaves itself out passes on what is for itself',
    file: poolMembers,
    find: 'common: sites.length === living.length ? chosen : sitesOf(hash, living)',
    replace: 'common: chosen',
    tests: ofClusters,
  },
  {
    name: 'lives of nodes that are gone are kept for ever',
    file: nodeTable,
    find: 'if (!isMember && up === undefined) this.#entries.delete(name)',
    replace: "if (!isMember && up === undefined && name === '') this.#entries.delete(name)",
    tests: ofLiveness,
  },
  {
    name: 'what strangers say of their departure is kept for ever',
    file: nodeTable,
    find: '    const entry = this.#entries.get(name)\n    if (entry !== undefined && !this',
    replace: '    const entry = this.#entry(name)\n    if (!this',
    tests: ofLiveness,
  },
  {
    name: 'what listeners do is told of before what they were told of',
    file: workPools,
    find: '    if (this.#isTelling) return\n',
    replace: '',
    tests: ofLiveness,
  },
  {
    name: 'a default pool that was ended stays ended',
    file: workPools,
    find: 'if (index >= 0) this.#defaults[index] = pool',
    replace: 'if (index > 2) this.#defaults[index] = pool',
    tests: ofLiveness,
  },
  {
    name: 'any number may wait for a pool',
    file: workPool,
    find: 'if (this.#waiting.size >= waitersMax)',
    replace: 'if (this.#waiting.size > 99 * waitersMax)',
    tests: ofLiveness,
  },
  {
    name: 'nodes that are left out of a bounded load are given something when others are busy',
    file: 'src/pool/bounded-load.ts',
    find: 'excluded?.has(name) !== true',
    replace: "excluded?.has(name) !== true || name !== ''",
    tests: ofLiveness,
  },
  {
    name: 'a function of the user that throws ends what called it',
    file: 'src/pool/topics.ts',
    find: '        failed(name, error)\n        return fallback(...args)',
    replace: '        failed(name, error)\n        throw error',
    tests: ofArguments,
  },
  {
    name: 'a type of nodes may be what others refuse',
    file: 'src/pool/pool-spec.ts',
    find: 'if (!isTopic(nodeType)) {',
    replace: "if (typeof nodeType !== 'string' || nodeType === '') {",
    tests: ofPeers,
  },
  {
    name: 'a peer may tell of pools that nobody could register',
    file: poolState,
    find: '  if (exclusive && maxNodes === undefined) return undefined\n',
    replace: '',
    tests: ['test/pool/pool-faults.test.ts'],
  },
  {
    name: 'the end of an earlier life makes what the present one told forgotten',
    file: peerPools,
    find: 'if (peer === undefined || peer.incarnation > incarnation) return',
    replace: 'if (peer === undefined) return',
    tests: ofPeers,
  },
  {
    name: 'what an earlier life told counts',
    file: peerPools,
    find: 'if (known === undefined ? !manager.isConnected(node) : known.incarnation > incarnation) return',
    replace: 'if (known === undefined && !manager.isConnected(node)) return',
    tests: ofPeers,
  },
  {
    name: 'what comes late of a node that is down is kept',
    file: peerPools,
    find: 'known === undefined ? !manager.isConnected(node) : known',
    replace: 'known !== undefined && known',
    tests: ofPeers,
  },
  {
    name: 'what was told before counts',
    file: peerPools,
    find: '    if (state.version <= peer.heard) return\n',
    replace: '',
    tests: ofPeers,
  },
  {
    name: 'pools that are made again begin to count anew',
    file: peerPools,
    find: 'this.#version = (versions.get(manager) ?? 0) + 1',
    replace: 'this.#version++',
    tests: ofPeers,
  },
  {
    name: 'pools that are made again while they are told are not told',
    file: peerPools,
    find: 'if (peer.isTelling) peer.hasLost = true',
    replace: 'if (peer.isTelling) peer.hasLost = false',
    tests: ofPeers,
  },
  {
    name: 'a node is told everything as often as anything changes, whether it answers or not',
    file: peerPools,
    find: '    if (peer.isTelling) return\n',
    replace: '',
    tests: ofPeers,
  },
  {
    name: 'what changes while a node is told is not told',
    file: peerPools,
    find: "if (isDue && !peer.hasFailed && this.#phase !== 'silent')",
    replace: "if (isDue && peer.hasFailed && this.#phase !== 'silent')",
    tests: ofPeers,
  },
  {
    name: 'who could not be told is not told again',
    file: peerPools,
    find: 'manager.clock.schedule(tellAgainAfter, ',
    replace: 'manager.clock.schedule(tellAgainAfter * 1e6, ',
    tests: ofPeers,
  },
  {
    name: 'nobody says that others could not be told',
    file: peerPools,
    find: 'const isFirst = !peer.hasFailed',
    replace: 'const isFirst = !peer.hasFailed && peer.told > 1e9',
    tests: ofPeers,
  },
  {
    name: 'who could not be told, and says that it has no pools when it has made some, is never told',
    file: peerPools,
    find: '    peer.hasFailed = false\n    if (error instanceof NoSuchServerError) {',
    replace: '    if (error instanceof NoSuchServerError) {',
    tests: ofPeers,
  },
  {
    name: 'who departs does not wait for those who could not be told',
    file: peerPools,
    find: 'if ([...this.#peers.values()].every(({ told }) => told >= version)) end()',
    replace: 'if (version > 0) end()',
    tests: ofPeers,
  },
  {
    name: 'who departs waits for those who could not be told as long as it takes',
    file: peerPools,
    find: 'const cancel = this.#context.manager.clock.schedule(timeout, announcement.end)',
    replace: 'const cancel = this.#context.manager.clock.schedule(timeout * 1e6, announcement.end)',
    tests: ofPeers,
  },
  {
    name: 'pools that are no more are told of for ever',
    file: peerPools,
    find: "    this.#phase = 'silent'\n    this.#cancelRetry?.()\n",
    replace: '',
    tests: ofPeers,
  },
  {
    name: 'pools that are no more are still reckoned with',
    file: peerPools,
    find: "const ended = this.#phase !== 'open'",
    replace: "const ended = this.#phase !== 'open' && this.#version < 0",
    tests: ofPeers,
  },
  {
    name: 'a node that answers that it has no pools is believed to have them',
    file: peerPools,
    find: '      this.#learn(node, peer, undefined)\n',
    replace: '',
    tests: ofPeers,
  },
  {
    name: 'who departed stays away when its pools are no more, for those who knew',
    file: peerPools,
    find: 'this.#context.pools.nodeLeaving(node, peer.incarnation, state?.leaving === true)',
    replace: 'if (state !== undefined) this.#context.pools.nodeLeaving(node, peer.incarnation, state.leaving)',
    tests: ofPeers,
  },
  {
    name: 'what is told of pools while these are registered is half of them',
    file: peerPools,
    find: '    this.#context.manager.clock.soon(() => {',
    replace: '    const now = (fn: () => void): void => fn()\n    now(() => {',
    tests: ofPeers,
  },
  {
    name: 'a difference is told of for each node that has it',
    file: differences,
    find: '      known.nodes.add(node)\n      return',
    replace: '      known.nodes.add(node)\n      this.#news.add(key)\n      return',
    tests: ofPeers,
  },
  {
    name: 'a difference stays when the nodes that had it are gone',
    file: differences,
    find: '    if (found?.nodes.size !== 0) return\n',
    replace: '    if (found?.nodes.size !== -1) return\n',
    tests: ofPeers,
  },
  {
    name: 'loggers may be others elsewhere, in silence',
    file: differences,
    find: "else if (nodeTypeOf(ours.nodeType) === 'logger' && managerIsLogger",
    replace: "else if (nodeTypeOf(ours.nodeType) === 'manager' && managerIsLogger",
    tests: ofPeers,
  },
  {
    name: 'who has a pool that others lack is not told',
    file: differences,
    find: 'if (affectsOthers(ours)) found.push',
    replace: 'if (!affectsOthers(ours)) found.push',
    tests: ofPeers,
  },
  {
    name: 'all pools that others lack are differences',
    file: differences,
    find: '!own.has(withoutEnd(spec.topic)) && affectsOthers(spec)',
    replace: '!own.has(spec.topic)',
    tests: ofPeers,
  },
  {
    name: 'pools of other nodes are reckoned with however many there are',
    file: differences,
    find: 'return inOrder.slice(0, poolsMax)',
    replace: 'return inOrder.slice(0, 9 * poolsMax)',
    tests: ofPeers,
  },
  {
    name: 'a pool that two others have otherwise is that of the last',
    file: differences,
    find: 'if (!claims.has(spec.topic)) claims.set',
    replace: 'claims.set',
    tests: ofPeers,
  },
  {
    name: 'a node may subscribe to any number of prefixes',
    file: managePools,
    find: 'if (count === 0 && this.#subscribed.size >= subscriptionsMax)',
    replace: 'if (count === 0 && this.#subscribed.size >= 9 * subscriptionsMax)',
    tests: ofPeers,
  },
  {
    name: 'any number may subscribe to one prefix',
    file: managePools,
    find: 'if (count >= subscribersMax)',
    replace: 'if (count >= 9 * subscribersMax)',
    tests: ofPeers,
  },
]
