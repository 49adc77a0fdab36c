/**
 * Tells the garbage collector of memory that was taken outside its heap, `bytes` of a buffer. V8 collects the young
 * when they fill their space, or after 32 MiB outside; but what lies outside counts as old, too, and in a small heap,
 * which has a limit of some 20 MB, it is marked from end to end before that: for messages of 1 KiB and more that was
 * half of a receiver's time. Young garbage of half the size brings the cheap collection forward, so that hardly any of
 * the dear ones are left: the figures are in benchmarks/README.md.
 */
export function takenOutside(bytes: number): void {
  taken += bytes
  for (; taken >= stepBytes; taken -= stepBytes) garbage.young = new Array(stepSlots)
  garbage.young = undefined
}

let taken = 0
/** What is put here and taken away is not optimized away before. */
const garbage: { young: unknown } = { young: undefined }
const stepBytes = 131_072
/** Of eight bytes. */
const stepSlots = 8_192
