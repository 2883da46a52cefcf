/**
 * Lays out what was sent as it is to lie in the repository: archives unpacked, and what belongs to files that came
 * earlier beside them.
 */
import fs from 'node:fs'
import path from 'node:path'
import { foldName, splitName } from '../../core/catalog/file-name.ts'
import type { ReceivedFile } from '../../core/import/import.ts'
import { ZipRefused } from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { Problem } from '../../core/problems/problem.ts'
import { parseArchiveFile } from '../../core/storage/archive-file.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { resolveInside } from '../../storage/disk/safe-path.ts'
import { syncFile } from '../../storage/disk/sync.ts'
import { unpackZip } from '../../storage/disk/zip/unpack-zip.ts'
import { readZipDirectory, type ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import type { ImportCatalog } from '../../store/imports/import-catalog.ts'
import { type Inspection, zipContents } from './inspect-import.ts'

export interface StagingOptions {
  readonly files: readonly ReceivedFile[]
  /** Directory that the files are in as they were sent. */
  readonly received: string
  /** Directory of files that have waited for these. */
  readonly waiting: string
  /** Directory that is filled; it is made anew. */
  readonly tree: string
  readonly repository: Pick<RepositoryDirectory, 'copyTo'>
  /** Of the repository. */
  readonly catalog: ImportCatalog
  readonly inspection: Inspection
  /** Bytes that can still be unpacked. */
  readonly freeBytes: () => Promise<number>
  /** Told of bytes of the received files that are done. */
  readonly onProgress: (bytes: number) => void
  readonly signal: AbortSignal
}

export interface Staged {
  /** Files that were sent as such, now or earlier. */
  readonly plain: ReadonlySet<string>
  /** Archives that were unpacked. */
  readonly archives: readonly string[]
}

/** So many files are on their way to the disk at the same time: it takes them together. */
const SYNCS = 16

/**
 * @throws Problem IMPORT_REFUSED for an archive that is not what it should be, REPOSITORY_FULL where there is no room
 * to unpack it; or the system's error
 */
export async function stageImport(options: StagingOptions): Promise<Staged> {
  const { files, received, waiting, tree, inspection, signal } = options
  fs.rmSync(tree, { recursive: true, force: true })
  fs.mkdirSync(tree, { recursive: true })
  const plain = new Set<string>()
  const archives: string[] = []
  const laidOut = createLaidOut()

  for (const file of files) {
    signal.throwIfAborted()
    const directory = await refusedAs(file.name, () => archiveIn(file.name, options))
    if (directory === undefined) {
      if (laidOut.add(file)) {
        share(path.join(received, file.name), path.join(tree, file.name))
        await inspection.addFile({ path: file.name, crc32: file.crc32, sha256: file.sha256 })
      }
      plain.add(file.name)
      options.onProgress(file.size)
    } else {
      const entries = directory.entries.filter(laidOut.add)
      await refusedAs(file.name, () => unpack(file, { ...directory, entries }, options))
      archives.push(file.name)
    }
  }
  for (const name of archives.length === files.length ? [] : filesIn(waiting)) {
    if (laidOut.has(name)) continue
    share(path.join(waiting, name), path.join(tree, name))
    plain.add(name)
  }
  await addKnownMetadata(options)
  return { plain, archives }
}

/** What lies in its place already: archives that are sent together, or beside files, may have some in common. */
function createLaidOut() {
  const files = new Map<string, Pick<ReceivedFile, 'size' | 'crc32'>>()
  return {
    has: (name: string) => files.has(name),
    /**
     * @returns false when it is there
     * @throws Problem IMPORT_REFUSED when another one is there
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

/** The list of files of an archive that is to be unpacked; undefined for all other files. */
async function archiveIn(name: string, options: StagingOptions): Promise<ZipDirectory | undefined> {
  const { stem, suffix } = splitName(name)
  if (suffix !== '.zip' || stem === '') return undefined
  const own = parseArchiveFile(name)
  const isExport = own !== undefined && own.token === undefined
  const hasMetadata = await isNamedByMetadata(foldName(stem), options)
  const fd = fs.openSync(resolveInside(options.received, name), 'r')
  try {
    const directory = await readZipDirectory(fd).catch((error) => {
      // The payload of a package is its maker's business.
      if (hasMetadata && error instanceof ZipRefused) return undefined
      throw error
    })
    if (directory === undefined || isExport) return directory
    const names = directory.entries.map((entry) => splitName(entry.name))
    const hasOwnMetadata = names.some((entry) => entry.suffix === '.xml' && path.basename(entry.stem) === stem)
    if (hasOwnMetadata) return directory
    const indexes = names.filter((entry) => entry.suffix === '_index.json' && !entry.stem.includes('/'))
    const isPackage = indexes.length <= 1 && (await zipContents(options.received, name)) !== null
    if (hasMetadata || isPackage) return undefined
    return names.some((entry) => ['.xml', '_index.json', '.zip'].includes(entry.suffix)) ? directory : undefined
  } finally {
    fs.closeSync(fd)
  }
}

/** Whether a package that is here, or that comes with this import, has this stem. */
async function isNamedByMetadata(stem: string, { files, waiting, catalog }: StagingOptions): Promise<boolean> {
  const names = [...files.map(({ name }) => name), ...filesIn(waiting)].map(splitName)
  if (names.some((name) => name.suffix === '.xml' && foldName(name.stem) === stem)) return true
  const known = await catalog.metadataOf([stem])
  return known.some((item) => splitName(item.path).suffix !== '.zip')
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
 * A file that has come without its metadata may belong to a package that is here: then the metadata says so again. A
 * file that was sent by itself has it beside it; one of an archive lies as it does in a repository.
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
    // It was sent too, or describes several packages.
    if (!fs.existsSync(copy)) repository.copyTo(known.path, copy)
  }
}

async function refusedAs<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ZipRefused)) throw error
    throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is not accepted: ${error.message}.`, {
      cause: error
    })
  }
}

/** The same file under another name; where the file system cannot do that, a copy. */
function share(from: string, to: string): void {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
    fs.copyFileSync(from, to)
  }
}

function filesIn(directory: string): string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : []
}

/** Relative, with `/`. */
function filesBelow(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
}
