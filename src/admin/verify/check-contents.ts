/** Reads the content of every file of an archive, and compares it with what the archive itself records. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ZipRefused } from '../../core/import/import.ts'
import { contentOf, contentStart } from '../../storage/disk/zip/zip-content.ts'
import type { ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import type { ReportDifference } from './differences.ts'
import type { CheckedEntry } from './structure-bytes.ts'

export interface ContentOptions {
  /** Only a manifest needs the SHA-256 of each file; without it `sha256` has no meaning. */
  readonly isHashed: boolean
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal | undefined
}

/** @returns the entries that can be read */
export async function checkContents(
  fd: number,
  { entries, end }: ZipDirectory,
  { isHashed, onProgress, signal }: ContentOptions,
  report: ReportDifference
): Promise<CheckedEntry[]> {
  const total = entries.reduce((sum, { compressedSize }) => sum + compressedSize, 0)
  const checked: CheckedEntry[] = []
  let done = 0
  for (const [index, entry] of entries.entries()) {
    const hash = createHash('sha256')
    let [crc, size] = [0, 0]
    const onPacked = (piece: Buffer) => {
      signal?.throwIfAborted()
      done += piece.length
      onProgress(done, total)
    }
    await reportRefused(report, async () => {
      const start = contentStart(fd, entry, entries[index + 1]?.offset ?? end)
      for await (const piece of contentOf(fd, entry, start, onPacked)) {
        crc = crc32(piece, crc)
        size += piece.length
        if (isHashed) hash.update(piece)
        if (size > entry.size) break
      }
      if (size !== entry.size) report(`${entry.name} does not have the ${entry.size} bytes that are recorded.`)
      else if (crc !== entry.crc32) report(`The CRC-32 of ${entry.name} differs from the recorded one.`)
      checked.push({ ...entry, sha256: hash.digest('hex') })
    })
  }
  return checked
}

/** Reports an archive, or an entry, that cannot be read as a ZIP. @returns undefined in this case */
export async function reportRefused<Result>(
  report: ReportDifference,
  step: () => Promise<Result>
): Promise<Result | undefined> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof ZipRefused)) throw error
    report(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`)
    return undefined
  }
}
