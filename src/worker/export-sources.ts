/** The files of the repository, as an export opens them one after the other. */
import {
  type EntrySource,
  type FarSource,
  type PlacedEntry,
  SourceChangedError,
  SourceUnreadableError
} from '../archive/entry-source.ts'
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

export interface FarSourcesOptions {
  readonly objects: RepositoryObjects
  readonly known: KnownReadings
  /** Archives go to the same storage: it can copy what is large by itself. */
  readonly isInStorageOfArchives: boolean
  /** Ends the waiting for storage that is away. */
  readonly signal: AbortSignal
}

export function createFarSources({ objects, known, isInStorageOfArchives, signal }: FarSourcesOptions): Sources {
  let page: readonly NamedEntry[] = []
  let readings: Promise<ReadonlyMap<string, KnownReading>> | undefined
  /** Contents of small files that are being read, by the position of the entry. */
  const ahead = new Map<number, Promise<Buffer>>()

  function readingsOfPage() {
    readings ??= known(page.filter(({ deflated }) => deflated === undefined).map(({ path }) => path))
    return readings
  }

  /** The stamp of what was planned. */
  async function stampOf(entry: NamedEntry, readings: Promise<ReadonlyMap<string, KnownReading>>): Promise<string> {
    const reading = (await readings).get(entry.path)
    if (reading === undefined) throw toSourceError(entry, new FileReplaced(entry.path, true))
    if (reading.sha256 !== entry.sha256) throw new SourceChangedError(entry, 'it was read again with another content')
    return reading.stamp
  }

  const openObject = async (entry: NamedEntry, readings: Promise<ReadonlyMap<string, KnownReading>>) =>
    objects.open(entry.path, await stampOf(entry, readings), entry.sha256)

  async function readPart(entry: NamedEntry, file: OpenFile, part: { buffer: Buffer; position: number; end: number }) {
    const { buffer, position, end } = part
    try {
      return await persistently(signal, () => file.readInto(buffer, position, end))
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
        filled += await readPart(entry, file, { buffer: bytes.subarray(filled), position: filled, end: entry.size - 1 })
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
      async readInto(buffer, position, end) {
        file ??= await openObject(entry, opening)
        return readPart(entry, file, { buffer, position, end })
      },
      ...(isInStorageOfArchives && {
        origin: async () => objects.origin(entry.path, await stampOf(entry, opening))
      }),
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
