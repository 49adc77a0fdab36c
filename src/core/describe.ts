import { classable, textOf } from './thrown.js'

/** A value in an error's text: in a few words. */
export function describe(given: unknown): string {
  const value = classable(given)
  if (value instanceof Error) return textOf(value)
  if (typeof value === 'string') return value.length <= 100 ? `'${value}'` : `'${value.slice(0, 100)}...'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return textOf(value)
}
