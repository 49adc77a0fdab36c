/** The time of the system's monotonic clock, which all processes share. */
export function systemMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
