import type { Mutant } from './mutant.js'

const supply = 'src/pool/supply.ts'
const hash = 'src/pool/hash.ts'
const zeekHash = 'src/pool/zeek-hash.ts'
const zeekKey = 'src/pool/zeek-key.ts'
const nodeTable = 'src/pool/node-table.ts'
const workPool = 'src/pool/work-pool.ts'
const poolMembers = 'src/pool/pool-members.ts'
const workPools = 'src/pool/work-pools.ts'
const roundRobin = 'src/pool/round-robin.ts'
const topics = 'src/pool/topics.ts'
const boundedLoad = 'src/pool/bounded-load.ts'
const sender = 'src/pool/pool-sender.ts'
const arrivals = 'src/pool/pool-arrivals.ts'
const peerPools = 'src/pool/peer-pools.ts'
const traffic = 'src/pool/pool-traffic.ts'
const managePools = 'src/pool/manage-pools.ts'

const ofZeek = ['test/pool/zeek-vectors.test.ts', 'test/pool/zeek-baselines.test.ts']
const ofOwners = ['test/pool/distribution.test.ts']
const ofAllocation = ['test/pool/allocation.test.ts']
const ofLiveness = ['test/pool/liveness.test.ts']
const ofClusters = ['test/pool/managed-pools.test.ts']
const ofDepartures = ['test/pool/departure.test.ts']
const ofFaults = ['test/pool/pool-faults.test.ts']

