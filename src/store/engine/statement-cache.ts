import type Database from 'better-sqlite3'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { LRUCache } from 'lru-cache'

/** The statements of all routes and of the worker are fewer; those with lists of values come and go. */
const CAPACITY = 128

/**
 * Keeps prepared statements by their text. Kysely prepares anew for each query, which takes longer than most queries
 * here, and leaves memory behind that the garbage collector does not see.
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
