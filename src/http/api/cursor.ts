/** Where a list goes on: what its last item is sorted by, in a form that nobody is tempted to take apart. */
import { Problem } from '../../core/problems/problem.ts'

export function toCursor(position: readonly string[]): string {
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
