/** Who writes the catalog, of all servers that share it: one at a time, as of the lanes of one server. */
import { sql } from 'kysely'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { isPostgres } from '../engine/dialect.ts'
import { createJobStore } from '../tasks/job-store.ts'

export interface CatalogLock {
  /** False while somebody else has it. */
  take(): Promise<boolean>
  leave(): Promise<void>
}

/**
 * In PostgreSQL it is a lock of the connection, the same that has the temporary tables of a scan: with the connection
 * both are lost, and nothing is published. Undefined where the lane is alone.
 */
export function createCatalogLock(db: Database, kinds: readonly TaskKind[]): CatalogLock | undefined {
  if (!isPostgres(db)) return undefined
  const jobs = createJobStore(db)
  const lock = {
    async take() {
      const { rows } = await sql<{ is_held: boolean | string }>`
        select pg_try_advisory_lock(hashtext('fixdepot catalog'), hashtext(current_schema()))::text as is_held`.execute(
        db
      )
      if (rows[0]?.is_held !== 'true') return false
      // Its owner may be cut off, and not know yet that it is.
      if (!(await jobs.isRunning(kinds))) return true
      await lock.leave()
      return false
    },
    async leave() {
      await sql`select pg_advisory_unlock_all()`.execute(db)
    }
  }
  return lock
}
