import type { Unchecked } from '../core/channel.js'
import type { Incarnation, NodeName } from '../core/node.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/** Says that nothing is known of the servers: any name, any message. */
export interface Untyped {
  readonly untyped: true
}

/**
 * What one server takes and answers. A cluster's servers are an interface of these:
 *
 * ```ts fragment
 * interface Shop { orders: { message: Order }; add: { message: [number, number]; reply: number } }
 * ```
 */
export interface ServerShape {
  readonly message: unknown
  readonly reply?: unknown
}

/** The names of the servers in `Servers`; any text when they are not typed. */
export type ServerName<Servers> = Servers extends Untyped ? string : Extract<keyof Servers, string>

/** What the server `Name` takes. */
export type MessageOf<Servers, Name> = Servers extends Untyped
  ? unknown
  : Name extends keyof Servers
    ? Servers[Name] extends { message: infer Message }
      ? Message
      : never
    : never

/** What the server `Name` answers. */
export type ReplyOf<Servers, Name> = Servers extends Untyped
  ? unknown
  : Name extends keyof Servers
    ? Servers[Name] extends { reply: infer Reply }
      ? Reply
      : // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a reply may return nothing
        void
    : never

/** Finds where a name lives. Erlang's `{via, Module, Name}`: `global` is a registry whose answer is one node. */
export interface Registry {
  /** The server that `name` stands for now; undefined when there is none. */
  whereIs(name: string): { readonly node: string; readonly name: string } | undefined
}

/**
 * Whom a message is for: a server of this node by its name, a server of a named node, or a name that a registry
 * knows.
 */
export type ServerRef<Name extends string = string> =
  | Name
  | {
      readonly node: string
      readonly name: Name
      /** Only this life of the node will do. */
      readonly incarnation?: number
    }
  | { readonly via: Registry; readonly name: string }

/**
 * A server in one life of its node, as plain data that travels in messages: where an answer may go. What is sent to it
 * reaches that life or nobody.
 */
export interface RemoteRef<Name extends string = string> {
  readonly node: NodeName
  readonly name: Name
  readonly incarnation: Incarnation
}

/** What a handler is told beside the message. */
export interface MessageContext {
  /** The node that sent it. */
  readonly from: string
  readonly incarnation: number
  readonly channel: string
  /** What the sender passed as `clock`. */
  readonly clock?: unknown
  /** What the sender passed as `causalLabel`. */
  readonly causalLabel?: string
  /** When the sender stops waiting, in epoch milliseconds of this node's clock. Counted from the arrival. */
  readonly deadline?: number
}

/** Takes a message; what it returns, or the promise it returns resolves with, answers a request. */
export type Handler<Message = unknown, Reply = unknown> = (
  message: Message,
  context: MessageContext,
) => Reply | PromiseLike<Reply>

/** How a server takes its messages. */
export interface RegisterOptions<Message = unknown> {
  /**
   * Checks, and may transform, each message before the handler sees it: any Standard Schema (zod, valibot, arktype,
   * ...). A message that does not fit is refused: a request rejects with `SchemaError`, another is counted and
   * evented.
   */
  readonly schema?: StandardSchemaV1<unknown, Message>
  /** Handlers that may run at a time; further messages wait, and their senders feel it. Default: no limit. */
  readonly concurrency?: number
}

/** A message taken from an iterator of `receive`. */
export interface Delivery<Message = unknown, Reply = unknown> extends MessageContext {
  readonly message: Message
  /** Answers a request; absent for other messages. */
  readonly reply?: (value: Reply) => void
}

/** `register` of a node: typed where the servers are. */
export type Register<Servers> = Servers extends Untyped
  ? <Message = Unchecked, Reply = unknown>(
      name: string,
      handler: Handler<Message, Reply>,
      options?: RegisterOptions<Message>,
    ) => Disposable
  : <Name extends ServerName<Servers>>(
      name: Name,
      handler: Handler<MessageOf<Servers, Name>, ReplyOf<Servers, Name>>,
      options?: RegisterOptions<MessageOf<Servers, Name>>,
    ) => Disposable
