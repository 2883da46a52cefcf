import type { Kysely } from 'kysely'
import type { Depot } from './database.ts'
import { createFindingStore, type FindingStore } from './finding-store.ts'
import { createReadingStore, type ReadingStore } from './reading-store.ts'
import { createScratch, type ScanSchema } from './scan-schema.ts'

/** What a scan keeps while it runs. */
export interface ScanStore {
  /** Forgets what an earlier scan left in the scratch tables. */
  begin(): Promise<void>
  readonly readings: ReadingStore
  readonly findings: FindingStore
}

/**
 * @param depot a connection that nobody else uses: the scratch tables belong to it
 * @param readerVersion version of the reader of metadata, which reads files with these suffixes
 */
export function createScanStore(depot: Depot, readerVersion: number, metadataSuffixes: readonly string[]): ScanStore {
  const db = depot as unknown as Kysely<ScanSchema>
  return {
    begin: () => createScratch(db),
    readings: createReadingStore(db, readerVersion, metadataSuffixes),
    findings: createFindingStore(db)
  }
}
