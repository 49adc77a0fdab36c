/**
 * What every manager can do, whatever its overlay: these are layers that all overlays share. An overlay adds its own,
 * such as `full-membership`.
 */
export const commonCapabilities: readonly string[] = [
  'channels',
  'back-pressure',
  'requests',
  'broadcast',
  'relay',
  'monitoring',
  'partitions',
  'remote-faults',
  'interposition',
  'reservation',
]

/** Whether a manager over an overlay with these capabilities can do `name`. */
export function supports(name: string, overlay: readonly string[]): boolean {
  return commonCapabilities.includes(name) || overlay.includes(name)
}
