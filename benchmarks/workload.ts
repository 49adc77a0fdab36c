/** A message of about 64 bytes, as a typical one: an address, a number and some text. */
export interface Order {
  readonly to: string
  readonly seq: number
  readonly body: string
}

export const messages = 300_000
export const rounds = 5

export function order(seq: number): Order {
  return { to: 'orders', seq, body: 'x'.repeat(40) }
}

/** One figure: how many messages a second, or how long a round trip took. */
export interface Figures {
  readonly [name: string]: number
}

/** Messages a second, of a run that began at `start`. */
export function perSecond(count: number, start: number): number {
  return Math.round((count / (performance.now() - start)) * 1_000)
}

/** Lets the event loop turn. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
