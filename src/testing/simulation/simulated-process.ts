import type { Entropy, SeededRandom } from '../../core/random.js'
import type { Clock, Instant, Millis } from '../../core/time.js'
import type { Connection, ConnectionHandler, Listener, Transport } from '../../transport/transport.js'
import type { SimulatedClock } from './simulated-clock.js'

export interface ProcessContext {
  readonly clock: SimulatedClock
  readonly transport: Transport
  readonly random: SeededRandom
  readonly entropy: Entropy
  /** How far the wall clock of its host is ahead. */
  readonly wallOffset: () => Millis
  /** The process runs again: what the network held back for it can come. */
  readonly awake: () => void
  /** Told of every chunk that arrives, before its owner is. */
  readonly arrived: (chunk: Uint8Array, remote: string) => void
}

/**
 * One process on the simulated clock: whatever happens in it, timers and arriving bytes, passes its gate. So it can be
 * stopped, slowed down, or killed between any two events; after its death nothing of it has any effect.
 */
export class SimulatedProcess {
  readonly clock: Clock
  readonly transport: Transport
  readonly random: SeededRandom
  readonly entropy: Entropy
  readonly #context: ProcessContext
  readonly #waiting: (() => void)[] = []
  readonly #death: Promise<void>
  #die: () => void = () => {}
  #dead = false
  #paused = false
  #lag: Millis = 0
  #busyUntil: Instant = 0

  constructor(context: ProcessContext) {
    this.#context = context
    this.random = context.random
    this.entropy = context.entropy
    this.#death = new Promise(resolve => {
      this.#die = resolve
    })
    this.clock = this.#clock()
    this.transport = this.#transport()
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Resolves when it is killed. */
  get death(): Promise<void> {
    return this.#death
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Whether each of its events takes a while. */
  get slowed(): boolean {
    return this.#lag > 0
  }

  /** Whether it takes nothing for now: what arrives has to wait outside. */
  get busy(): boolean {
    return this.#paused || this.#waiting.length > 0 || this.#context.clock.now() < this.#busyUntil
  }

  kill(): void {
    this.#dead = true
    this.#die()
    this.#waiting.length = 0
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#work()
  }

  /** Each event takes so long from now. */
  slow(lag: Millis): void {
    this.#lag = lag
  }

  #run(event: () => void): void {
    if (this.#dead) return
    if (this.busy) this.#waiting.push(event)
    else this.#execute(event)
  }

  #execute(event: () => void): void {
    if (this.#lag > 0) {
      this.#busyUntil = this.#context.clock.now() + this.#lag
      this.#context.clock.schedule(this.#lag, () => this.#work())
    }
    event()
  }

  /** One event after another, as long as nothing keeps it. */
  #work(): void {
    while (!this.#dead && !this.#paused && this.#context.clock.now() >= this.#busyUntil) {
      const event = this.#waiting.shift()
      if (event === undefined) return this.#context.awake()
      this.#execute(event)
    }
  }

  #clock(): Clock {
    const { clock, wallOffset } = this.#context
    return {
      now: () => clock.now(),
      wall: () => new Date(clock.wall().getTime() + wallOffset()),
      defer: fn => clock.defer(() => this.#run(fn)),
      soon: fn => clock.soon(() => this.#run(fn)),
      schedule: (after, wake) => {
        let cancelled = false
        const cancel = clock.schedule(after, () => {
          this.#run(() => {
            if (!cancelled) wake()
          })
        })
        return () => {
          cancelled = true
          cancel()
        }
      },
    }
  }

  #transport(): Transport {
    const { transport } = this.#context
    return {
      schemes: transport.schemes,
      listen: async (address, accept) => {
        const listener = await transport.listen(address, connection =>
          this.#dead ? ignoring : this.#gated(accept(this.#connection(connection)), connection.remote),
        )
        return this.#listener(listener)
      },
      dial: (address, handler, signal) => {
        if (this.#dead) return new Promise(() => {})
        const dialled = transport.dial(address, this.#gated(handler, address.url), signal)
        return new Promise((resolve, reject) => {
          dialled.then(
            connection => this.#run(() => resolve(this.#connection(connection))),
            (error: Error) => this.#run(() => reject(error)),
          )
        })
      },
    }
  }

  #listener(listener: Listener): Listener {
    return {
      url: listener.url,
      close: async () => {
        if (!this.#dead) await listener.close()
      },
    }
  }

  /** What a dead process asks of a connection is not done. */
  #connection(connection: Connection): Connection {
    const alive = (): boolean => !this.#dead
    return {
      remote: connection.remote,
      send: chunk => alive() && connection.send(chunk),
      admit: () => connection.admit(),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      close: reason => {
        if (alive()) connection.close(reason)
      },
      destroy: () => {
        if (alive()) connection.destroy()
      },
    }
  }

  #gated(handler: ConnectionHandler, remote: string): ConnectionHandler {
    return {
      received: chunk => {
        if (this.#dead) return
        this.#context.arrived(chunk, remote)
        this.#run(() => handler.received(chunk))
      },
      drained: () => this.#run(() => handler.drained()),
      closed: error => this.#run(() => handler.closed(error)),
    }
  }
}

const ignoring: ConnectionHandler = { received: () => {}, drained: () => {}, closed: () => {} }
