import { networkInterfaces } from 'node:os'

/** The URLs to tell peers for a bound one: where it listens on every interface, those of the interfaces. */
export function reachableUrls(url: string): string[] {
  const wildcard = /^([a-z][a-z0-9+.-]*:\/\/)(0\.0\.0\.0|\[::\])(:\d+)$/.exec(url)
  if (wildcard === null) return [url]
  const [, scheme, , port] = wildcard
  const outer = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => `${scheme}${address}${port}`)
  return outer.length > 0 ? outer : [`${scheme}127.0.0.1${port}`]
}
