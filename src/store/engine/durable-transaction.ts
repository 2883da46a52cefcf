import type { Kysely, Transaction } from 'kysely'
import type { Database } from './database.ts'
import { setSynchronous, takeWriteLock } from './dialect.ts'
import type { Schema } from './schema.ts'

/** Writes along with durable transactions of others, so that it need not wait for the disk by itself. */
export interface CommitHook {
  /** Called before each commit. It never rejects: what it cannot write must not fail the transaction. */
  beforeCommit(trx: Transaction<Schema>): Promise<HookRun | undefined>
}

/** What a rider has written in one transaction. */
export interface HookRun {
  /** It is on the disk. */
  committed(): void
  /** Nothing of it is there. */
  rolledBack(): void
}

const hooks = new WeakMap<Database, CommitHook>()

/** From now on this one rides along with the durable transactions of this connection. */
export function setCommitHook(db: Database, hook: CommitHook): void {
  hooks.set(db, hook)
}

/**
 * A transaction that is on the disk when this resolves: for everything that is promised to somebody. All others reach
 * the disk with the next of these; a crash of the machine may lose them, a crash of the process does not. In SQLite's
 * terms: connections are `synchronous = NORMAL`, and FULL for the time of these. PostgreSQL writes every transaction to
 * the disk.
 */
export async function durableTransaction<T>(db: Database, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await setSynchronous(connection, 'full')
    let run: HookRun | undefined
    try {
      const result = await writeTransaction(connection, async (trx) => {
        const done = await work(trx)
        run = await hooks.get(db)?.beforeCommit(trx)
        return done
      })
      run?.committed()
      return result
    } catch (error) {
      run?.rolledBack()
      throw error
    } finally {
      await setSynchronous(connection, 'normal')
    }
  })
}

/**
 * A transaction of several statements that write, or of some that read what must not change before it writes. It has
 * the right to write from its beginning, and others that want it wait.
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
