/** The longest that a system timer waits. */
const longest = 2_147_483_647

/** Keeps the process alive until what it returns is called: for what neither listens nor has a socket yet. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, longest)
  return () => clearInterval(timer)
}
