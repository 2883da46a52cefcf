/** Detects which of the sent .zip files are archives to unpack, and which are payloads or packages. */
import fs from 'node:fs'
import path from 'node:path'
import { foldName, splitName } from '../../core/catalog/file-name.ts'
import type { ReceivedFile } from '../../core/import/import.ts'
import { ZipRefused } from '../../core/import/import.ts'
import { parseArchiveFile } from '../../core/storage/archive-file.ts'
import { resolveInside } from '../../storage/disk/safe-path.ts'
import { readZipDirectory, type ZipDirectory } from '../../storage/disk/zip/zip-directory.ts'
import type { ImportCatalog } from '../../store/imports/import-catalog.ts'
import { zipContents } from './inspect-import.ts'

export interface DetectOptions {
  readonly files: readonly ReceivedFile[]
  /** Directory of the files as they were sent. */
  readonly received: string
  /** Directory of files that wait for their metadata. */
  readonly waiting: string
  /** The catalog of the repository. */
  readonly catalog: ImportCatalog
}

/**
 * The directory of an archive that is to be unpacked; undefined for all other files: payloads, V3 packages that are one
 * .zip, and archives without metadata.
 * @throws ZipRefused for an archive that is invalid or unsafe
 */
export async function archiveIn(name: string, options: DetectOptions): Promise<ZipDirectory | undefined> {
  const { stem, suffix } = splitName(name)
  if (suffix !== '.zip' || stem === '') return undefined
  const own = parseArchiveFile(name)
  const isExport = own !== undefined && own.token === undefined
  const hasMetadata = await isNamedByMetadata(foldName(stem), options)
  const fd = fs.openSync(resolveInside(options.received, name), 'r')
  try {
    const directory = await readZipDirectory(fd).catch((error) => {
      // The content of a payload is not checked: its vendor may use any format.
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

/** Whether metadata of the repository or of this import has this stem. */
async function isNamedByMetadata(stem: string, { files, waiting, catalog }: DetectOptions): Promise<boolean> {
  const names = [...files.map(({ name }) => name), ...filesIn(waiting)].map(splitName)
  if (names.some((name) => name.suffix === '.xml' && foldName(name.stem) === stem)) return true
  const known = await catalog.metadataOf([stem])
  return known.some((item) => splitName(item.path).suffix !== '.zip')
}

/** The names in a directory; none when it does not exist. */
export function filesIn(directory: string): string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : []
}
