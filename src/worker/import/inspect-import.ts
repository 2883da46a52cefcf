/**
 * Scans the staged files as a repository, into a temporary catalog. So an import finds exactly the packages that a
 * later scan of the repository finds.
 */
import fs from 'node:fs'
import path from 'node:path'
import { splitName } from '../../core/catalog/file-name.ts'
import { isV3Member, METADATA_SUFFIXES, parseV3Zip, READER_VERSION } from '../../metadata/metadata-file.ts'
import { MAX_V3_JSON_BYTES } from '../../metadata/v3-index.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { stampOf } from '../../storage/disk/walk-repository.ts'
import { readZipMembers } from '../../storage/disk/zip/zip-members.ts'
import { openDatabase } from '../../store/engine/database.ts'
import { migrateToLatest } from '../../store/engine/migrations.ts'
import { createImportCatalog, type ImportCatalog } from '../../store/imports/import-catalog.ts'
import type { IndexedFile } from '../../store/scan/file-index.ts'
import { createScanStore } from '../../store/scan/scan-store.ts'
import type { FileReaderPool } from '../scan/file-reader-pool.ts'
import { scanRepository } from '../scan/scan-repository.ts'

export interface Inspection {
  /** Adds the known facts of a file, so that the scan need not read it again. */
  addFile(file: Pick<IndexedFile, 'path' | 'crc32' | 'sha256'>): Promise<void>
  /** Finds the packages, and returns them as a catalog. */
  run(signal: AbortSignal): Promise<ImportCatalog>
  /** The facts of these files, by path. */
  indexedFiles(paths: readonly string[]): Promise<Map<string, IndexedFile>>
  close(): Promise<void>
}

const FILES_PER_STATEMENT = 1_000

/**
 * @param tree directory of the staged files, as they will be in the repository
 * @param databaseFile is created anew
 */
export async function openInspection(tree: string, databaseFile: string, pool: FileReaderPool): Promise<Inspection> {
  fs.rmSync(databaseFile, { force: true })
  const db = openDatabase({ file: databaseFile, isTemporary: true })
  await migrateToLatest(db)
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  let known: IndexedFile[] = []

  async function flush(): Promise<void> {
    const indexedFiles = known
    known = []
    await store.fileIndex.save(indexedFiles)
  }

  return {
    async addFile(file) {
      const { suffix } = splitName(path.basename(file.path))
      // The scan must read metadata itself, for its contents.
      if (suffix !== '.zip' && METADATA_SUFFIXES.includes(suffix)) return
      const contents = suffix === '.zip' ? await zipContents(tree, file.path) : null
      const stamp = stampOf(fs.lstatSync(path.join(tree, file.path), { bigint: true }))
      known.push({ ...file, stamp, contents })
      if (known.length >= FILES_PER_STATEMENT) await flush()
    },

    async run(signal) {
      await flush()
      await scanRepository({
        repository: createRepositoryDirectory(tree),
        store,
        pool,
        now: () => new Date(),
        onTotals: async () => {},
        onProgress: () => {},
        signal
      })
      return createImportCatalog(db)
    },

    async indexedFiles(paths) {
      const rows = await db
        .selectFrom('file_index')
        .select(['path', 'stamp', 'crc32', 'sha256', 'contents'])
        .where('path', 'in', paths)
        .execute()
      return new Map(rows.map((row) => [row.path, row]))
    },

    async close() {
      await db.destroy()
    }
  }
}

/** The metadata of a V3 package that is one .zip, as JSON; null for any other .zip. */
export async function zipContents(root: string, file: string): Promise<string | null> {
  const members = await readZipMembers(root, file, isV3Member, MAX_V3_JSON_BYTES)
  const contents = parseV3Zip(members, splitName(path.basename(file)).stem)
  return contents === undefined ? null : JSON.stringify(contents)
}
