import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { type PendingRequest, Requests } from '../../src/delivery/requests.js'

const a = 'a' as NodeName
const b = 'b' as NodeName

function pending(node: NodeName, lane?: object): PendingRequest & { outcomes: string[] } {
  const outcomes: string[] = []
  return {
    ...{ node, server: 'orders', lane, outcomes },
    answered: (isError, payload) => outcomes.push(`${isError ? 'error' : 'answer'} ${String(payload)}`),
    lost: () => outcomes.push('failed'),
  }
}

describe('requests that wait for answers', () => {
  test('have numbers of their own, for ever', () => {
    const requests = new Requests()
    const first = requests.open(pending(a))
    requests.close(first)
    const second = requests.open(pending(a))
    expect(second).not.toBe(first)
    expect(requests.get(first)).toBeUndefined()
  })

  test('are counted for each node', () => {
    const requests = new Requests()
    const ids = [requests.open(pending(a)), requests.open(pending(a)), requests.open(pending(b))] as const
    expect([requests.count(a), requests.count(b)]).toEqual([2, 1])
    requests.close(ids[0])
    requests.close(ids[0])
    requests.close(ids[2])
    expect([requests.count(a), requests.count(b)]).toEqual([1, 0])
  })

  test('end once: a second answer finds nothing', () => {
    const requests = new Requests()
    const request = pending(a)
    const id = requests.open(request)
    expect(requests.close(id)).toBe(request)
    expect(requests.close(id)).toBeUndefined()
    requests.fail(() => true)
    expect(request.outcomes).toEqual([])
  })

  test('fail with the lane they left on; those that wait to leave, or left on others, stay', () => {
    const requests = new Requests()
    const lane = {}
    const [gone, other, waiting] = [pending(a, lane), pending(a, {}), pending(a)]
    for (const request of [gone, other, waiting]) requests.open(request)
    requests.fail(request => request.lane === lane)
    expect([gone, other, waiting].map(({ outcomes }) => outcomes)).toEqual([['failed'], [], []])
    expect(requests.count(a)).toBe(2)
  })

  test('know the lane they left on only once they left', () => {
    const requests = new Requests()
    const lane = {}
    const request = pending(a)
    const id = requests.open(request)
    const found = requests.get(id)
    if (found !== undefined) found.lane = lane
    requests.fail(one => one.lane === lane)
    expect(request.outcomes).toEqual(['failed'])
  })

  test('that one failure ends are not failed again by the same sweep', () => {
    const requests = new Requests()
    const second = pending(a)
    let secondId = 0
    const first = { ...pending(a), lost: () => void requests.close(secondId) }
    requests.open(first)
    secondId = requests.open(second)
    requests.fail(() => true)
    expect(second.outcomes).toEqual([])
    expect(requests.count(a)).toBe(0)
  })

  test('that are opened while others fail are left alone', () => {
    const requests = new Requests()
    const again = pending(a)
    const first = { ...pending(a), lost: () => void requests.open(again) }
    requests.open(first)
    requests.fail(() => true)
    expect(again.outcomes).toEqual([])
    expect(requests.count(a)).toBe(1)
  })

  test('settle exactly once each, and their counts return to zero, over any history', () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant('open' as const), node: fc.constantFrom(a, b), lane: fc.nat(2) }),
      fc.record({ type: fc.constant('answer' as const), index: fc.nat(30) }),
      fc.record({ type: fc.constant('lane' as const), lane: fc.nat(2) }),
      fc.record({ type: fc.constant('node' as const), node: fc.constantFrom(a, b) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => {
        const requests = new Requests()
        const lanes = [{}, {}, {}]
        const opened: { readonly id: number; readonly request: ReturnType<typeof pending> }[] = []
        for (const one of actions) {
          if (one.type === 'open') {
            const request = pending(one.node, lanes[one.lane])
            opened.push({ id: requests.open(request), request })
          } else if (one.type === 'answer') {
            const id = opened[one.index]?.id ?? 999
            requests.close(id)?.answered(false, id)
          } else if (one.type === 'lane') requests.fail(({ lane }) => lane === lanes[one.lane])
          else requests.fail(({ node }) => node === one.node)
          for (const node of [a, b]) {
            const open = opened.filter(({ request }) => request.node === node && request.outcomes.length === 0)
            expect(requests.count(node)).toBe(open.length)
          }
        }
        requests.fail(() => true)
        expect(opened.every(({ request }) => request.outcomes.length === 1)).toBe(true)
        expect([requests.count(a), requests.count(b)]).toEqual([0, 0])
      }),
    )
  })
})
