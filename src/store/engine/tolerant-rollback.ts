import type Database from 'better-sqlite3'
import type { SqliteDatabase } from 'kysely'

/**
 * When the disk is full or fails, SQLite has rolled the transaction back already, and a rollback fails with an error
 * that hides the first one. Here it does nothing then.
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
