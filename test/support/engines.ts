/** Tests that run on both databases. */
import t, { type Test } from 'tap'
import type { DatabaseLocation } from '../../src/store/engine/database.ts'
import { createDatabase, whyNoPostgres } from './servers/postgres.ts'

export type Engine = 'SQLite' | 'PostgreSQL'

const engines = new WeakMap<object, Engine>()

/** The engine of a test that does not choose one: SQLite, or PostgreSQL with TEST_ENGINE=postgres. */
const DEFAULT: Engine = process.env.TEST_ENGINE === 'postgres' ? 'PostgreSQL' : 'SQLite'

/** For a test that reads the file of SQLite. */
export const ONLY_SQLITE = { skip: DEFAULT === 'PostgreSQL' ? 'tests the file of SQLite' : false }

/** Runs a test on each database. The depots that the test makes use that database. */
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

/** The engine of this test, or of the test around it. */
export function engineOf(t: Test): Engine {
  for (let test: object | undefined = t; test !== undefined; test = (test as { parent?: object }).parent) {
    const engine = engines.get(test)
    if (engine !== undefined) return engine
  }
  return DEFAULT
}

/** The database of a depot of this test. @param databaseFile for SQLite */
export async function databaseFor(t: Test, databaseFile: string): Promise<DatabaseLocation> {
  return engineOf(t) === 'SQLite' ? { databaseFile } : { databaseFile, databaseUrl: await createDatabase(t) }
}
