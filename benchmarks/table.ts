/** A line of a table: its cells, or a heading over all columns. */
export type Line = readonly string[] | string

/**
 * Lays lines out in columns, the first aligned to the left and the others to the right. Headings take no part in how
 * wide a column is.
 */
export function tableOf(lines: readonly Line[]): string {
  const widths: number[] = []
  for (const cells of lines) {
    if (typeof cells === 'string') continue
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  return lines.map(line => (typeof line === 'string' ? line : row(line, widths))).join('\n')
}

function row(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
    .join('  ')
    .trimEnd()
}

/** A figure with three digits that mean something, and thousands set apart; `-` where there is none. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const rounded = Number(value.toPrecision(3))
  const digits = rounded === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))))
  return rounded.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
