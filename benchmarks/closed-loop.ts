/** Does `count` things, `inFlight` at a time: each that has ended is followed by another. */
export async function closedLoop(
  count: number,
  inFlight: number,
  one: (seq: number) => Promise<unknown>,
): Promise<void> {
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < count) await one(begun++)
  }
  await Promise.all(Array.from({ length: Math.min(count, inFlight) }, lane))
}
