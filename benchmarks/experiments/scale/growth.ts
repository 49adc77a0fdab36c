/**
 * The exponent of the power of x that y grows with, as a straight line through the logarithms fits best (least
 * squares): 0 where y stays the same, 1 where it grows with x, 2 with the square of x. NaN of less than two points.
 */
export function exponentOf(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (of: (point: readonly [number, number]) => number): number =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length
  const [x, y] = [mean(([at]) => at), mean(([, at]) => at)]
  return mean(([a, b]) => (a - x) * (b - y)) / mean(([a]) => (a - x) ** 2)
}
