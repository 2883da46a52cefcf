/** PostgreSQL for tests: a server that belongs to this process, or one that TEST_POSTGRES names. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { ask, canRunPostgres, startPostgres, VERSIONS } from '../../../scripts/postgres-server.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { migrateToLatest } from '../../../src/store/engine/migrations.ts'

export { ask, POSTGRES_PASSWORD, type PostgresServer, startPostgres } from '../../../scripts/postgres-server.ts'

/** Why there is no PostgreSQL; undefined when there is. */
export function whyNoPostgres(): string | undefined {
  if (process.env.TEST_POSTGRES !== undefined || canRunPostgres()) return undefined
  return `PostgreSQL is not installed in ${VERSIONS}, and TEST_POSTGRES names none`
}

let shared: Promise<(database: string) => string> | undefined

function sharedUrls(): Promise<(database: string) => string> {
  const given = process.env.TEST_POSTGRES
  shared ??=
    given === undefined
      ? startPostgres().then(({ url }) => url)
      : Promise.resolve((database) => Object.assign(new URL(given), { pathname: `/${database}` }).href)
  return shared
}

let template: Promise<string> | undefined

/** A database that has been migrated, to be copied: that takes a tenth of the time. */
async function makeTemplate(url: (database: string) => string): Promise<string> {
  const name = await makeDatabase(t, url)
  const db = openDepotDatabase({ databaseFile: '', databaseUrl: url(name) })
  await migrateToLatest(db)
  await db.destroy()
  return name
}

async function makeDatabase(t: Test, url: (database: string) => string, copied = 'template1'): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await ask(url('postgres'), `create database ${name} template ${copied}`)
  t.teardown(() => ask(url('postgres'), `drop database ${name} with (force)`))
  return name
}

/** The URL of a database without any table, which goes with the test. */
export async function createEmptyDatabase(t: Test): Promise<string> {
  const url = await sharedUrls()
  return url(await makeDatabase(t, url))
}

/** The URL of a database with the newest schema, which goes with the test. */
export async function createDatabase(t: Test): Promise<string> {
  const url = await sharedUrls()
  template ??= makeTemplate(url)
  return url(await makeDatabase(t, url, await template))
}
