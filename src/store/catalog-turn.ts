/** Who writes the catalog, of all servers that share it: one at a time, as of the lanes of one server. */
import { sql } from 'kysely'
import type { TaskKind } from '../core/task.ts'
import type { Depot } from './database.ts'
import { isPostgres } from './dialect.ts'
import { createWorkStore } from './work-store.ts'

export interface Turn {
  /** False while somebody else has it. */
  take(): Promise<boolean>
  leave(): Promise<void>
}

/**
 * In PostgreSQL it is a lock of the connection, the same that has the temporary tables of a scan: with the connection both are lost, and
 * nothing is published. Undefined where the lane is alone.
 */
export function createCatalogTurn(db: Depot, kinds: readonly TaskKind[]): Turn | undefined {
  if (!isPostgres(db)) return undefined
  const works = createWorkStore(db)
  const turn = {
    async take() {
      const { rows } = await sql<{ is_held: boolean | string }>`
        select pg_try_advisory_lock(hashtext('fixdepot catalog'), hashtext(current_schema()))::text as is_held`.execute(
        db
      )
      if (rows[0]?.is_held !== 'true') return false
      // Its owner may be cut off, and not know yet that it is.
      if (!(await works.isRunning(kinds))) return true
      await turn.leave()
      return false
    },
    async leave() {
      await sql`select pg_advisory_unlock_all()`.execute(db)
    }
  }
  return turn
}
