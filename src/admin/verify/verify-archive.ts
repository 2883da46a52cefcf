/**
 * Checks whether an archive is intact. Without a manifest, its structure and the CRC-32 of every file are checked. With
 * its manifest every byte is: files by SHA-256, headers by generating them, and the whole by the digest that the server
 * sends as `ETag`.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { digestLine } from '../../core/export/plan.ts'
import { Refusal } from '../../core/problems/refusal.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { readZipDirectory, type ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import { checkContents, reportRefused } from './check-contents.ts'
import { compareWithManifest } from './compare-with-manifest.ts'
import { createDifferenceList, type Differences, type ReportDifference } from './differences.ts'
import type { Manifest } from './manifest.ts'
import { type CheckedEntry, findForeignByte } from './structure-bytes.ts'

export interface VerifyOptions {
  readonly manifest: Manifest | undefined
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

export interface Verification extends Differences {
  readonly files: number
  /** Of the archive. */
  readonly bytes: number
}

/** The limits protect a server from uploads. An export of our own may exceed them. */
const NO_LIMITS = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxRatio: Number.POSITIVE_INFINITY,
  freeBytes: Number.POSITIVE_INFINITY
}

/** @throws Refusal for a file that cannot be read; the reason of the signal when it is aborted */
export async function verifyArchive(file: string, options: VerifyOptions): Promise<Verification> {
  const fd = open(file)
  try {
    if (!fs.fstatSync(fd).isFile()) throw new Refusal(`${file} is not a file.`)
    return await verify(fd, options)
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error
    throw unreadable(file, error)
  } finally {
    fs.closeSync(fd)
  }
}

async function verify(fd: number, { manifest, onProgress = () => {}, signal }: VerifyOptions): Promise<Verification> {
  const { size: bytes } = fs.fstatSync(fd)
  const found = createDifferenceList()
  if (manifest !== undefined && manifest.archiveSize !== bytes) {
    found.add(`The archive has ${bytes} bytes, but its manifest says ${manifest.archiveSize}.`)
  }
  const directory = await reportRefused(found.add, () => readZipDirectory(fd, NO_LIMITS))
  if (directory === undefined) return { files: 0, bytes, ...found.list() }
  const { entries, entryCount } = directory
  if (entryCount !== entries.length) {
    found.add(`The archive has ${entryCount - entries.length} entries that are directories or hidden files.`)
  }
  const checked = await checkContents(
    fd,
    directory,
    { isHashed: manifest !== undefined, onProgress, signal },
    found.add
  )
  if (manifest !== undefined) compareWithManifest(checked, manifest, found.add)
  // After a difference, these checks would report the same error again.
  if (found.list().differenceCount === 0) checkRest({ fd, bytes, directory, checked, manifest }, found.add)
  return { files: entries.length, bytes, ...found.list() }
}

interface Rest {
  readonly fd: number
  readonly bytes: number
  readonly directory: ZipDirectory
  readonly checked: readonly CheckedEntry[]
  readonly manifest: Manifest | undefined
}

/** Checks what is not the content of a file: headers, the central directory, and bytes between them. */
function checkRest({ fd, bytes, directory, checked, manifest }: Rest, report: ReportDifference): void {
  const times = manifest && new Map(manifest.files.map((file) => [file.path, secondsOf(file.modifiedAt)]))
  const foreign = findForeignByte(fd, bytes, directory, checked, times)
  if (foreign !== undefined) report(`Byte ${foreign} of the archive differs from what an export has there.`)
  if (manifest === undefined) return
  const hash = createHash('sha256')
  for (const entry of checked) {
    const modifiedAt = times?.get(entry.name) ?? entry.modifiedAt
    hash.update(digestLine({ ...entry, path: entry.name, modifiedAt }))
  }
  const digest = hash.digest('hex')
  if (digest !== manifest.digest) {
    report(`The digest of the archive is ${digest}, but its manifest says ${manifest.digest}.`)
  }
}

function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000)
}

function open(file: string): number {
  try {
    return fs.openSync(file, 'r')
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, cause: unknown): Refusal {
  return new Refusal(`${file} cannot be read: ${reasonOf(cause)}.`, { cause })
}
