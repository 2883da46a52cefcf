import type Database from 'better-sqlite3'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

/** The statements of all routes and of the worker are fewer; those with lists of values come and go. */
const CAPACITY = 128

/**
 * Keeps prepared statements by their text. Kysely prepares anew for each query, which takes longer than most queries
 * here, and leaves memory behind that the garbage collector does not see.
 */
export function withStatementCache(database: Database.Database): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = statements.get(sql)
      if (known !== undefined) {
        statements.delete(sql)
        statements.set(sql, known)
        return known
      }
      const statement = database.prepare<unknown[]>(sql)
      statements.set(sql, statement)
      const oldest = statements.keys().next()
      if (statements.size > CAPACITY && !oldest.done) statements.delete(oldest.value)
      return statement
    }
  }
}
