/** The PostgreSQL that all tests of a run share: `npm run test:all` starts it, and TEST_POSTGRES is its URL. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { ask } from '../../../scripts/postgres-server.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { migrateToLatest } from '../../../src/store/engine/migrations.ts'

export { ask, POSTGRES_PASSWORD, type PostgresServer, startPostgres } from '../../../scripts/postgres-server.ts'

const GIVEN = process.env.TEST_POSTGRES

/** The reason why PostgreSQL is not available; undefined when it is. */
export function whyNoPostgres(): string | undefined {
  return GIVEN === undefined ? 'needs PostgreSQL, which npm run test:all starts where it is installed' : undefined
}

function urlOf(database: string): string {
  return Object.assign(new URL(GIVEN ?? ''), { pathname: `/${database}` }).href
}

let template: Promise<string> | undefined

/** A migrated database, which tests copy: a copy takes a tenth of the time of a migration. */
async function makeTemplate(): Promise<string> {
  const name = await makeDatabase(t)
  const db = openDepotDatabase({ databaseFile: '', databaseUrl: urlOf(name) })
  await migrateToLatest(db)
  await db.destroy()
  return name
}

async function makeDatabase(t: Test, copied = 'template1'): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await ask(urlOf('postgres'), `create database ${name} template ${copied}`)
  t.teardown(() => ask(urlOf('postgres'), `drop database ${name} with (force)`))
  return name
}

/** The URL of a database without tables. It is dropped at the end of the test. */
export async function createEmptyDatabase(t: Test): Promise<string> {
  return urlOf(await makeDatabase(t))
}

/** The URL of a database with the newest schema. It is dropped at the end of the test. */
export async function createDatabase(t: Test): Promise<string> {
  template ??= makeTemplate()
  return urlOf(await makeDatabase(t, await template))
}
