/**
 * Orders texts by their UTF-8 bytes, as C's `strcmp` does: the same on every machine, and `worker-10` before
 * `worker-2`.
 */
export function compareBytewise(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let index = 0; index < length; index++) {
    const [a, b] = [one.charCodeAt(index), other.charCodeAt(index)]
    if (a !== b) return place(a) - place(b)
  }
  return one.length - other.length
}

/** Surrogates stand before U+E000 in UTF-16, and what they mean behind U+FFFF in UTF-8. */
function place(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800
  return unit >= 0xd800 ? unit + 0x2000 : unit
}

/** Orders nodes by name, {@link compareBytewise}. */
export function byNameBytewise(one: { readonly name: string }, other: { readonly name: string }): number {
  return compareBytewise(one.name, other.name)
}

/** Where in a sorted list the first stands that does not come before what is looked for: by `compare`, as in `sort`. */
export function lowerBound<Element>(list: readonly Element[], compare: (element: Element) => number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(list[middle] as Element) < 0) low = middle + 1
    else high = middle
  }
  return low
}
