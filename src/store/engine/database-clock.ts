/** The time of day for all servers on one database: the clock of the database. */
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { isPostgres } from './dialect.ts'

const SYNC_INTERVAL_MS = 60_000

export interface DatabaseClock {
  now(): Date
  /** Compares the clocks, at most once a minute. With SQLite it does nothing: the clock is that of this machine. */
  sync(): Promise<void>
}

/** Before the first comparison, it is the clock of this machine. */
export function createDatabaseClock(db: Database): DatabaseClock {
  let offsetMs = 0
  let syncedAt = Number.NEGATIVE_INFINITY
  return {
    now: () => new Date(Date.now() + offsetMs),
    async sync() {
      if (!isPostgres(db) || performance.now() - syncedAt < SYNC_INTERVAL_MS) return
      syncedAt = performance.now()
      const sentAt = Date.now()
      const { rows } = await sql<{ time: number }>`
        select (extract(epoch from clock_timestamp()) * 1000)::bigint as time`.execute(db)
      const receivedAt = Date.now()
      const offset = (rows[0]?.time ?? receivedAt) - (sentAt + receivedAt) / 2
      // A difference within the duration of the query is not significant.
      if (Math.abs(offset - offsetMs) > receivedAt - sentAt + 1) offsetMs = Math.round(offset)
    }
  }
}
