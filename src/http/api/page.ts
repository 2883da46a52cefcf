/** Lists a page at a time: what a caller says about it, and what it is answered. */
import { Type } from 'typebox'
import { Problem } from '../../core/problems/problem.ts'

export const DEFAULT_LIMIT = '100'

/** Parameters of every list. */
export const PageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1000)$',
      examples: ['10'],
      description: 'a number from 1 to 1000; without it a page has 100 items.'
    })
  ),
  cursor: Type.Optional(Type.String({ maxLength: 8_192, description: '`next` of the page before.' }))
}

export const Next = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` of the next page; null after the last.'
})

/** A full page may be the last one too; then the next one is empty. */
export function nextOf<Item>(page: readonly Item[], limit: string, position: (item: Item) => string[]): string | null {
  const last = page.at(-1)
  return last === undefined || page.length < Number(limit) ? null : toCursor(position(last))
}

function toCursor(position: readonly string[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** @throws Problem PARAMETER_INVALID for what no page has given */
export function parseCursor(text: string, length: number): string[] {
  const position = decoded(text)
  const isOurs = Array.isArray(position) && position.length === length
  if (isOurs && position.every((part) => typeof part === 'string')) return position
  throw notOurs()
}

/** The same for lists that are sorted by one number. */
export function parseNumberCursor(text: string): number {
  const number = Number(parseCursor(text, 1)[0])
  if (Number.isSafeInteger(number)) return number
  throw notOurs()
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
}

function notOurs(): Problem {
  return new Problem('PARAMETER_INVALID', 'The parameter cursor is none that a former page has given as next.')
}
