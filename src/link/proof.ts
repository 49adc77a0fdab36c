import { createHmac, timingSafeEqual } from 'node:crypto'
import { proofBytes } from '../codec/handshake-frames.js'

/** Keying material of the TLS session below, the same on both ends; undefined without TLS. */
export type Exporter = Uint8Array | undefined

type Prover = 'dialler' | 'acceptor'

/**
 * Fills in the proofs at the end of `chunk`, one for each secret: HMAC-SHA-256 over the prover's label, all that was
 * said, the chunk itself with zeros for its proofs, and the exporter of the TLS session, so that a proof is good for
 * one prover in one handshake on one connection.
 */
export function prove(
  prover: Prover,
  secrets: readonly string[],
  said: readonly Uint8Array[],
  chunk: Uint8Array,
  exporter: Exporter,
): void {
  const at = chunk.length - secrets.length * proofBytes
  const proofs = secrets.map(secret => compute(prover, secret, said, chunk, exporter))
  for (const [index, proof] of proofs.entries()) chunk.set(proof, at + index * proofBytes)
}

/** The first of our secrets that one of the frame's proofs was made with. Compares in constant time. */
export function verify(
  prover: Prover,
  secrets: readonly string[],
  said: readonly Uint8Array[],
  chunk: Uint8Array,
  frame: { readonly proofs?: readonly Uint8Array[]; readonly proofsAt?: number },
  exporter: Exporter,
): string | undefined {
  const { proofs = [], proofsAt: at } = frame
  if (at === undefined) return undefined
  // Not slice(): of a Buffer, which transports hand over, that is a view.
  const bare = new Uint8Array(chunk)
  bare.fill(0, at, at + proofs.length * proofBytes)
  let found: string | undefined
  for (const secret of secrets) {
    const wanted = compute(prover, secret, said, bare, exporter)
    for (const proof of proofs) if (timingSafeEqual(wanted, proof)) found ??= secret
  }
  return found
}

function compute(
  prover: Prover,
  secret: string,
  said: readonly Uint8Array[],
  chunk: Uint8Array,
  exporter: Exporter,
): Uint8Array {
  const hmac = createHmac('sha256', secret).update(`maquis v1 ${prover}\n`)
  for (const frame of said) hmac.update(frame)
  hmac.update(chunk)
  if (exporter !== undefined) hmac.update(exporter)
  return hmac.digest()
}
