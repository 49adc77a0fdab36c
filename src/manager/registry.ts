import { NoSuchServerError, SchemaError, ServerExistsError, StoppedError } from '../core/errors.js'
import { isPromiseLike } from '../core/promise-like.js'
import type { Clock, Instant } from '../core/time.js'
import { ExpiredError, HandlerError } from './error-reports.js'
import { Receiver } from './receiver.js'
import type { Handler, MessageContext, RegisterOptions } from './servers.js'
import { SettledLater } from './settled-later.js'
import type { StandardIssue, StandardResult } from './standard-schema.js'

/** Who is told what became of messages to local servers. */
export interface RegistryObserver {
  /** The registration of that server ended. */
  unregistered(server: string): void
  noSuchServer(server: string, context: MessageContext): void
  schemaRefused(server: string, context: MessageContext): void
  /** `answered`: the sender of the message is told what its handler threw. */
  handlerFailed(server: string, error: unknown, answered?: boolean): void
  /** The deadline of a message passed before it had its turn. */
  expired(): void
}

/** Who is told what becomes of a message: that its handler was given it, and how that ended; or that it was not. */
export interface Acceptor {
  given(): void
  /** It waits for its iterator, and is given when that takes it: others may be handed over behind it. */
  held?(): void
  handled(): void
  /** Whether its sender is told of that. */
  failed(error: unknown): boolean
}

interface Server {
  readonly handler: Handler
  /** The handler of requests, where it differs. */
  readonly asked: Handler
  /** Its handler resolves when somebody takes the message. */
  readonly isIterator: boolean
  readonly options: RegisterOptions
  running: number
  readonly backlog: (() => void)[]
  /** Resolves when the turn of the last message that came has come, and its check has ended. */
  checked: Promise<unknown>
}

/** The servers of this node, by name. Registrations outlive the node's lives. */
export class Registry {
  readonly #servers = new Map<string, Server>()
  readonly #observer: RegistryObserver
  readonly #self: () => string
  readonly #clock: Clock
  /** Counts the lives of the node: what came in one of them is not handled in another. */
  #life = 0

  constructor(self: () => string, clock: Clock, observer: RegistryObserver) {
    this.#clock = clock
    this.#self = self
    this.#observer = observer
  }

  register(name: string, handler: Handler, options: RegisterOptions): Disposable {
    return this.#add(name, { handler, asked: handler, isIterator: false, options })
  }

