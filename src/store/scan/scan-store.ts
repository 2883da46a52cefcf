import type { Kysely } from 'kysely'
import type { Database } from '../engine/database.ts'
import { createCatalogDraft } from './catalog-draft.ts'
import { createFileIndex } from './file-index.ts'
import { createIndexedFiles } from './indexed-files.ts'
import { createPublication } from './publication.ts'
import { createScratch, type ScanSchema } from './scan-schema.ts'

/** The state of a running scan. */
export type ScanStore = ReturnType<typeof createScanStore>

/**
 * @param database a connection for this scan only: the temporary tables belong to it
 * @param readerVersion version of the metadata reader, which reads files with these suffixes
 */
export function createScanStore(database: Database, readerVersion: number, metadataSuffixes: readonly string[]) {
  const db = database as unknown as Kysely<ScanSchema>
  return {
    /** Empties the temporary tables of an earlier scan. */
    begin: () => createScratch(db),
    fileIndex: { ...createFileIndex(db, readerVersion, metadataSuffixes), ...createIndexedFiles(db) },
    draft: { ...createCatalogDraft(db), ...createPublication(db) }
  }
}
