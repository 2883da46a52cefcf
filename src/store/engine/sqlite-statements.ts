/** How Kysely prepares statements on a connection to SQLite. */
import type Database from 'better-sqlite3'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { LRUCache } from 'lru-cache'

/** More than the statements of all routes and of the worker; those with lists of values come and go. */
const CAPACITY = 128

/**
 * Caches prepared statements by their text. Kysely prepares each query anew, which takes longer than most queries here
 * and leaves memory behind that the garbage collector does not see.
 */
export function withStatementCache(database: Database.Database): SqliteDatabase {
  const statements = new LRUCache<string, SqliteStatement>({ max: CAPACITY })
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = statements.get(sql)
      if (known !== undefined) return known
      const statement = database.prepare<unknown[]>(sql)
      statements.set(sql, statement)
      return statement
    }
  }
}

/**
 * Ignores a rollback outside a transaction. When the disk is full or fails, SQLite has already rolled the transaction
 * back, and the rollback would fail with an error that hides the first one.
 */
export function withTolerantRollback(database: Database.Database, inner: SqliteDatabase): SqliteDatabase {
  return {
    ...inner,
    prepare(sql) {
      const statement = inner.prepare(sql)
      if (sql.toLowerCase() !== 'rollback') return statement
      const nothing = { changes: 0, lastInsertRowid: 0 }
      return {
        reader: false,
        all: () => [],
        iterate: () => [].values(),
        run: (parameters) => (database.inTransaction ? statement.run(parameters) : nothing)
      }
    }
  }
}
