/** Where a list goes on: what its last item is sorted by, in a form that nobody is tempted to take apart. */
import { Problem } from '../../core/problem.ts'

export function toCursor(position: readonly string[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** @throws Problem PARAMETER_INVALID for what no page has given */
export function parseCursor(text: string, length: number): string[] {
  try {
    const position = JSON.parse(Buffer.from(text, 'base64url').toString())
    const isOurs = Array.isArray(position) && position.length === length
    if (isOurs && position.every((part) => typeof part === 'string')) return position
  } catch {
    // Said below.
  }
  throw new Problem('PARAMETER_INVALID', 'The parameter cursor is none that a former page has given as next.')
}
