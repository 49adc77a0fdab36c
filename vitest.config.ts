import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    // What is written as a user would write it runs on the sources here.
    alias: [
      { find: /^maquis$/, replacement: source('index.ts') },
      { find: /^maquis\/pool$/, replacement: source('pool/pool.ts') },
      { find: /^maquis\/testing$/, replacement: source('testing/testing.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
