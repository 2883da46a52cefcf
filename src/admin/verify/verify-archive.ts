/**
 * Whether an archive is what it should be. By itself it shows that its structure is sound and that every file has its
 * CRC-32. With its manifest every byte counts: files by SHA-256, everything between them by writing it anew, and the
 * whole by the digest that the server gives as the `ETag`.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { crc32 } from 'node:zlib'
import { digestLine } from '../../core/export/export.ts'
import { ZipRefused } from '../../core/import/zip-refused.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { contentOf, contentStart } from '../../storage/disk/zip/zip-content.ts'
import { readZipDirectory, type ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import { Refusal } from '../refusal.ts'
import { compareWithManifest } from './compare-with-manifest.ts'
import type { Manifest } from './manifest.ts'
import { type CheckedEntry, findForeignByte } from './structure-bytes.ts'

export interface VerifyOptions {
  readonly manifest: Manifest | undefined
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

export interface Verification {
  readonly files: number
  /** Of the archive. */
  readonly bytes: number
  /** What is wrong with it, in sentences; the first few. */
  readonly findings: readonly string[]
  readonly findingCount: number
}

const MAX_FINDINGS = 100

/** Exports are made by ourselves: they may have as many files as they like, and shrink as well as they can. */
const NO_LIMITS = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxRatio: Number.POSITIVE_INFINITY,
  freeBytes: Number.POSITIVE_INFINITY
}

/** @throws Refusal for a file that cannot be read; the signal's reason when it ends it */
export async function verifyArchive(file: string, options: VerifyOptions): Promise<Verification> {
  const fd = attempt(file, () => fs.openSync(file, 'r'))
  try {
    if (!fs.fstatSync(fd).isFile()) throw new Refusal(`${file} is no file.`)
    return await verify(fd, options)
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error
    throw new Refusal(`${file} cannot be read: ${reasonOf(error)}.`, { cause: error })
  } finally {
    fs.closeSync(fd)
  }
}

async function verify(fd: number, options: VerifyOptions): Promise<Verification> {
  const { manifest } = options
  const { size: bytes } = fs.fstatSync(fd)
  const found = createFindingList()
  if (manifest !== undefined && manifest.archiveSize !== bytes) {
    found.add(`It has ${bytes} bytes, and its manifest says ${manifest.archiveSize}.`)
  }
  const directory = await refusedAsFinding(found.add, () => readZipDirectory(fd, NO_LIMITS))
  if (directory === undefined) return { files: 0, bytes, ...found.list() }
  const { entries, entryCount } = directory
  if (entryCount !== entries.length) {
    found.add(`It has ${entryCount - entries.length} entries that are directories, or files that are hidden.`)
  }
  const checked = await checkContents(fd, directory, options, found.add)
  if (manifest !== undefined) compareWithManifest(checked, manifest, found.add)
  // Where something is known to be wrong, this would only say it again.
  if (found.list().findingCount === 0) await checkRest({ fd, bytes, directory, checked, manifest }, found.add)
  return { files: entries.length, bytes, ...found.list() }
}

async function checkContents(
  fd: number,
  { entries, end }: ZipDirectory,
  { manifest, onProgress = () => {}, signal }: VerifyOptions,
  report: (sentence: string) => void
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
    await refusedAsFinding(report, async () => {
      const start = contentStart(fd, entry, entries[index + 1]?.offset ?? end)
      for await (const piece of contentOf(fd, entry, start, onPacked)) {
        crc = crc32(piece, crc)
        size += piece.length
        // Only the manifest has one to compare it with.
        if (manifest !== undefined) hash.update(piece)
        if (size > entry.size) break
      }
      if (size !== entry.size) report(`${entry.name} does not have the ${entry.size} bytes that are recorded.`)
      else if (crc !== entry.crc32) report(`${entry.name} has another CRC-32 than is recorded.`)
      checked.push({ ...entry, sha256: hash.digest('hex') })
    })
  }
  return checked
}

interface Rest {
  readonly fd: number
  readonly bytes: number
  readonly directory: ZipDirectory
  readonly checked: readonly CheckedEntry[]
  readonly manifest: Manifest | undefined
}

/** What is no file's content: headers, the list at the end, and what no program looks at. */
async function checkRest(
  { fd, bytes, directory, checked, manifest }: Rest,
  report: (sentence: string) => void
): Promise<void> {
  const times = manifest && new Map(manifest.files.map((file) => [file.path, secondsOf(file.modifiedAt)]))
  const foreign = findForeignByte(fd, bytes, directory, checked, times)
  if (foreign !== undefined) report(`At byte ${foreign} it is not what an export has there.`)
  if (manifest === undefined) return
  const hash = createHash('sha256')
  for (const entry of checked) {
    const modifiedAt = times?.get(entry.name) ?? entry.modifiedAt
    hash.update(digestLine({ ...entry, path: entry.name, modifiedAt }))
  }
  const digest = hash.digest('hex')
  if (digest !== manifest.digest) report(`Its digest is ${digest}, and its manifest says ${manifest.digest}.`)
}

function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000)
}

function createFindingList() {
  const findings: string[] = []
  let findingCount = 0
  return {
    add(sentence: string): void {
      findingCount += 1
      if (findings.length < MAX_FINDINGS) findings.push(sentence)
    },
    list: () => ({ findings, findingCount })
  }
}

async function refusedAsFinding<Result>(
  report: (sentence: string) => void,
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

function attempt<Result>(file: string, step: () => Result): Result {
  try {
    return step()
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${reasonOf(error)}.`, { cause: error })
  }
}