  receive(name: string, options: Pick<RegisterOptions, 'schema'>): Receiver {
    const receiver: Receiver = new Receiver({
      ...{ server: name, self: this.#self, clock: this.#clock, expiryOf: context => this.#expiryOf(context) },
      expired: () => this.#observer.expired(),
      dispose: () => registration[Symbol.dispose](),
    })
    const registration = this.#add(name, {
      handler: (message, context) => receiver.push(message, context, false),
      asked: (message, context) => receiver.push(message, context, true),
      isIterator: true,
      options,
    })
    return receiver
  }

  /** A life of the node ends: messages that wait for their turn, or are being checked, are not handled. */
  forget(): void {
    this.#life++
  }

  has(name: string): boolean {
    return this.#servers.has(name)
  }

  /**
   * Hands over a message. Returns a promise while it is being handled, undefined when that is over. What a handler
   * throws is told to the observer.
   */
  deliver(name: string, message: unknown, context: MessageContext): PromiseLike<unknown> | undefined {
    const server = this.#servers.get(name)
    if (server === undefined) {
      this.#observer.noSuchServer(name, context)
      return undefined
    }
    // The common case: nothing to check, nothing to wait for, nothing to allocate.
    const { schema, concurrency } = server.options
    if (schema === undefined && concurrency === undefined) {
      try {
        const result = server.handler(message, context)
        if (!isPromiseLike(result)) return undefined
        return Promise.resolve(result).then(undefined, thrown => this.#failed(name, context, causeOf(server, thrown)))
      } catch (error) {
        this.#observer.handlerFailed(name, error)
        return undefined
      }
    }
    return this.#handle(name, server, server.handler, message, context).then(undefined, error =>
      this.#failed(name, context, error),
    )
  }

  /** Hands over a request. What its handler returns is the answer, or its promise; what it throws is thrown. */
  ask(name: string, message: unknown, context: MessageContext): unknown {
    const server = this.#servers.get(name)
    if (server === undefined) {
      this.#observer.noSuchServer(name, context)
      throw new NoSuchServerError(this.#self(), name)
    }
    // The common case, as in `deliver`.
    const { schema, concurrency } = server.options
    if (schema !== undefined || concurrency !== undefined || server.isIterator) {
      return this.#handle(name, server, server.asked, message, context)
    }
    try {
      const answer = server.asked(message, context)
      return isPromiseLike(answer) ? answered(answer) : answer
    } catch (thrown) {
      throw new HandlerError(thrown)
    }
  }

  /** Hands over a message that is to be acknowledged. Returns a promise while it is being handled. */
  accept(
    name: string,
    message: unknown,
    context: MessageContext,
    acceptor: Acceptor,
  ): PromiseLike<unknown> | undefined {
    const server = this.#servers.get(name)
    if (server === undefined) {
      return this.#notHandled(name, context, acceptor, new NoSuchServerError(this.#self(), name))
    }
    // The common case, as in `deliver`.
    const { schema, concurrency } = server.options
    if (schema !== undefined || concurrency !== undefined || server.isIterator) {
      return this.#acceptLater(name, server, message, context, acceptor)
    }
    acceptor.given()
    try {
      const result = server.handler(message, context)
      if (isPromiseLike(result)) return this.#settle(name, context, acceptor, result)
      if (result instanceof SettledLater) {
        void this.#settle(name, context, acceptor, result.outcome)
        return undefined
      }
    } catch (thrown) {
      return this.#notHandled(name, context, acceptor, new HandlerError(thrown))
    }
    acceptor.handled()
    return undefined
  }

  #settle(name: string, context: MessageContext, acceptor: Acceptor, handling: PromiseLike<unknown>): Promise<void> {
    return Promise.resolve(handling).then(
      () => acceptor.handled(),
      (thrown: unknown) => this.#notHandled(name, context, acceptor, new HandlerError(thrown)),
    )
  }

  /** One that is to be checked, to have its turn, or to be taken by an iterator. */
  #acceptLater(
    name: string,
    server: Server,
    message: unknown,
    context: MessageContext,
    acceptor: Acceptor,
  ): PromiseLike<unknown> {
    const { isIterator } = server
    const begun = (): void => {
      if (isIterator) acceptor.held?.()
      else acceptor.given()
    }
    const handled = (): void => {
      if (isIterator) acceptor.given()
      acceptor.handled()
    }
    return this.#handle(name, server, server.handler, message, context, begun).then(handled, (error: unknown) =>
      this.#notHandled(name, context, acceptor, error),
    )
  }

  #notHandled(name: string, context: MessageContext, acceptor: Acceptor, error: unknown): undefined {
    const answered = acceptor.failed(error)
    this.#failed(name, context, error, answered)
  }

  /** A `HandlerError`, or why the message did not come to its handler. */
  #failed(name: string, context: MessageContext, error: unknown, answered?: boolean): void {
    if (error instanceof TooLateError || error instanceof ExpiredError) return
    if (error instanceof SchemaError) this.#observer.schemaRefused(name, context)
    else if (error instanceof NoSuchServerError) this.#observer.noSuchServer(name, context)
    else this.#observer.handlerFailed(name, error instanceof HandlerError ? error.cause : error, answered)
  }

  #add(name: string, parts: Pick<Server, 'handler' | 'asked' | 'isIterator' | 'options'>): Disposable {
    if (this.#servers.has(name)) throw new ServerExistsError(name)
    const server: Server = { ...parts, running: 0, backlog: [], checked: Promise.resolve() }
    this.#servers.set(name, server)
    return {
      [Symbol.dispose]: () => {
        if (this.#servers.get(name) !== server) return
        this.#servers.delete(name)
        this.#observer.unregistered(name)
      },
    }
  }

  /** On the monotonic clock. */
  #expiryOf({ deadline }: MessageContext): Instant {
    const clock = this.#clock
    return deadline === undefined ? Number.POSITIVE_INFINITY : clock.now() + deadline - clock.wall().getTime()
  }

  async #handle(
    name: string,
    server: Server,
    handler: Handler,
    message: unknown,
    context: MessageContext,
    begun?: () => void,
  ): Promise<unknown> {
    const { schema, concurrency = Number.POSITIVE_INFINITY } = server.options
    const life = this.#life
    const expires = this.#expiryOf(context)
    // Who waits is handed the place of one that ended, so that nobody who comes meanwhile is served first.
    if (server.running >= concurrency) await new Promise<void>(resolve => server.backlog.push(resolve))
    else server.running++
    try {
      const checked = schema === undefined ? message : await inTurn(server, check(name, schema, message))
      if (life !== this.#life) throw new TooLateError(this.#self())
      if (expires <= this.#clock.now()) {
        this.#observer.expired()
        throw new ExpiredError(name)
      }
      begun?.()
      try {
        return await handler(checked, context)
      } catch (thrown) {
        throw causeOf(server, thrown)
      }
    } finally {
      const next = server.backlog.shift()
      if (next === undefined) server.running--
      else next()
    }
  }
}

async function answered(answer: PromiseLike<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (thrown) {
    throw new HandlerError(thrown)
  }
}

/** An iterator refuses messages itself, when it ends: nobody's code is behind it. */
function causeOf({ isIterator }: Server, thrown: unknown): unknown {
  return isIterator ? thrown : new HandlerError(thrown)
}

/** The life in which the message came is over. */
class TooLateError extends StoppedError {
  constructor(self: string) {
    super(self, 'it was stopped before the message had its turn')
  }
}

async function check(name: string, schema: NonNullable<RegisterOptions['schema']>, message: unknown): Promise<unknown> {
  let value: unknown
  let issues: string[] | undefined
  try {
    const result = (await schema['~standard'].validate(message)) as StandardResult<unknown> | undefined
    if (result === undefined) throw new TypeError(`the schema of server '${name}' returned no result`)
    issues = result.issues?.map(describeIssue)
    if (result.issues === undefined) value = result.value
  } catch (thrown) {
    throw new HandlerError(thrown)
  }
  if (issues !== undefined) throw new SchemaError(name, issues)
  return value
}

/** Handlers start in the order of the messages, however long each takes to be checked. */
function inTurn(server: Server, check: Promise<unknown>): Promise<unknown> {
  const turn = server.checked.then(() => check)
  // Until its turn comes nobody else looks at a check that failed.
  check.catch(() => {})
  server.checked = turn.catch(() => {})
  return turn
}

function describeIssue(issue: StandardIssue): string {
  const path = (issue.path ?? []).map(part => String(typeof part === 'object' ? part.key : part)).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
