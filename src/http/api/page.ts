/** Pages of lists: the query parameters, `next` of the answer, and its cursor. */
import { Type } from 'typebox'
import { Problem } from '../../core/problems/problem.ts'

export const DEFAULT_LIMIT = '100'

/** Parameters of every list. */
export const PageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1000)$',
      examples: ['10'],
      description: 'a number from 1 to 1000; default 100.'
    })
  ),
  cursor: Type.Optional(Type.String({ maxLength: 8_192, description: '`next` of the previous page.' }))
}

export const Next = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` of the next page; null after the last page.'
})

/** Not null after a full page, even if it is the last one: then the next page is empty. */
export function nextOf<Item>(page: readonly Item[], limit: string, position: (item: Item) => string[]): string | null {
  const last = page.at(-1)
  return last === undefined || page.length < Number(limit) ? null : toCursor(position(last))
}

/** The sort key of the last item, encoded so that clients treat it as opaque. */
function toCursor(position: readonly string[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** @throws Problem PARAMETER_INVALID for a text that is not a cursor */
export function parseCursor(text: string, length: number): string[] {
  const position = decoded(text)
  const isValid = Array.isArray(position) && position.length === length
  if (isValid && position.every((part) => typeof part === 'string')) return position
  throw invalidCursor()
}

/** For lists that are sorted by one number. @throws Problem PARAMETER_INVALID */
export function parseNumberCursor(text: string): number {
  const number = Number(parseCursor(text, 1)[0])
  if (Number.isSafeInteger(number)) return number
  throw invalidCursor()
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
}

function invalidCursor(): Problem {
  return new Problem('PARAMETER_INVALID', 'The parameter cursor is not the next of a previous page.')
}
