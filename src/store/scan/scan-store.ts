import type { Kysely } from 'kysely'
import type { Database } from '../engine/database.ts'
import { type CatalogDraft, createCatalogDraft } from './catalog-draft.ts'
import { createFileIndex, type FileIndex } from './file-index.ts'
import { createScratch, type ScanSchema } from './scan-schema.ts'

/** What a scan keeps while it runs. */
export interface ScanStore {
  /** Forgets what an earlier scan left in the scratch tables. */
  begin(): Promise<void>
  readonly index: FileIndex
  readonly draft: CatalogDraft
}

/**
 * @param depot a connection that nobody else uses: the scratch tables belong to it
 * @param readerVersion version of the reader of metadata, which reads files with these suffixes
 */
export function createScanStore(
  depot: Database,
  readerVersion: number,
  metadataSuffixes: readonly string[]
): ScanStore {
  const db = depot as unknown as Kysely<ScanSchema>
  return {
    begin: () => createScratch(db),
    index: createFileIndex(db, readerVersion, metadataSuffixes),
    draft: createCatalogDraft(db)
  }
}
