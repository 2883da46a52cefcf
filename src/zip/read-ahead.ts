/** Reads the small files of a streamed archive ahead. */
import { type OpenContent, pieceOfFile } from './archive-piece.ts'
import type { PlacedEntry } from './layout.ts'

/** Files up to this size are read whole and ahead: opening one takes longer than reading it. */
const SMALL_BYTES = 64 * 1024
const FILES_AHEAD = 8

export interface AheadEntry<Entry> {
  readonly entry: Entry
  /** Of a small file. */
  readonly content: Promise<Buffer> | undefined
  /** Size of that content. */
  readonly bytes: number
}

/**
 * The entries in order, with the content of small files. A consumer that ends early waits until the files that are
 * being read are closed.
 * @param maxBytes that may be ahead: hundreds of slow readers each hold this much memory
 */
export async function* readAhead<Entry extends PlacedEntry>(
  pages: AsyncIterable<readonly Entry[]>,
  open: OpenContent<Entry>,
  maxBytes: () => number
): AsyncGenerator<AheadEntry<Entry>> {
  const ahead: AheadEntry<Entry>[] = []
  let bytes = 0
  /** The entry stays in the list until the consumer asks for the next one. */
  function* first(): Generator<AheadEntry<Entry>> {
    const entry = ahead[0] as AheadEntry<Entry>
    yield entry
    ahead.shift()
    bytes -= entry.bytes
  }
  try {
    for await (const page of pages) {
      for (const entry of page) {
        const { size } = entry
        const isSmall = size > 0 && size <= SMALL_BYTES
        while (ahead.length > 0 && isSmall && bytes + size > maxBytes()) yield* first()
        const content = isSmall ? readWhole(entry, open) : undefined
        // The consumer of the entry gets the error.
        content?.catch(() => {})
        ahead.push({ entry, content, bytes: isSmall ? size : 0 })
        bytes += isSmall ? size : 0
        if (ahead.length > FILES_AHEAD) yield* first()
      }
    }
    while (ahead.length > 0) yield* first()
  } finally {
    await Promise.allSettled(ahead.map(({ content }) => content))
  }
}

async function readWhole<Entry extends PlacedEntry>(entry: Entry, open: OpenContent<Entry>): Promise<Buffer> {
  const piece = pieceOfFile(entry, 0, open)
  try {
    const bytes = Buffer.allocUnsafeSlow(piece.length)
    for (let filled = 0; filled < bytes.length; ) filled += await piece.readInto(bytes.subarray(filled), filled)
    return bytes
  } finally {
    await piece.close()
  }
}
