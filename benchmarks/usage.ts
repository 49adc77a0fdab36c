/** Seconds of CPU that this process took, over all its threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The most bytes that this process ever had resident. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1_024
}
