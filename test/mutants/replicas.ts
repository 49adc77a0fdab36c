import type { Mutant } from './mutant.js'

const items = 'src/manager/replica-items.ts'
const replicas = 'src/manager/replicas.ts'
const tests = ['test/manager/replicas.test.ts']

/** Replicated stores: what goes into a message of an exchange, and when an exchange goes on. */
export const replicaMutants: readonly Mutant[] = [
  {
    name: 'items of an exchange are bounded in number alone',
    file: items,
    find: '    if (more) break\n    packed.push',
    replace: '    packed.push',
    tests,
  },
  {
    name: 'an item larger than a message may be goes along with the others',
    file: items,
    find: 'if (encoded.length <= room) return encoded',
    replace: 'if (encoded.length >= 0) return encoded',
    tests,
  },
  {
    name: 'items behind one that cannot travel are held up by it',
    file: items,
    find: '      why ??= encoded\n      continue',
    replace: '      why ??= encoded\n      break',
    tests,
  },
  {
    name: 'nobody is told of items that cannot travel',
    file: replicas,
    find: 'if (batch.skipped > 0)',
    replace: 'if (batch.skipped < 0)',
    tests,
  },
  {
    name: 'an exchange ends with its first messages',
    file: replicas,
    find: 'const last = answer.more !== true && !batch.more',
    replace: 'const last = true',
    tests,
  },
  {
    name: 'an exchange goes on though it changes nothing',
    file: replicas,
    find: 'if (now.every((bytes, index) => isSame(bytes, before[index]))) return',
    replace: 'if (before === now) return',
    tests,
  },
]
