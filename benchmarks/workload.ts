/** A message with parts, as applications send them. */
export interface Order {
  readonly to: string
  readonly seq: number
  readonly body: string
}

/** What is sent: an {@link Order}, or bytes as they are. */
export type Message = Order | Uint8Array

/** What a message is made of: an order of that many bytes when encoded, or so many bytes. */
export interface Payload {
  readonly kind: 'object' | 'bytes'
  readonly size: number
}

/**
 * One thing to measure. `one-way`: messages follow each other as fast as the stack takes them. `round-trip`: so many
 * orders of 64 bytes are under way at a time, and each that comes back is followed by another.
 */
export type Workload =
  | { readonly type: 'one-way'; readonly payload: Payload }
  | { readonly type: 'round-trip'; readonly inFlight: number }

const sizes = [64, 1_024, 16_384, 524_288, 8_388_608]

/** Everything that is measured, in this order: the largest messages last, because memory is a peak. */
export const workloads: readonly Workload[] = [
  ...[1, 16, 128].map(inFlight => ({ type: 'round-trip', inFlight }) as const),
  ...sizes.flatMap(size => [oneWay('object', size), oneWay('bytes', size)]),
]

export function oneWay(kind: Payload['kind'], size: number): Workload {
  return { type: 'one-way', payload: { kind, size } }
}

/** What round trips carry. */
export const tripPayload: Payload = { kind: 'object', size: 64 }
/** To whom an order goes that is only received, and one that is sent back. */
export const [orders, echo] = ['orders', 'echo'] as const

/** How a workload is called on the command line, and in results. */
export function nameOf(workload: Workload): string {
  if (workload.type === 'round-trip') return `round-trip-${workload.inFlight}`
  return `${workload.payload.kind}-${workload.payload.size}`
}

/** How it is called in tables. */
export function titleOf(workload: Workload): string {
  if (workload.type === 'round-trip') return `round trip, ${workload.inFlight} in flight`
  const { kind, size } = workload.payload
  return `one way, ${kind === 'object' ? 'an object' : 'bytes'}, ${sizeText(size)}`
}

function sizeText(size: number): string {
  if (size >= 1_048_576) return `${size / 1_048_576} MiB`
  return size >= 1_024 ? `${size / 1_024} KiB` : `${size} B`
}

/** What an order takes encoded, beside its body. */
const orderOverhead = 24

/** Makes messages of one payload. */
export function maker({ kind, size }: Payload, to: string): (seq: number) => Message {
  if (kind === 'bytes') {
    const bytes = new Uint8Array(size).fill(120)
    return () => bytes
  }
  // Made from bytes, so that it is one flat text and not a rope that the first who reads it pays for.
  const body = Buffer.alloc(size - orderOverhead, 'x').toString('latin1')
  return seq => ({ to, seq, body })
}

/** How long the content of a message is: reading it shows that it was decoded. */
export function contentOf(message: Message): number {
  return message instanceof Uint8Array ? message.length : message.body.length
}

/** How many messages of one payload fit into so many bytes; between one and `most`. */
export function within(bytes: number, { size }: Payload, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(bytes / size)))
}
