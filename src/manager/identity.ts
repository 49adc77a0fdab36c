import { specBytesMax } from '../codec/handshake-frames.js'
import { encodeToBytes } from '../codec/value-bytes.js'
import { decodeValue } from '../codec/value-decoder.js'
import { InvalidOptionError } from '../core/errors.js'
import { type Incarnation, type NodeSpec, parseNodeSpec } from '../core/node.js'
import type { HandshakeIdentity } from '../link/handshake.js'
import type { Settings } from './options.js'

/** Features of the protocol that this version has, beside the frames everybody has. */
const features: readonly string[] = []

/** What a spec may hold in its attributes. */
const specLimits = { depth: 16, items: 4_096 }

/** What this node says of itself in one of its lives. */
export function identify(
  settings: Settings,
  incarnation: Incarnation,
  addresses: readonly string[],
): HandshakeIdentity {
  const { name, generated, channelMap, attributes, cluster, secrets, versions, role } = settings
  const { limits, peerValueLimits } = settings
  const spec: NodeSpec = Object.freeze({
    ...{ name, incarnation, version: 0, addresses: Object.freeze([...addresses]), channels: channelMap },
    ...(role !== undefined && { role }),
    ...(attributes !== undefined && { attributes }),
    ...(generated && { generated }),
  })
  const encodedSpec = encodeToBytes(spec, specLimits)
  if (encodedSpec.length > specBytesMax) {
    const expected = `small: with them the spec takes ${encodedSpec.length} bytes of ${specBytesMax}`
    throw new InvalidOptionError('attributes', expected)
  }
  const { windowBytes, frameBytes, messageBytes } = limits
  return {
    ...{ spec, cluster, secrets, versions, features, encodedSpec },
    limits: { windowBytes, frameBytes, messageBytes, depth: peerValueLimits.depth },
    decodeSpec,
  }
}

function decodeSpec(bytes: Uint8Array): NodeSpec | undefined {
  try {
    return parseNodeSpec(decodeValue(bytes, 0, bytes.length, specLimits))
  } catch {
    return undefined
  }
}
