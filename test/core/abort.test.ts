import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { onAbort, untilAborted } from '../../src/core/abort.js'

describe('whoever listens to a signal', () => {
  test('is called once, in the order of coming, and shares one listener with all others', () => {
    const controller = new AbortController()
    const { signal } = controller
    const called: number[] = []
    for (const number of [1, 2, 3]) onAbort(signal, () => void called.push(number))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    controller.abort()
    controller.abort()
    expect([called, getEventListeners(signal, 'abort')]).toEqual([[1, 2, 3], []])
  })

  test('is not called when it has given up, also while others are called', () => {
    const controller = new AbortController()
    const called: string[] = []
    onAbort(controller.signal, () => {
      called.push('first')
      giveUp()
    })
    const giveUp = onAbort(controller.signal, () => void called.push('second'))
    onAbort(controller.signal, () => void called.push('third'))
    controller.abort()
    expect(called).toEqual(['first', 'third'])
  })

  test('leaves nothing with a signal when all have given up, however often', () => {
    const controller = new AbortController()
    const { signal } = controller
    const called: string[] = []
    const [one, other] = [onAbort(signal, () => {}), onAbort(signal, () => {})]
    one()
    one()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    other()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    onAbort(signal, () => void called.push('later'))
    other()
    controller.abort()
    expect(called).toEqual(['later'])
  })

  test('costs the same beside many as alone', () => {
    const { signal } = new AbortController()
    const many = 50_000
    const giveUp: (() => void)[] = []
    // A list that is walked for each of them takes minutes.
    for (let count = 0; count < many; count++) giveUp.push(onAbort(signal, () => {}))
    for (const end of giveUp) end()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('work until a signal aborts', () => {
  const never = new Promise<never>(() => {})

  test('ends as it does, and leaves nothing with the signal', async () => {
    const { signal } = new AbortController()
    expect(await untilAborted(signal, Promise.resolve(1))).toBe(1)
    await expect(untilAborted(signal, Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('ends with the signal, whatever becomes of the work', async () => {
    const controller = new AbortController()
    let fail = (): void => {}
    const failing = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('too late to be told'))
    })
    const ends = [untilAborted(controller.signal, never), untilAborted(controller.signal, failing)]
    controller.abort(new Error('enough'))
    fail()
    for (const end of ends) await expect(end).rejects.toThrow('enough')
    await expect(untilAborted(controller.signal, never)).rejects.toThrow('enough')
  })
})
