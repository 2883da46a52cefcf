/** The lock of the catalog: of all servers that share a database, only one writes the catalog at a time. */
import { sql } from 'kysely'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { isPostgres } from '../engine/dialect.ts'
import { createJobStore } from '../tasks/job-store.ts'

export interface CatalogLock {
  /** @returns false while another server has the lock */
  acquire(): Promise<boolean>
  release(): Promise<void>
}

/**
 * In PostgreSQL the lock belongs to the connection that has the temporary tables of the scan: a lost connection loses
 * both, and nothing is published. Undefined for SQLite, where the worker has no peers.
 */
export function createCatalogLock(db: Database, kinds: readonly TaskKind[]): CatalogLock | undefined {
  if (!isPostgres(db)) return undefined
  const jobs = createJobStore(db)
  const lock = {
    async acquire() {
      const { rows } = await sql<{ is_held: boolean | string }>`
        select pg_try_advisory_lock(hashtext('fixdepot catalog'), hashtext(current_schema()))::text as is_held`.execute(
        db
      )
      if (rows[0]?.is_held !== 'true') return false
      // A server whose connection was terminated may still run a job without having noticed.
      if (!(await jobs.isRunning(kinds))) return true
      await lock.release()
      return false
    },
    async release() {
      await sql`select pg_advisory_unlock_all()`.execute(db)
    }
  }
  return lock
}
