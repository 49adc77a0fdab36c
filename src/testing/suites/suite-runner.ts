/** Any test runner: vitest's and node:test's functions both fit. */
export interface SuiteRunner {
  /** Groups what `body` registers. */
  readonly describe: (name: string, body: () => void) => unknown
  /** Registers one test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown
}

/** The cases of a suite, and what each of them needs. */
interface Suite<Harness> {
  readonly title: string
  readonly cases: readonly {
    readonly name: string
    readonly run: (harness: Harness) => Promise<void> | void
  }[]
  /** Called once for each case. */
  readonly setup: () => Promise<Harness> | Harness
  /** Called after the case, whatever came of it. */
  readonly dispose?: (harness: Harness) => Promise<void> | undefined
}

/** Registers every case as a test. */
export function registerSuite<Harness>(suite: Suite<Harness>, { describe, test }: SuiteRunner): void {
  const { title, cases, setup, dispose } = suite
  describe(title, () => {
    for (const { name, run } of cases) {
      test(name, async () => {
        const harness = await setup()
        try {
          await run(harness)
        } finally {
          await dispose?.(harness)
        }
      })
    }
  })
}
