import { type Kysely, sql, type Transaction } from 'kysely'
import type { Depot } from './database.ts'
import type { Schema } from './schema.ts'

/**
 * A transaction that is on the disk when this resolves: for everything that is promised to somebody. All others reach the
 * disk with the next of these; a crash of the machine may lose them, a crash of the process does not. In SQLite's terms:
 * connections are `synchronous = NORMAL`, and FULL for the time of these.
 */
export async function durableTransaction<T>(db: Depot, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await setSynchronous(connection, 'full')
    try {
      return await connection.transaction().execute(async (trx) => {
        await takeWriteLock(trx)
        return work(trx)
      })
    } finally {
      await setSynchronous(connection, 'normal')
    }
  })
}

/**
 * What reads first and writes then is refused at once when somebody else has written in between: it does not wait for its turn, since
 * what it has read is old. So it begins with a write, of nothing. (BEGIN IMMEDIATE, for which Kysely has no word.)
 */
async function takeWriteLock(trx: Transaction<Schema>): Promise<void> {
  await trx.deleteFrom('task').where('id', '<', 0).execute()
}

async function setSynchronous(connection: Kysely<Schema>, mode: 'full' | 'normal'): Promise<void> {
  await sql`pragma synchronous = ${sql.raw(mode)}`.execute(connection)
}
