/**
 * Deflated forms that this server lacks: another one has scanned the repository, and each has a cache of its own. They are made again, and
 * are the same bytes, or none.
 */
import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { type DeflatedFiles, type DeflatedKey, deflatedName } from '../files/deflated-files.ts'
import type { RepositoryDirectory } from '../files/repository-directory.ts'
import { SEGMENT_BYTES } from './deflate-files.ts'
import type { Segment, SegmentJob } from './deflating-thread.ts'

/** A file of the repository that an archive has in its deflated form. */
export interface FormEntry extends DeflatedKey {
  readonly path: string
  readonly size: number
}

export interface FormMakerOptions {
  readonly repository: Pick<RepositoryDirectory, 'root'>
  readonly files: DeflatedFiles
  /** Undefined when the file cannot be read. */
  readonly deflate: (job: SegmentJob) => Promise<Segment | undefined> | Segment | undefined
}

/**
 * What cannot be made as it is to be is not there afterwards: whoever opens it says so. Whoever asks for a form that is being made waits
 * for that.
 * @throws the system's error, such as for a disk that is full, or the signal's reason
 */
export type FormMaker = (entry: FormEntry, signal?: AbortSignal) => Promise<void>

export function createFormMaker(options: FormMakerOptions): FormMaker {
  const going = new Map<string, Promise<void>>()
  return async (entry, signal) => {
    if (options.files.has(entry)) return
    const name = deflatedName(entry)
    const made = going.get(name) ?? make(entry, options, signal).finally(() => going.delete(name))
    going.set(name, made)
    await made
  }
}

async function make(entry: FormEntry, options: FormMakerOptions, signal: AbortSignal | undefined): Promise<void> {
  const { path, size, sha256, deflated } = entry
  const root = options.repository.root()
  const output = options.files.begin(sha256, true)
  let [bytes, sum] = [0, 0]
  try {
    for (let start = 0; start < size; start += SEGMENT_BYTES) {
      // The word to stop is an event.
      await setImmediate()
      signal?.throwIfAborted()
      const length = Math.min(SEGMENT_BYTES, size - start)
      const segment = await options.deflate({ root, path, start, length, isLast: start + length === size })
      if (segment === undefined) return output.discard()
      output.write(segment.deflated)
      bytes += segment.deflated.length
      sum = crc32(segment.deflated, sum)
    }
  } catch (error) {
    output.discard()
    throw error
  }
  // Another zlib makes other bytes, and a file that has changed since has others as well.
  if (bytes !== deflated.size || sum !== deflated.crc32) return output.discard()
  await output.publish(deflated)
}
