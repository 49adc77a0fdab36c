import { readFile, stat } from 'node:fs/promises'
import { DiscoveryError, InvalidOptionError } from '../core/errors.js'
import { answerMax, type Discovery } from './discovery.js'

/** A larger file is not read, in bytes. */
const fileBytesMax = 1_048_576

/** Not every `#`: one may be part of a URL. */
const remark = /(?:^|\s)#.*$/

/**
 * Finds the addresses in a file: one a line, or a JSON array of texts. In lines a `#` at the beginning or after a space
 * begins a remark. The file is read anew each time, so it may change, be replaced, or come only later.
 *
 * A file that is just being written is told by its end: JSON that is cut off rejects, and a last line without its line
 * break counts only once it is found so a second time.
 * @throws {@link InvalidOptionError} `path` is no path.
 */
export function fileDiscovery(path: string): Discovery {
  if (typeof path !== 'string' || path === '') throw new InvalidOptionError('path', 'the path of a file', path)
  return new FileDiscovery(path)
}

class FileDiscovery implements Discovery {
  readonly #path: string
  /** What the last lookup read. */
  #last: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  async lookup(signal: AbortSignal): Promise<readonly string[]> {
    const what = `the file '${this.#path}'`
    let text: string
    try {
      text = await read(this.#path, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new DiscoveryError(what, error)
    }
    signal.throwIfAborted()
    const settled = text === this.#last
    this.#last = text
    const found = text.trimStart().startsWith('[') ? parseJson(text) : parseLines(text, settled)
    if (typeof found === 'string') throw new DiscoveryError(what, found)
    return found.slice(0, answerMax)
  }
}

async function read(path: string, signal: AbortSignal): Promise<string> {
  const found = await stat(path)
  // Opening a pipe would wait for somebody who writes into it.
  if (!found.isFile()) throw new Error('it is no plain file: write the addresses into one')
  if (found.size > fileBytesMax)
    throw new Error(`it has ${found.size} bytes, and may have ${fileBytesMax}: leave some addresses out`)
  return readFile(path, { encoding: 'utf8', signal })
}

/** The addresses, or what is wrong with the text. */
function parseJson(text: string): readonly string[] | string {
  let value: unknown
  try {
    // A byte order mark counts as space here, and JSON has none.
    value = JSON.parse(text.trimStart())
  } catch {
    return `it begins with '[' and is no whole JSON: write another file whole, and rename it to this one`
  }
  const isList = Array.isArray(value) && value.every(item => typeof item === 'string')
  return isList ? (value as readonly string[]) : `it is no array of texts such as ["ws://127.0.0.1:7001"]`
}

function parseLines(text: string, settled: boolean): readonly string[] {
  const lines = text.split('\n')
  if (!settled) lines.pop()
  return lines.map(line => line.trim().replace(remark, '').trimEnd()).filter(line => line !== '')
}
