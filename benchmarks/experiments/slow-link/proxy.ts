import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { carryOut } from '../remote.js'
import { Direction, Flow, type LinkClock, type LinkOptions } from './direction.js'

// A process that stands for a link: what is sent to it goes on to the target, as slowly as the link is.

/** Where connections lead, once it is known. */
let target = 0

const clock: LinkClock = {
  now: () => performance.now(),
  schedule(after, wake) {
    const timer = setTimeout(wake, Math.ceil(after))
    return () => clearTimeout(timer)
  },
}

const tasks = {
  /** Begins to listen. Returns the port. */
  async listen(options: LinkOptions): Promise<number> {
    const [forth, back] = [new Direction(options, clock), new Direction(options, clock)]
    const server = createServer({ noDelay: true }, near => pass(near, forth, back)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },

  /** Tells where connections lead. */
  aim(port: number): void {
    target = port
  },
}

export type ProxyTasks = typeof tasks

carryOut(tasks)

/** Passes on a connection that came over the link. Its handshake takes no time on the way. */
function pass(near: Socket, forth: Direction, back: Direction): void {
  const far = connect({ port: target, host: '127.0.0.1', noDelay: true })
  flow(near, far, forth)
  flow(far, near, back)
}

function flow(from: Socket, to: Socket, direction: Direction): void {
  const over = new Flow(direction, from, {
    write: (chunk, taken) => to.write(chunk, () => taken()),
    end: () => to.end(),
  })
  from.on('data', (chunk: unknown) => over.read(chunk as Buffer))
  from.on('end', () => over.end())
  // A reset is passed on at once.
  from.on('error', () => to.destroy())
}
