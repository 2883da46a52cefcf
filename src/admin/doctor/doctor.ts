/** `fixdepot doctor`: tells what is wrong with the database, the archives and the catalog, and changes nothing. */
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
 * Examines a depot, also while its server runs.
 * @param print takes a line without its end
 * @returns the code to exit with: 0 all is sound, 1 something is not, 2 not everything could be checked
 * @throws DatabaseUnusable when the database cannot even be opened
 */
export async function examine(storage: DoctorsConfig, print: (line: string) => void): Promise<number> {
  const findings = createFindings(print)
  const db = openDepotReadOnly(storage)
  /** What one check cannot read, another may not need. */
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
    if (storage.databaseUrl === undefined) await attempt('the file of the database', () => checkFile(store, findings))
    else findings.note('The files of PostgreSQL are not looked at; its own programs check them, such as pg_amcheck.')
    if (await attempt('the schema', () => hasThisSchema(store, findings))) {
      // PostgreSQL has no way around what it checks.
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
