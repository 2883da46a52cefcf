/** Durable transactions, write transactions, and the locks that they take. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from './database.ts'
import { either, isPostgres } from './dialect.ts'
import type { Schema } from './schema.ts'

/** Writes in the durable transactions of other code, and so needs no separate commit. */
export interface CommitHook {
  /** Called before each commit. It never rejects: a failed write of the hook must not fail the transaction. */
  beforeCommit(trx: Transaction<Schema>): Promise<HookRun | undefined>
}

/** What a hook has written in one transaction. */
export interface HookRun {
  /** The transaction is durable. */
  committed(): void
  /** Nothing was written. */
  rolledBack(): void
}

const hooks = new WeakMap<Database, CommitHook>()

/** Runs the hook in every durable transaction of this connection from now on. */
export function setCommitHook(db: Database, hook: CommitHook): void {
  hooks.set(db, hook)
}

/**
 * A transaction that is durable when this resolves, for everything that is promised to a caller. Other transactions
 * become durable with the next one of these: a crash of the machine may lose them, a crash of the process does not.
 * SQLite: connections are `synchronous = NORMAL`, and FULL during this transaction. PostgreSQL makes every transaction
 * durable.
 */
export async function durableTransaction<T>(db: Database, write: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await setSynchronous(connection, 'full')
    let run: HookRun | undefined
    try {
      const result = await writeTransaction(connection, async (trx) => {
        const written = await write(trx)
        run = await hooks.get(db)?.beforeCommit(trx)
        return written
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
 * A transaction of several writes, or one that reads what must not change before it writes. It holds the write lock
 * from its beginning; other transactions that need the lock wait.
 */
export async function writeTransaction<T, Tables extends Schema>(
  db: Kysely<Tables>,
  write: (trx: Transaction<Tables>) => Promise<T>
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await takeWriteLock(trx)
    return write(trx)
  })
}

/**
 * Takes the write lock for this transaction. In SQLite a write without effect takes it (Kysely has no BEGIN IMMEDIATE).
 * In PostgreSQL it is an advisory lock until the end of the transaction: row locks do not protect what is counted and
 * compared here before a write.
 */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function takeWriteLock(trx: Transaction<any>): Promise<void> {
  await either(
    sql`delete from task where id < 0`,
    sql`select pg_advisory_xact_lock(hashtext('fixdepot writes'), hashtext(current_schema()))`
  ).execute(trx)
}

/** Connections to PostgreSQL are always synchronous. */
async function setSynchronous(connection: Kysely<Schema>, mode: 'full' | 'normal'): Promise<void> {
  if (!isPostgres(connection)) await sql`pragma synchronous = ${sql.raw(mode)}`.execute(connection)
}

/**
 * Runs writes whose failure leaves the transaction usable, without what they wrote. In PostgreSQL, a failed statement
 * outside a savepoint aborts the whole transaction.
 */
export async function attempt(trx: Transaction<Schema>, write: () => Promise<void>): Promise<void> {
  if (!isPostgres(trx)) return write()
  await sql`savepoint attempt`.execute(trx)
  try {
    await write()
  } catch (error) {
    await sql`rollback to savepoint attempt`.execute(trx)
    throw error
  }
}
