/** Streams long lists as JSON: neither the list nor its text is in memory as a whole. */
import { Readable } from 'node:stream'

/** A JSON value as text, piece by piece. */
export type JsonText = AsyncIterable<string>

/** An object; members that are JsonText are streamed into it. */
export async function* objectText(members: Readonly<Record<string, unknown>>): JsonText {
  let separator = '{'
  for (const [name, value] of Object.entries(members)) {
    yield `${separator}${JSON.stringify(name)}:`
    if (isJsonText(value)) yield* value
    else yield JSON.stringify(value)
    separator = ','
  }
  yield separator === '{' ? '{}' : '}'
}

/** An array; a part is the text of one item, or of several comma-separated items. */
export async function* arrayText(parts: AsyncIterable<string | JsonText>): JsonText {
  let separator = '['
  for await (const part of parts) {
    yield separator
    if (typeof part === 'string') yield part
    else yield* part
    separator = ','
  }
  yield separator === '[' ? '[]' : ']'
}

/** A body for `reply.send`. */
export function textStream(text: JsonText): Readable {
  return Readable.from(text, { objectMode: false })
}

function isJsonText(value: unknown): value is JsonText {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
