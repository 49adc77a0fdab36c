/** Collections up to this size cannot hurt: the longest chain is the whole of it. */
export const collisionsFrom = 64

/** More keys than this in one bucket, beyond four times their share, do not come about by chance. */
const bucketSlack = 32

const buckets = 4096
const counts = new Uint32Array(buckets)
const wide = new DataView(new ArrayBuffer(8))

/**
 * Whether someone chose these keys of a Map or Set so that they fall on one hash. V8 seeds the hashes of strings, but
 * those of numbers and bigints are known: 50,000 chosen integers make a Set that takes seconds to build, one of which
 * is enough to stall a node. Should V8 change its function, this finds nothing, and harms nobody.
 */
export function areKeysColliding(keys: readonly unknown[]): boolean {
  if (keys.length <= collisionsFrom) return false
  counts.fill(0)
  const most = bucketSlack + Math.ceil(keys.length / buckets) * 4
  for (const key of keys) {
    if (typeof key !== 'number' && typeof key !== 'bigint') continue
    const bucket = hashOf(key) & (buckets - 1)
    const count = (counts[bucket] as number) + 1
    if (count > most) return true
    counts[bucket] = count
  }
  return false
}

function hashOf(key: number | bigint): number {
  if (typeof key === 'number') {
    if ((key | 0) === key) return hash32(key)
    wide.setFloat64(0, key)
  } else {
    // V8 looks at the lowest 64 bits of the magnitude only.
    wide.setBigUint64(0, key < 0n ? -key : key)
  }
  return hash64(wide.getUint32(0), wide.getUint32(4))
}

/** V8's `ComputeUnseededHash`. */
function hash32(key: number): number {
  let hash = (~key + (key << 15)) | 0
  hash ^= hash >>> 12
  hash = (hash + (hash << 2)) | 0
  hash ^= hash >>> 4
  hash = Math.imul(hash, 2057)
  return hash ^ (hash >>> 16)
}

/** V8's `ComputeLongHash`, of which the lower half is asked, on two halves: bigints would cost ten times as much. */
function hash64(high: number, low: number): number {
  // hash = ~hash + (hash << 18)
  let l = (~low >>> 0) + ((low << 18) >>> 0)
  let h = (~high + ((high << 18) | (low >>> 14)) + (l > 0xffff_ffff ? 1 : 0)) | 0
  l |= 0
  // hash ^= hash >>> 31
  l ^= (l >>> 31) | (h << 1)
  h ^= h >>> 31
  // hash *= 21, as 16 + 4 + 1
  const product = (l >>> 0) * 21
  h = (Math.imul(h, 21) + Math.floor(product / 0x1_0000_0000)) | 0
  l = product | 0
  // hash ^= hash >>> 11
  l ^= (l >>> 11) | (h << 21)
  h ^= h >>> 11
  // hash += hash << 6
  const sum = (l >>> 0) + ((l << 6) >>> 0)
  h = (h + ((h << 6) | (l >>> 26)) + (sum > 0xffff_ffff ? 1 : 0)) | 0
  l = sum | 0
  // hash ^= hash >>> 22
  return l ^ ((l >>> 22) | (h << 10))
}