/** Work pools. */
export const poolMutants: readonly Mutant[] = [
  {
    name: 'a separator at the end of a topic does not count in the order of pools',
    file: supply,
    find: 'compareBytewise(one.topic, other.topic)',
    replace: 'compareBytewise(withoutEnd(one.topic), withoutEnd(other.topic))',
    tests: ofAllocation,
  },
  {
    name: 'the topics of pools may be written otherwise at every node',
    file: 'src/pool/pool-spec.ts',
    find: "const sharedFields = ['topic', ",
    replace: 'const sharedFields = [',
    tests: ofLiveness,
  },
  {
    name: "Zeek's types of nodes in capitals are others",
    file: 'src/pool/pool-spec.ts',
    find: 'return zeekTypes.includes(lower) ? lower : bare',
    replace: 'return zeekTypes.includes(bare) ? lower : bare',
    tests: ofAllocation,
  },
  {
    name: 'a negative number of nodes can be asked for',
    file: workPool,
    find: "if (!isCount(count)) throw new InvalidOptionError('count'",
    replace: "if (count === 7.5) throw new InvalidOptionError('count'",
    tests: ofFaults,
  },
  {
    name: 'what failed everywhere was for nobody',
    file: sender,
    find: "return errors.length > 0 ? 'failed' : 'empty'",
    replace: "return errors.length > 99 ? 'failed' : 'empty'",
    tests: ofFaults,
  },
  {
    name: 'of two sites of Zeek that tie the one with the smaller id owns the keys',
    file: hash,
    find: 'return (this.#nodes[one] as Node).siteId > (this.#nodes[other] as Node).siteId',
    replace: 'return (this.#nodes[one] as Node).siteId < (this.#nodes[other] as Node).siteId',
    tests: ofZeek,
  },
  {
    name: 'two nodes whose hashes are the same are told apart by name, so that one has no keys',
    file: hash,
    find: 'return first > second || (first === second &&',
    replace: 'return (first !== second || first === second) && (',
    tests: ofOwners,
  },
  {
    name: 'two sites of Zeek may have one id',
    file: zeekHash,
    find: 'if (!isTaken(id)) return',
    replace: 'if (!isTaken(id) || count === 0) return',
    tests: ofZeek,
  },
  {
    name: 'a port is hashed with the bytes of its number in the order of the network',
    file: zeekKey,
    find: 'setUint32(0, number, true)',
    replace: 'setUint32(0, number, false)',
    tests: ofZeek,
  },
  {
    name: 'each limited pool begins at the first node',
    file: supply,
    find: 'if (!exclusive) cursor =',
    replace: 'if (!exclusive && left.length > 1_000) cursor =',
    tests: ofZeek,
  },
  {
    name: 'pools have nodes in the order of their registration, exclusive or not',
    file: supply,
    find: 'const first = Number(other.exclusive) - Number(one.exclusive)',
    replace: 'const first = 0',
    tests: [...ofZeek, ...ofAllocation],
  },
  {
    name: 'a dead node of a ranked pool keeps its place',
    file: supply,
    find: 'if (refill && !node.alive) dead.push(node)',
    replace: 'if (!refill && !node.alive) dead.push(node)',
    tests: ofAllocation,
  },
  {
    name: 'exclusive pools may want more nodes than there are',
    file: 'src/pool/allocation.ts',
    find: 'if (shortage !== undefined) throw shortage',
    replace: 'if (shortage === undefined) return',
    tests: [...ofZeek, ...ofAllocation],
  },
  {
    name: 'what is heard late of the end of an earlier life ends the present one',
    file: nodeTable,
    find: '    if (incarnation !== undefined && incarnation !== entry.up && this.#isStale(entry, incarnation)) return\n    entry.up = undefined',
    replace: '    entry.up = undefined',
    tests: ofLiveness,
  },
  {
    name: 'a node that leaves is given work until it has left',
    file: nodeTable,
    find: 'return up === latest && leaving !== latest',
    replace: 'return up === latest && leaving !== -1',
    tests: [...ofLiveness, ...ofClusters],
  },
  {
    name: 'a later life is alive because an earlier one was',
    file: nodeTable,
    find: 'return up === latest && leaving !== latest',
    replace: 'return up !== undefined && leaving !== latest',
    tests: ofLiveness,
  },
  {
    name: 'round robins begin at the first node in every process',
    file: workPool,
    find: 'isZeek ? 0 : finishHash',
    replace: 'isZeek || key.length < 9 ? 0 : finishHash',
    tests: ofLiveness,
  },
  {
    name: 'a change counts those that were there already',
    file: poolMembers,
    find: "added: is === 'site' ? [name] : [],",
    replace: "added: is === 'site' ? nodes.map(each => each.name) : [],",
    tests: ofLiveness,
  },
  {
    name: 'who waits for a pool that ends waits for ever',
    file: workPool,
    find: 'for (const { end } of [...this.#waiting]) end(',
    replace: 'for (const { end } of [...this.#waiting].slice(1)) end(',
    tests: ofLiveness,
  },
  {
    name: 'listeners find pools that are not up to date',
    file: workPools,
    find: 'for (const placement of placements) this.#later(this.#pools.get(placement.topic)?.place(placement))',
    replace: 'for (const placement of placements) this.#pools.get(placement.topic)?.place(placement)?.()',
    tests: ofAllocation,
  },
  {
    name: 'a default pool takes a spec twice',
    file: workPools,
    find: 'this.#unchosen.delete(known)) known.respecify(spec)',
    replace: 'this.#unchosen.has(known)) known.respecify(spec)',
    tests: ofAllocation,
  },
  {
    name: 'all logs share one round robin',
    file: workPools,
    find: 'this.logger.rrTopic(isZeek ? ',
    replace: "this.logger.rrTopic(isZeek || id !== '' ? ",
    tests: ofLiveness,
  },
  {
    name: 'turns of nodes that are gone are kept for ever',
    file: workPool,
    find: 'else if (touched.now === undefined) this.#turns.delete(touched.name)',
    replace: '',
    tests: ofLiveness,
  },
  {
    name: 'turns of nodes that another pool took are kept for ever',
    file: workPool,
    find: 'if (!names.has(name)) this.#turns.delete(name)',
    replace: "if (name === '') this.#turns.delete(name)",
    tests: ofLiveness,
  },
  {
    name: 'the node behind a dead one has two turns',
    file: roundRobin,
    find: '(found + 1) % count',
    replace: '(start + 1) % count',
    tests: ofLiveness,
  },
  {
    name: 'round robins are kept for ever',
    file: roundRobin,
    find: 'if (this.#next.size > keysMax) this.#forgetOldest()',
    replace: 'if (this.#next.size > 1_000_000) this.#forgetOldest()',
    tests: ofLiveness,
  },
  {
    name: 'a subscription to worker-1 hears of worker-10',
    file: topics,
    find: "return end === '' ? separators.includes(rest.charAt(0)) : rest.startsWith(end)",
    replace: "return end === '' || rest.startsWith(end)",
    tests: ofLiveness,
  },
  {
    name: 'work that is done twice counts as twice done',
    file: boundedLoad,
    find: '      if (isOver) return\n',
    replace: '',
    tests: ofLiveness,
  },
  {
    name: 'a message with ack whose node went away is given up',
    file: sender,
    find: 'return error instanceof UnknownOutcomeError || error instanceof PartitionedError\n',
    replace: 'return error instanceof PartitionedError\n',
    tests: ofFaults,
  },
  {
    name: 'a message goes on although its sender wants to know',
    file: sender,
    find: "if (ackOf(options)?.onDown !== 'wait') return false",
    replace: 'if (ackOf(options) === undefined) return false',
    tests: ofFaults,
  },
  {
    name: 'a node that was started anew counts as tried',
    file: sender,
    find: '(this.#nodes.lifeOf(node) === life ? [node] : [])',
    replace: '(life === undefined ? [] : [node])',
    tests: ofFaults,
  },
  {
    name: 'a full queue is an error',
    file: sender,
    find: 'if (error instanceof OverflowError) {',
    replace: 'if (error instanceof OverflowError && node.length > 255) {',
    tests: ofFaults,
  },
  {
    name: 'a message is acknowledged when the pools of a node have it, before its server has',
    file: sender,
    find: "const ack = { when: 'handled', onDown: 'reject' } as const\n        const asked",
    replace: "const ack = { when: 'given', onDown: 'reject' } as const\n        const asked",
    tests: ofFaults,
  },
  {
    name: 'who is not the owner of a key handles it all the same',
    file: arrivals,
    find: 'owned === undefined || next === undefined',
    replace: 'owned === undefined || next !== owned.pool',
    tests: [...ofFaults, ...ofClusters],
  },
  {
    name: 'who leaves itself out gets its messages back',
    file: arrivals,
    find: '(exceptSender === undefined || name !== sender)',
    replace: "(exceptSender === undefined || name !== '')",
    tests: ofClusters,
  },
  {
    name: 'a subscriber hides that the server of a node is missing',
    file: arrivals,
    find: '(isForMany && told.length > 0',
    replace: '(told.length > 0',
    tests: ofFaults,
  },
  {
    name: 'a message that was passed on is passed on again',
    file: arrivals,
    find: 'const message = { ...rest, origin: { name, incarnation } }',
    replace: 'const message = { ...rest, owned, origin: { name, incarnation } }',
    tests: ofClusters,
  },
  {
    name: 'a message that was passed on is from who passed it on',
    file: arrivals,
    find: '{ ...context, from: name, incarnation }',
    replace: '{ ...context, incarnation }',
    tests: ofClusters,
  },
  {
    name: 'acknowledged messages pile up at a slow handler',
    file: arrivals,
    find: "const waits = ack === 'handled' || this.#unhandled >= unhandledMax",
    replace: "const waits = ack === 'handled'",
    tests: ofFaults,
  },
  {
    name: 'a difference of hashes is told of by nobody',
    file: peerPools,
    find: 'for (const mismatch of this.#differences.takeNews()) this',
    replace: 'for (const mismatch of this.#differences.takeNews().slice(9)) this',
    tests: ofClusters,
  },
  {
    name: 'a node that had no pools when it was told of ours is never told',
    file: peerPools,
    find: 'state.heard < peer.told ||',
    replace: '',
    tests: ofClusters,
  },
  {
    name: 'pools that only others have take nodes for themselves there alone',
    file: peerPools,
    find: 'pools.foreignAre(this.#differences.claims)',
    replace: 'pools.foreignAre([])',
    tests: ofClusters,
  },
  {
    name: 'who departs does not pass on what comes',
    file: managePools,
    find: 'this.#pools.nodeLeaving(this.#manager.name, incarnation)',
    replace: 'if (timeout > 1e9) this.#pools.nodeLeaving(this.#manager.name, incarnation)',
    tests: ofClusters,
  },
  {
    name: 'who departs does not wait for what was sent to it before',
    file: 'src/pool/drains.ts',
    find: 'const arrived = this.#traffic.flush(node)',
    replace: 'const arrived = Promise.resolve()',
    tests: ofDepartures,
  },
  {
    name: 'who departs does not wait for its handlers',
    file: managePools,
    find: '    await this.#arrivals.ended()\n',
    replace: '',
    tests: ofDepartures,
  },
  {
    name: 'who departs waits as long as it takes',
    file: 'src/pool/under-way.ts',
    find: 'await Promise.race([work, over])',
    replace: 'await work',
    tests: ofDepartures,
  },
  {
    name: 'only what is acknowledged is waited for',
    file: traffic,
    find: 'routes?.set(`$',
    replace: "if (channel === '') routes?.set(`$",
    tests: ofDepartures,
  },
  {
    name: 'all streams of a channel are taken for one',
    file: traffic,
    find: 'const stream = parallelism === 1 ? 0 :',
    replace: 'const stream = parallelism > 0 ? 0 :',
    tests: ofDepartures,
  },
  {
    name: 'pools are made over a partial view',
    file: managePools,
    find: "if (!manager.supportsCapability('full-membership'))",
    replace: "if (!manager.supportsCapability('requests'))",
    tests: ofClusters,
  },
]
