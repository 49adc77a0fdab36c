/** Lines over an axis each way. */
export interface Panel {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly lines: readonly PlotLine[]
  /** Horizontal lines, for comparison. */
  readonly levels?: readonly { readonly name: string; readonly y: number }[]
}

export interface PlotLine {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Axis {
  readonly label: string
  /** Where a value is: 0 at the beginning of the axis, 1 at its end. */
  place(value: number): number
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

const colours = ['#777777', '#c77700', '#b3261e', '#1b6ca8', '#2a9d5c', '#6b4fa0']
/** Lines of so few points have a mark at each. */
const markedMax = 8
const [width, panelHeight, left, right, top, bottom] = [1_000, 400, 70, 390, 60, 56]

/** One picture of several panels, one below the other. */
export function linePlot(title: string, panels: readonly Panel[]): string {
  const height = panels.length * panelHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...panels.flatMap((panel, index) => draw(panel, index * panelHeight)),
    '</svg>\n',
  ].join('\n')
}

function draw(panel: Panel, above: number): string[] {
  const x = (value: number): number => left + panel.x.place(value) * (width - left - right)
  const y = (value: number): number =>
    above + panelHeight - bottom - panel.y.place(value) * (panelHeight - top - bottom)
  const [first, last] = [left, width - right]
  const [floor, ceiling] = [above + panelHeight - bottom, above + top]
  const parts = [text(8, above + 20, panel.title, 'font-weight="bold"')]
  for (const { at, text: name } of panel.y.ticks) {
    parts.push(segment(first, last, y(at), y(at), '#ddd'), text(left - 8, y(at) + 4, name, 'text-anchor="end"'))
  }
  for (const { at, text: name } of panel.x.ticks) {
    parts.push(segment(x(at), x(at), floor, ceiling, '#eee'), text(x(at), floor + 18, name, 'text-anchor="middle"'))
  }
  parts.push(
    text((first + last) / 2, floor + 40, panel.x.label, 'text-anchor="middle"'),
    text(8, above + 36, panel.y.label, 'fill="#555"'),
  )
  const names = panel.lines.map(({ name, points }, index) => {
    const colour = colours[index % colours.length] ?? ''
    const places = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    parts.push(`<polyline points="${places}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    // A line of one point would not be seen.
    if (points.length <= markedMax) parts.push(...points.map(([at, value]) => mark(x(at), y(value), colour)))
    return text(last + 34, above + top + 12 + index * 20, name, `fill="${colour}"`)
  })
  for (const [index, { name, y: value }] of (panel.levels ?? []).entries()) {
    const at = above + top + 12 + (names.length + index + 1) * 20
    parts.push(segment(first, last, y(value), y(value), '#000', 'stroke-dasharray="2 4"'))
    parts.push(segment(last, last + 30, y(value), at - 4, '#999', 'stroke-dasharray="2 4"'))
    parts.push(text(last + 34, at, name, ''))
  }
  return [...parts, ...names]
}

/** Equal ratios are equally far apart, and each power of ten has a tick. `low` and `high` are above 0. */
export function logarithmic(label: string, low: number, high: number): Axis {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  const decades = Math.max(1, last - first)
  return {
    label,
    place: value => (Math.log10(value) - first) / decades,
    ticks: Array.from({ length: decades + 1 }, (_, index) => {
      const at = 10 ** (first + index)
      return { at, text: String(Number(at.toPrecision(1))) }
    }),
  }
}

/** Values that double from one to the next, or about so: each has a tick. */
export function doubling(label: string, values: readonly number[]): Axis {
  const [low, high] = [Math.log2(Math.min(...values)), Math.log2(Math.max(...values))]
  const span = high === low ? 1 : high - low
  return {
    label,
    place: value => (Math.log2(value) - low) / span,
    ticks: values.map(at => ({ at, text: String(at) })),
  }
}

function segment(x1: number, x2: number, y1: number, y2: number, colour: string, more = ''): string {
  const [a, b, c, d] = [x1, x2, y1, y2].map(value => value.toFixed(1))
  return `<line x1="${a}" x2="${b}" y1="${c}" y2="${d}" stroke="${colour}" ${more}/>`
}

function mark(x: number, y: number, colour: string): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="${colour}"/>`
}

function text(x: number, y: number, content: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`
}
