/** Values of parameters and results: PostgreSQL does not accept and return the same ones as SQLite. */
import type { CustomTypesConfig } from 'pg'

/** Object ids of types: int8, int2, int4, float4, float8, numeric. */
const NUMBER_TYPES: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700])

/** Results: numbers and their sums are JavaScript numbers, as in SQLite; none is greater than 2^53. */
export const types: CustomTypesConfig = {
  getTypeParser(oid: number) {
    return (text: string) => (NUMBER_TYPES.has(oid) ? Number(text) : text)
  }
} as CustomTypesConfig

/** Replaces what a parameter of PostgreSQL cannot hold; SQLite accepts such values. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return toText(value)
  if (typeof value === 'number') return toNumber(value)
  return Array.isArray(value) ? value.map(toParameter) : value
}

/** Replaces NUL characters and lone surrogates with U+FFFD. */
export function toText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** Limits an integer to the safe range: a greater one still exceeds every stored number. */
function toNumber(value: number): number {
  if (!Number.isInteger(value)) return value
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}
