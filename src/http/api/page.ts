/** Lists a page at a time: what a caller says about it, and what it is answered. */
import { Type } from 'typebox'
import { toCursor } from './cursor.ts'

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
