import { type Kysely, sql, type Transaction } from 'kysely'
import type { Depot } from './database.ts'
import type { Schema } from './schema.ts'

/** Writes along with durable transactions of others, so that it need not wait for the disk by itself. */
export interface Rider {
  /** Called before each commit. It never rejects: what it cannot write must not fail the transaction. */
  board(trx: Transaction<Schema>): Promise<Trip | undefined>
}

/** What a rider has written in one transaction. */
export interface Trip {
  /** It is on the disk. */
  arrived(): void
  /** Nothing of it is there. */
  missed(): void
}

const riders = new WeakMap<Depot, Rider>()

/** From now on this one rides along with the durable transactions of this connection. */
export function setRider(db: Depot, rider: Rider): void {
  riders.set(db, rider)
}

/**
 * A transaction that is on the disk when this resolves: for everything that is promised to somebody. All others reach the
 * disk with the next of these; a crash of the machine may lose them, a crash of the process does not. In SQLite's terms:
 * connections are `synchronous = NORMAL`, and FULL for the time of these.
 */
export async function durableTransaction<T>(db: Depot, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await setSynchronous(connection, 'full')
    let trip: Trip | undefined
    try {
      const result = await connection.transaction().execute(async (trx) => {
        await takeWriteLock(trx)
        const done = await work(trx)
        trip = await riders.get(db)?.board(trx)
        return done
      })
      trip?.arrived()
      return result
    } catch (error) {
      trip?.missed()
      throw error
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
