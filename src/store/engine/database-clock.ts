/** The time of day that all servers on one database agree on: that of the database. */
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { isPostgres } from './dialect.ts'

const SYNC_INTERVAL_MS = 60_000

export interface DatabaseClock {
  now(): Date
  /** Compares the clocks; does nothing soon after it was done, and where the database has no clock of its own. */
  sync(): Promise<void>
}

/** Until it has been compared, and while it cannot be, it goes on as this machine's. */
export function createDatabaseClock(db: Database): DatabaseClock {
  let offsetMs = 0
  let syncedAt = Number.NEGATIVE_INFINITY
  return {
    now: () => new Date(Date.now() + offsetMs),
    async sync() {
      if (!isPostgres(db) || performance.now() - syncedAt < SYNC_INTERVAL_MS) return
      syncedAt = performance.now()
      const asked = Date.now()
      const { rows } = await sql<{ time: number }>`
        select (extract(epoch from clock_timestamp()) * 1000)::bigint as time`.execute(db)
      const answered = Date.now()
      const offset = (rows[0]?.time ?? answered) - (asked + answered) / 2
      // What lies within the time that the question took says nothing.
      if (Math.abs(offset - offsetMs) > answered - asked + 1) offsetMs = Math.round(offset)
    }
  }
}
