import type { Mutant } from './mutant.js'

const workPools = 'src/pool/work-pools.ts'

const ofLifecycle = ['test/pool/lifecycle.test.ts']
const ofRanks = ['test/pool/ranked.test.ts']

/** What pools say that cannot work, and to whom; and who is first in rank. */
export const poolLifecycle: readonly Mutant[] = [
  {
    name: 'pools of a node that does not run say that nobody is alive',
    file: 'src/pool/pool-sender.ts',
    find: "    if (!running) throw new StoppedError(name, 'publishing needs a running node')",
    replace: "    if (!running && name === '') throw new StoppedError(name, 'publishing needs a running node')",
    tests: ofLifecycle,
  },
  {
    name: 'pools that were disposed are silently dead',
    file: 'src/pool/manage-pools.ts',
    find: 'if (this.#isDisposed) throw new PoolClosedError()',
    replace: "if (this.#isDisposed && this.#manager.name === '') throw new PoolClosedError()",
    tests: ofLifecycle,
  },
  {
    name: 'a pool that was unregistered says that nobody is alive',
    file: 'src/pool/managed-pool.ts',
    find: 'if (this.isClosed) throw',
    replace: "if (this.isClosed && this.spec.topic === '') throw",
    tests: ofLifecycle,
  },
  {
    name: 'the logger is not told in what nodes differ',
    file: workPools,
    find: '    this.#settings.logger?.warn(mismatch.message)\n',
    replace: '',
    tests: ofLifecycle,
  },
  {
    name: 'the logger is not told of a shortage',
    file: workPools,
    find: '      this.#settings.logger?.warn(shortage.message)\n',
    replace: '',
    tests: ofLifecycle,
  },
  {
    name: 'a deadline names the server that carried the message',
    file: 'src/pool/pool-refusal.ts',
    find: 'if (error instanceof DeadlineError) return new',
    replace: "if (error instanceof DeadlineError && peer === '') return new",
    tests: ofLifecycle,
  },
  {
    name: 'a later life takes the place of a living one without a word',
    file: workPools,
    find: 'incarnation > before && this.#table.isAlive(name)) this.nodeDown',
    replace: "incarnation > before && name === '') this.nodeDown",
    tests: ofLifecycle,
  },
  {
    name: 'whoever is looked at last is the last of the first in rank',
    file: 'src/pool/hash.ts',
    find: '      if (!comesFirst(index, first[count - 1] as number)) continue\n',
    replace: '',
    tests: ofRanks,
  },
  {
    name: 'of a busy key the first two are looked at alone',
    file: 'src/pool/bounded-load.ts',
    find: 'if (looked === count) return',
    replace: 'if (looked > 0) return',
    tests: ['test/pool/liveness.test.ts'],
  },
]
