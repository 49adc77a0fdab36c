/** As URLs write it: an IPv6 address stands in brackets before a port. */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
