/** Copies content that is not on this machine into an archive. */
import { crc32 } from 'node:zlib'
import { type FarSource, type PlacedEntry, SourceChangedError } from './entry-source.ts'
import { contentOf } from './layout.ts'
import type { ArchiveOutput } from './write-archive.ts'

/** How much of an entry's content is in the archive. */
export interface Copied {
  readonly done: number
  readonly crc32: number
}

/**
 * What waits for a network cannot keep the thread meanwhile.
 * @returns the CRC-32 of the content; undefined when some of it did not come by
 */
export async function copyFromFar(
  output: ArchiveOutput,
  entry: PlacedEntry,
  source: FarSource,
  copied: Copied,
  { signal, mark }: { signal: AbortSignal; mark: (crc: number) => void }
): Promise<number | undefined> {
  const { size } = contentOf(entry)
  const { checkpointEvery: step = size } = output
  const origin = output.copy !== undefined && size >= step ? await source.origin?.() : undefined
  // Of the bytes before a checkpoint some may not have come by either.
  let isSeen = origin === undefined || copied.done === 0
  let crc = copied.crc32
  for (let { done } = copied; done < size; ) {
    const taken = origin === undefined ? 0 : ((await output.copy?.(origin, done, size - done)) ?? 0)
    signal.throwIfAborted()
    if (taken === 0) {
      const space = await output.space()
      const toStep = done + step - (output.position % step)
      const end = origin !== undefined && toStep + step <= size ? toStep : size
      const length = await source.readInto(space.subarray(0, size - done), done, end - 1)
      signal.throwIfAborted()
      if (length === 0) throw new SourceChangedError(entry, `it ends after ${done} bytes instead of ${size}`)
      crc = crc32(space.subarray(0, length), crc)
      output.advance(length)
      done += length
    }
    isSeen &&= taken === 0
    done += taken
    if (done < size) mark(crc)
  }
  return isSeen ? crc : undefined
}
