/** A statement can have some 32,000 parameters: rows are inserted, and values looked up, in portions. */
const CHUNK = 500

/** The items in portions that fit into one statement. */
export function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK)
}
