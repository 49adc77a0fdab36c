import { describe, expect, test } from 'vitest'
import {
  clientServer,
  fullMesh,
  hyParView,
  type PeerServiceOptions,
  scamp,
  staticMesh,
  WebSocketTransport,
} from '../../src/index.js'
import { MemoryNetwork, SimulatedClock } from '../../src/testing/testing.js'

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

  test('is refused by the parts that users construct', () => {
    const clock = new SimulatedClock()
    const given: object = { latencyy: 1 }
    const error = expect.objectContaining({ code: 'ERR_INVALID_OPTION', option: 'options.latencyy' })
    expect(() => new MemoryNetwork(clock, given)).toThrow(error)
    expect(() => new SimulatedClock(given)).toThrow(error)
    expect(() => new WebSocketTransport({ clock, ...given })).toThrow(error)
  })
})
