/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-return, typescript/no-implied-eval,
   typescript/no-misused-promises -- it is run as it is, so it has no types */
// One node of a cluster in a process of its own, for the tests in test/cluster: takes commands as lines of JSON on its
// standard input, and answers them, and tells of events, as lines of JSON on its standard output. It runs what users
// run: the built package.
import { createInterface } from 'node:readline'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { fullMesh, hyParView } from 'maquis'
import { managePools } from 'maquis/pool'

const events = ['up', 'down', 'members', 'removed', 'superseded', 'refused', 'violation']
let node
/** What arrived at the server `ordered`: the next number of each key. */
const expected = new Map()
const ordered = { received: 0, wrong: 0 }
let counted = 0
let pings
let pools

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

function plainError(error) {
  const { name, message, code, by, known, reason } = error
  return { name, message, code, by, known, reason }
}

/** The clock of this process, with its wall clock elsewhere. */
function shiftedClock(wallOffset) {
  return {
    now: () => performance.now(),
    wall: () => new Date(Date.now() + wallOffset),
    defer: fn => void setImmediate(fn),
    soon: fn => process.nextTick(fn),
    schedule: (after, wake) => {
      const timer = setTimeout(wake, Math.ceil(after)).unref()
      return () => clearTimeout(timer)
    },
  }
}

const commands = {
  async start({ overlay = 'full-mesh', wallOffset, ...options }) {
    const make = overlay === 'hyparview' ? hyParView : fullMesh
    node = make({ ...options, ...(wallOffset !== undefined && { clock: shiftedClock(wallOffset) }) })
    for (const event of events) {
      node.events.on(event, (...details) => {
        for (const detail of details) if (detail?.error) detail.error = plainError(detail.error)
        say({ event, at: Date.now(), details })
      })
    }
    node.register('echo', message => message)
    node.register('count', () => void counted++)
    node.register('news', (message, { from }) => say({ event: 'news', at: Date.now(), details: [message, from] }))
    node.register('stuck', () => new Promise(() => {}))
    node.register('ordered', ({ key, number }) => {
      ordered.received++
      if (number !== (expected.get(key) ?? 0)) ordered.wrong++
      expected.set(key, number + 1)
    })
    await node.start()
    return node.spec
  },
  async join({ peer, timeout, sync = true }) {
    const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout)
    // The signal's timer alone does not keep a process alive, but its standard input does.
    await (sync ? node.syncJoin(peer, { signal }) : node.join(peer, { signal }))
  },
  call: ({ method, args }) => node[method](...args),
  received: () => ({ ...ordered, keys: expected.size, counted }),
  /** What is left when all garbage is gone: the runtime hands memory back bit by bit, after the collection. */
  async memory() {
    let least = Infinity
    for (let round = 0; round < 20; round++) {
      globalThis.gc()
      await pause(5)
      least = Math.min(least, process.memoryUsage.rss())
    }
    const { heapUsed, external } = process.memoryUsage()
    const sockets = process.getActiveResourcesInfo().filter(isSocket).length
    return { rss: least, used: heapUsed + external, sockets }
  },
  /** Numbered messages of many keys, mixed, as fast as the peer takes them. */
  async sendOrdered({ to, channel, keys, messages }) {
    for (let index = 0; index < messages; index++) {
      const key = `key-${(index * 7919) % keys}`
      const number = Math.floor(index / keys)
      await node.forwardMessage(to, 'ordered', { key, number }, { channel, partitionKey: key })
    }
  },
  /** So many messages a second for so long: half awaited to each of `flowing`, and as many again cast at `stalled`. */
  async flood({ flowing, stalled, server, perSecond, millis, channel, size }) {
    const text = 'x'.repeat(size)
    const sent = Object.fromEntries(flowing.map(name => [name, 0]))
    const startedAt = performance.now()
    let due = 0
    let worst = 0
    let most = process.memoryUsage().rss
    for (let total = 0; performance.now() - startedAt < millis; ) {
      due = ((performance.now() - startedAt) / 1000) * perSecond
      for (let burst = 0; total < due && burst < 1000; burst++, total++) {
        const to = flowing[total % flowing.length]
        const options = { channel, partitionKey: total % 16 }
        const before = performance.now()
        await node.forwardMessage(to, 'count', { total, text }, options)
        worst = Math.max(worst, performance.now() - before)
        sent[to]++
        if (stalled !== undefined) node.castMessage(stalled, server, { total, text }, options)
      }
      most = Math.max(most, process.memoryUsage.rss())
      await turn()
    }
    return { sent, worst, most, seconds: (performance.now() - startedAt) / 1000 }
  },
  /** Asks a peer again and again until `pong`, which tells how it went. */
  ping({ to }) {
    pings = { count: 0, worst: 0, errors: [], stopped: false }
    pings.done = (async () => {
      while (!pings.stopped) {
        const before = performance.now()
        await node.request(to, 'echo', pings.count, { timeout: 5000 }).then(
          () => pings.count++,
          error => pings.errors.push(plainError(error)),
        )
        pings.worst = Math.max(pings.worst, performance.now() - before)
        await pause(1)
      }
    })()
  },
  async pong() {
    pings.stopped = true
    await pings.done
    const { count, worst, errors } = pings
    return { count, worst, errors }
  },
  /** Makes this node one of the pools: it says what its server `work` is given, before that is acknowledged. */
  async pools({ alive }) {
    pools = managePools(node)
    node.register('work', number => say({ event: 'work', at: Date.now(), details: [number] }))
    await pools.worker.ready({ alive })
  },
  ranked: ({ key, count }) => pools.worker.ranked(key, count).map(({ name }) => name),
  publish: ({ key, message, options }) => pools.worker.publishHrw(key, 'work', message, options),
  /** Publishes numbers, acknowledged, some at a time; tells of each how it ended. */
  async publishMany({ from, count, atOnce }) {
    const ended = []
    let next = from
    const publish = async () => {
      for (let number = next++; number < from + count; number = next++) {
        const result = await pools.worker
          .publishHrw(`key-${number}`, 'work', number, { ack: true })
          .catch(error => ({ sent: false, error: plainError(error) }))
        ended.push({ number, ...result })
        await pause(1)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, publish))
    return ended
  },
  departPools: () => pools.depart(),
  /** Stops the node and lets go of the standard input: from here on nothing but a leak keeps the process alive. */
  async stop() {
    await node.stop()
    setImmediate(() => process.stdin.destroy())
  },
}

function isSocket(resource) {
  return resource.startsWith('TCPSocketWrap')
}

const lines = createInterface({ input: process.stdin })
// Whoever started this process is gone.
process.stdin.on('end', () => process.exit(1))
lines.on('line', async line => {
  const { id, command, ...rest } = JSON.parse(line)
  try {
    say({ id, result: (await commands[command](rest)) ?? null })
  } catch (error) {
    say({ id, error: plainError(error) })
  }
})
