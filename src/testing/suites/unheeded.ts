import { isPromiseLike } from '../../core/promise-like.js'

/**
 * Like `target`, but nobody has to wait for the promises that its methods give: a case that fails leaves some behind,
 * which reject when everything is stopped.
 */
export function unheeded<Target extends object>(target: Target): Target {
  const like: Target = new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, given)
        if (!isPromiseLike(result)) return result
        return leftAlone(Promise.resolve(result).then(found => (found === target ? like : found)))
      }
    },
  })
  return like
}

/** The promise, which may reject without anybody who hears of it. */
export function leftAlone<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
