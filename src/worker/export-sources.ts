/** The files of the repository, as an export opens them one after the other. */
import {
  type EntrySource,
  type FarSource,
  type PlacedEntry,
  SourceChangedError,
  SourceUnreadableError
} from '../archive/write-archive.ts'
import type { PlanEntry } from '../core/export.ts'
import { FileReplaced } from '../core/file-replaced.ts'
import type { OpenFile } from '../core/open-file.ts'
import type { KnownReading, KnownReadings } from '../core/repository-storage.ts'
import { openInside } from '../files/safe-path.ts'
import { persistently } from '../s3/bucket.ts'
import type { RepositoryObjects } from '../s3/repository-objects.ts'

export interface NamedEntry extends PlanEntry, PlacedEntry {}

export interface Sources {
  /** The same pages; what is opened is of the last one that was asked for. */
  entries(pages: AsyncIterable<NamedEntry[]>): AsyncIterable<NamedEntry[]>
  /** Opens a file as it stands in the repository. @throws the system's error */
  open(entry: NamedEntry): EntrySource
}

/** @param root real path of the repository */
export function localSources(root: string): Sources {
  return {
    entries: (pages) => pages,
    open(entry) {
      const { fd, stat } = openInside(root, entry.path)
      return { fd, size: Number(stat.size) }
    }
  }
}

/** Such files are read whole, and some of them ahead: what takes long with them is the way there. */
const SMALL_BYTES = 256 * 1024
const FILES_AHEAD = 12

/** @param signal ends the waiting for storage that is away */
export function createFarSources(objects: RepositoryObjects, known: KnownReadings, signal: AbortSignal): Sources {
  let page: readonly NamedEntry[] = []
  let readings: Promise<ReadonlyMap<string, KnownReading>> | undefined
  /** Contents of small files that are being read, by the position of the entry. */
  const ahead = new Map<number, Promise<Buffer>>()

  function readingsOfPage() {
    readings ??= known(page.filter(({ deflated }) => deflated === undefined).map(({ path }) => path))
    return readings
  }

  async function openObject(entry: NamedEntry, readings: Promise<ReadonlyMap<string, KnownReading>>) {
    const reading = (await readings).get(entry.path)
    if (reading === undefined) throw toSourceError(entry, new FileReplaced(entry.path, true))
    if (reading.sha256 !== entry.sha256) throw new SourceChangedError(entry, 'it was read again with another content')
    return objects.open(entry.path, reading.stamp, entry.sha256)
  }

  async function readPart(entry: NamedEntry, file: OpenFile, buffer: Buffer, position: number): Promise<number> {
    try {
      return await persistently(signal, () => file.readInto(buffer, position))
    } catch (error) {
      signal.throwIfAborted()
      throw toSourceError(entry, error)
    }
  }

  async function readWhole(entry: NamedEntry): Promise<Buffer> {
    const file = await openObject(entry, readingsOfPage())
    try {
      const bytes = Buffer.allocUnsafeSlow(entry.size)
      for (let filled = 0; filled < bytes.length; ) {
        filled += await readPart(entry, file, bytes.subarray(filled), filled)
      }
      return bytes
    } finally {
      await file.close()
    }
  }

  function readAheadOf({ position }: NamedEntry): void {
    const index = position - (page[0]?.position ?? 0)
    for (const entry of page.slice(index, index + FILES_AHEAD)) {
      const isWanted = entry.deflated === undefined && entry.size > 0 && entry.size <= SMALL_BYTES
      if (!isWanted || ahead.has(entry.position)) continue
      const content = readWhole(entry)
      // Whoever comes to it gets the error.
      content.catch(() => {})
      ahead.set(entry.position, content)
    }
  }

  function sourceOfLarge(entry: NamedEntry): FarSource {
    const opening = readingsOfPage()
    let file: OpenFile | undefined
    return {
      size: entry.size,
      async readInto(buffer, position) {
        file ??= await openObject(entry, opening)
        return readPart(entry, file, buffer, position)
      },
      close: async () => file?.close()
    }
  }

  return {
    async *entries(pages) {
      for await (const next of pages) {
        page = next
        readings = undefined
        ahead.clear()
        yield next
      }
    },

    open(entry) {
      readAheadOf(entry)
      const content = ahead.get(entry.position)
      ahead.delete(entry.position)
      if (content === undefined) return sourceOfLarge(entry)
      return {
        size: entry.size,
        readInto: async (buffer, position) => (await content).copy(buffer, 0, position),
        async close() {}
      }
    }
  }
}

function toSourceError(entry: NamedEntry, error: unknown): unknown {
  if (!(error instanceof FileReplaced)) return new SourceUnreadableError(entry, error)
  if (error.isGone) return new SourceUnreadableError(entry, Object.assign(error, { code: 'ENOENT' }))
  return new SourceChangedError(entry, 'another one is there now')
}
