/** `fixdepot doctor`: reports errors in the database, the archives and the catalog, and changes nothing. */
import { describeDatabaseError, isDatabaseError } from '../../core/problems/database-error.ts'
import type { StorageConfig } from '../../core/storage/storage-config.ts'
import { createAuditInspection } from '../../store/accounts/audit-store.ts'
import { type DatabaseLocation, openDepotReadOnly } from '../../store/engine/database.ts'
import { createInspectionStore } from '../../store/maintenance/inspection-store.ts'
import { checkArchives } from './check-archives.ts'
import { checkAudit } from './check-audit.ts'
import { checkBucket } from './check-bucket.ts'
import { checkCatalog } from './check-catalog.ts'
import { checkFile, checkReferences, hasThisSchema } from './check-database.ts'
import { createFindings } from './findings.ts'

type DoctorsConfig = DatabaseLocation &
  Pick<StorageConfig, 'archivesDirectory' | 'archivesBucket' | 'repositoryDirectory'>

/**
 * Checks a depot, also while its server runs.
 * @param print gets a line without its line break
 * @returns the exit code: 0 sound, 1 findings, 2 not everything could be checked
 * @throws DatabaseUnusable when the database cannot be opened
 */
export async function examine(storage: DoctorsConfig, print: (line: string) => void): Promise<number> {
  const findings = createFindings(print)
  const db = openDepotReadOnly(storage)
  /** The other checks run even if this one cannot read the database. */
  const attempt = async <T>(what: string, check: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await check()
    } catch (error) {
      if (!isDatabaseError(error)) throw error
      findings.giveUp(`${what}. ${describeDatabaseError(error)}`)
      return undefined
    }
  }
  try {
    const store = createInspectionStore(db)
    if (storage.databaseUrl === undefined) await attempt('the database file', () => checkFile(store, findings))
    else findings.note('The files of PostgreSQL are not checked. Its own programs, such as pg_amcheck, check them.')
    if (await attempt('the schema', () => hasThisSchema(store, findings))) {
      // PostgreSQL enforces its foreign keys always.
      if (storage.databaseUrl === undefined) await attempt('the rows', () => checkReferences(store, findings))
      await attempt('the audit trail', () => checkAudit(createAuditInspection(db), findings))
      await attempt('the archives', () =>
        storage.archivesBucket === undefined
          ? checkArchives(store, storage.archivesDirectory, findings)
          : checkBucket(store, storage.archivesBucket, findings)
      )
      await attempt('the catalog', () => checkCatalog(store, storage.repositoryDirectory, findings))
    }
  } finally {
    await db.destroy()
  }
  return findings.sum()
}
