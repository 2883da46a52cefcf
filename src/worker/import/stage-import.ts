/**
 * Stages the files of an import as they will be in the repository: archives unpacked, and beside them the files that
 * wait for their metadata and the known metadata of payloads.
 */
import fs from 'node:fs'
import path from 'node:path'
import { foldName, splitName } from '../../core/catalog/file-name.ts'
import type { ReceivedFile } from '../../core/import/import.ts'
import { ZipRefused } from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { resolveInside } from '../../storage/disk/safe-path.ts'
import { syncFile } from '../../storage/disk/sync.ts'
import { unpackZip } from '../../storage/disk/zip/unpack-zip.ts'
import type { ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import { archiveIn, type DetectOptions, filesIn } from './detect-archive.ts'
import type { Inspection } from './inspect-import.ts'

export interface StagingOptions extends DetectOptions {
  /** Directory that is filled; it is created anew. */
  readonly tree: string
  readonly repository: Pick<RepositoryDirectory, 'copyTo'>
  readonly inspection: Inspection
  /** Bytes that the repository can still take. */
  readonly freeBytes: () => Promise<number>
  /** Called with the number of bytes of the received files that have been staged since the last call. */
  readonly onProgress: (bytes: number) => void
  readonly signal: AbortSignal
}

export interface Staged {
  /** Files that were not in an archive, sent now or earlier. */
  readonly plain: ReadonlySet<string>
  /** Archives that were unpacked. */
  readonly archives: readonly string[]
}

/** How many files are synced at the same time: the disk writes them together. */
const SYNCS = 16

/**
 * @throws Problem IMPORT_REFUSED for an archive that is invalid or unsafe, REPOSITORY_FULL when there is no space to
 * unpack it; or the system's error
 */
export async function stageImport(options: StagingOptions): Promise<Staged> {
  const { files, received, waiting, tree, inspection, signal } = options
  fs.rmSync(tree, { recursive: true, force: true })
  fs.mkdirSync(tree, { recursive: true })
  const plain = new Set<string>()
  const archives: string[] = []
  const staged = createStagedNames()

  for (const file of files) {
    signal.throwIfAborted()
    const directory = await refusedAs(file.name, () => archiveIn(file.name, options))
    if (directory === undefined) {
      if (staged.add(file)) {
        linkOrCopy(path.join(received, file.name), path.join(tree, file.name))
        await inspection.addFile({ path: file.name, crc32: file.crc32, sha256: file.sha256 })
      }
      plain.add(file.name)
      options.onProgress(file.size)
    } else {
      const entries = directory.entries.filter(staged.add)
      await refusedAs(file.name, () => unpack(file, { ...directory, entries }, options))
      archives.push(file.name)
    }
  }
  for (const name of archives.length === files.length ? [] : filesIn(waiting)) {
    if (staged.has(name)) continue
    linkOrCopy(path.join(waiting, name), path.join(tree, name))
    plain.add(name)
  }
  await addKnownMetadata(options)
  return { plain, archives }
}

/** The files that are staged already: archives and files that are sent together may have files in common. */
function createStagedNames() {
  const files = new Map<string, Pick<ReceivedFile, 'size' | 'crc32'>>()
  return {
    has: (name: string) => files.has(name),
    /**
     * @returns false when the same file is staged already
     * @throws Problem IMPORT_REFUSED when another file of this name is staged already
     */
    add({ name, size, crc32 }: Pick<ReceivedFile, 'name' | 'size' | 'crc32'>): boolean {
      const other = files.get(name)
      if (other !== undefined && (other.size !== size || other.crc32 !== crc32)) {
        throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is there twice, with different content.`)
      }
      files.set(name, { size, crc32 })
      return other === undefined
    }
  }
}

async function unpack(file: ReceivedFile, directory: ZipDirectory, options: StagingOptions): Promise<void> {
  const { tree, inspection, signal } = options
  const free = await options.freeBytes()
  if (directory.size > free) {
    throw new Problem(
      'REPOSITORY_FULL',
      `The archive ${quoteName(file.name)} has ${directory.size} bytes when it is unpacked; ${Math.max(0, free)} bytes are free.`
    )
  }
  const syncing = new Set<Promise<void>>()
  const fd = fs.openSync(resolveInside(options.received, file.name), 'r')
  try {
    await unpackZip(fd, directory, tree, async ({ name, crc32, sha256, size }) => {
      signal.throwIfAborted()
      const synced = syncFile(path.join(tree, name)).finally(() => syncing.delete(synced))
      synced.catch(() => {})
      syncing.add(synced)
      if (syncing.size >= SYNCS) await Promise.race(syncing)
      await inspection.addFile({ path: name, crc32, sha256 })
      options.onProgress(directory.size === 0 ? 0 : Math.floor((file.size * size) / directory.size))
    })
    await Promise.all(syncing)
  } finally {
    await Promise.allSettled(syncing)
    fs.closeSync(fd)
  }
}

/**
 * A file that was sent without its metadata may belong to a package of the repository: a copy of that metadata is
 * staged with it. The copy of a plain file is beside it; the copy of a file of an archive has the path of the
 * repository.
 */
async function addKnownMetadata({ tree, catalog, repository }: StagingOptions): Promise<void> {
  const described = new Set<string>()
  const isPlain = new Map<string, boolean>()
  for (const file of filesBelow(tree)) {
    const { stem, suffix } = splitName(path.basename(file))
    const key = foldName(stem)
    if (suffix === '.xml' || suffix === '_index.json') described.add(key)
    else if (key !== '') isPlain.set(key, isPlain.get(key) === true || !file.includes('/'))
  }
  const alone = [...isPlain.keys()].filter((key) => !described.has(key))
  for (const known of await catalog.metadataOf(alone)) {
    if (splitName(known.path).suffix === '.zip') continue
    const location = isPlain.get(foldName(known.fixid)) ? path.basename(known.path) : known.path
    const copy = resolveInside(tree, location)
    // The metadata was sent too, or describes several of these files.
    if (!fs.existsSync(copy)) repository.copyTo(known.path, copy)
  }
}

/** @throws Problem IMPORT_REFUSED that names the file, for a .zip that is refused */
async function refusedAs<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof ZipRefused)) throw error
    throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is not accepted: ${error.message}.`, {
      cause: error
    })
  }
}

/** Links the file; copies it where the file system has no hard links. */
function linkOrCopy(from: string, to: string): void {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
    fs.copyFileSync(from, to)
  }
}

/** Relative paths, with `/`. */
function filesBelow(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
}
