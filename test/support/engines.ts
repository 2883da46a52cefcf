/** Tests that run on both databases. */
import t, { type Test } from 'tap'
import type { DatabaseLocation } from '../../src/store/engine/database.ts'
import { createDatabase, whyNoPostgres } from './servers/postgres.ts'

export type Engine = 'SQLite' | 'PostgreSQL'

const engines = new WeakMap<object, Engine>()

/** What a test that does not say it runs on: SQLite, or what TEST_ENGINE says. */
const DEFAULT: Engine = process.env.TEST_ENGINE === 'postgres' ? 'PostgreSQL' : 'SQLite'

/** For a test that looks into the file of SQLite itself. */
export const ONLY_SQLITE = { skip: DEFAULT === 'PostgreSQL' ? 'this is about the file of SQLite' : false }

/** A test for each database: depots and places that it makes are on that one. */
export function testOnBoth(name: string, test: (t: Test, engine: Engine) => Promise<unknown>): void {
  const missing = whyNoPostgres()
  for (const engine of ['SQLite', 'PostgreSQL'] as const) {
    const skip = engine === 'PostgreSQL' && missing !== undefined ? missing : false
    t.test(`${name}, on ${engine}`, { skip }, async (t) => {
      engines.set(t, engine)
      await test(t, engine)
    })
  }
}

/** The database that this test, or the one around it, is for. */
export function engineOf(t: Test): Engine {
  for (let test: object | undefined = t; test !== undefined; test = (test as { parent?: object }).parent) {
    const engine = engines.get(test)
    if (engine !== undefined) return engine
  }
  return DEFAULT
}

/** Where a depot of this test keeps what it knows. @param databaseFile for SQLite */
export async function databaseFor(t: Test, databaseFile: string): Promise<DatabaseLocation> {
  return engineOf(t) === 'SQLite' ? { databaseFile } : { databaseFile, databaseUrl: await createDatabase(t) }
}
