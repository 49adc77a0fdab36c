/** What a worker is told to run. */
export interface Order {
  readonly scenario: string
  readonly seed: number
  readonly shrink: boolean
}

/** What became of it. */
export interface Outcome extends Order {
  readonly digest: string
  readonly steps: number
  /** In milliseconds. */
  readonly simulated: number
  readonly outcomes: Readonly<Record<string, number>>
  /** For people; absent when every promise was kept. */
  readonly failure?: string
}
