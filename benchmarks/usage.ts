/** Seconds of CPU that this process took, over all its threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The most bytes that this process ever had resident. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1_024
}

/** The time of the system's monotonic clock, which all processes share. */
export function systemMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
