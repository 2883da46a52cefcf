import type { Kysely, Transaction } from 'kysely'
import type { Depot } from './database.ts'
import { setSynchronous, takeWriteLock } from './dialect.ts'
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
 * PostgreSQL writes every transaction to the disk.
 */
export async function durableTransaction<T>(db: Depot, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await setSynchronous(connection, 'full')
    let trip: Trip | undefined
    try {
      const result = await writeTransaction(connection, async (trx) => {
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
 * A transaction of several statements that write, or of some that read what must not change before it writes. It has the right to write
 * from its beginning, and others that want it wait.
 */
export async function writeTransaction<T, Tables extends Schema>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<T>
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await takeWriteLock(trx)
    return work(trx)
  })
}
