const width = 80

/** The terminal: lines that stay, and below them one that is written over again and again. */
export class Screen {
  readonly #startedAt = performance.now()
  readonly #inPlace: boolean = process.stdout.isTTY === true
  /** Where nothing can be written over, a progress line is a line, so there are few. */
  readonly #interval: number = this.#inPlace ? 100 : 1_000
  #drawnAt = 0
  #progress = ''

  /** A line with the time in front of it. */
  event(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(3)
    this.line(`${seconds.padStart(7)} s  ${text}`)
  }

  line(text = ''): void {
    this.#write(this.#inPlace ? `\r\u001b[K${text}\n${this.#progress}` : `${text}\n`)
  }

  /** Shows how far things are; often enough called, seldom enough shown. */
  progress(text: () => string): void {
    const now = performance.now()
    if (now - this.#drawnAt < this.#interval) return
    this.#drawnAt = now
    const line = text().slice(0, width - 1)
    if (!this.#inPlace) return this.#write(`${line}\n`)
    this.#progress = line
    this.#write(`\r\u001b[K${line}`)
  }

  /** Takes the progress line away. */
  clear(): void {
    if (this.#inPlace && this.#progress !== '') this.#write('\r\u001b[K')
    this.#progress = ''
  }

  /** Columns as wide as what is in them, the first to the left, the others to the right. */
  table(rows: readonly (readonly string[])[]): void {
    const columns = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? []
    for (const row of rows) {
      const cells = row.map((cell, column) => {
        const wide = columns[column] ?? 0
        return column === 0 ? cell.padEnd(wide) : cell.padStart(wide)
      })
      this.line(`  ${cells.join('   ').trimEnd()}`)
    }
  }

  #write(text: string): void {
    process.stdout.write(text)
  }
}

/** 1234567 as 1,234,567. */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
