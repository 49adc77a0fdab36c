import { describe, expect, test } from 'vitest'
import { clientServer, fullMesh, hyParView, type PeerServiceOptions, scamp, staticMesh } from '../../src/index.js'

const misspelt: object = { name: 'a', heartbeatIntervall: 1 }

describe('an option that does not exist', () => {
  test.each<[string, (options: PeerServiceOptions) => unknown, string]>([
    ['fullMesh', fullMesh, 'name'],
    ['clientServer', options => clientServer({ ...options, role: 'client' }), 'role'],
    ['staticMesh', staticMesh, 'peers'],
    ['hyParView', hyParView, 'activeViewSize'],
    ['scamp', scamp, 'heartbeatInterval'],
  ])('is refused by %s, which names those that do', (_name, make, allowed) => {
    const error = { code: 'ERR_INVALID_OPTION', option: 'options.heartbeatIntervall' }
    const message = expect.stringMatching(new RegExp(`one of .*\\b${allowed}\\b`))
    expect(() => make(misspelt)).toThrow(expect.objectContaining({ ...error, message }))
  })
})
