import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { MembershipStrategy } from '../../src/index.js'
import { examplesOf, readPages, root } from './examples.js'

let made = 0

/**
 * The overlay of docs/guide.md, "An overlay of your own": its very text, compiled against `src`; or with a mistake in
 * it, where `find`, which stands there once, is replaced.
 */
export async function guideOverlay(find = '', replace = ''): Promise<new () => MembershipStrategy> {
  const all = readPages(['docs/guide.md'], []).flatMap(examplesOf)
  const [example, ...others] = all.filter(({ code }) => code.includes('implements MembershipStrategy'))
  if (example === undefined || others.length > 0) throw new Error('the guide has one example of an overlay')
  const folder = join(root, 'build', 'conformance')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `overlay-${process.pid}-${++made}.ts`)
  if (find !== '' && example.code.split(find).length !== 2) throw new Error(`the overlay has not one '${find}'`)
  await writeFile(file, example.code.replace(find, replace).replaceAll(`'maquis'`, `'../../src/index.js'`))
  const { Introductions } = (await import(pathToFileURL(file).href)) as { Introductions: new () => MembershipStrategy }
  return Introductions
}
