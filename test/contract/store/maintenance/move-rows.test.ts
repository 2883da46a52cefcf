import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDepotDatabase, readIdentity } from '../../../../src/store/engine/database.ts'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { knownMigrations, migrateToLatest } from '../../../../src/store/engine/migrations.ts'
import { readLastIds, writeLastIds } from '../../../../src/store/maintenance/last-ids.ts'
import { moveTable, sumOfSource, sumOfTarget } from '../../../../src/store/maintenance/move-rows.ts'
import { beginMove, endMove, judgeTarget, stateOf } from '../../../../src/store/maintenance/move-state.ts'
import { MOVED_TABLES } from '../../../../src/store/maintenance/moved-tables.ts'
import { type Engine, engineOf, testOnBoth } from '../../../support/engines.ts'
import { createEmptyDatabase } from '../../../support/servers/postgres.ts'

const FIXTURE = path.join(import.meta.dirname, `../../../support/databases/${knownMigrations().at(-1)}.sql`)

/** A depot with rows in every table. */
async function makeSource(t: Test): Promise<Database> {
  const file = path.join(fs.realpathSync(t.testdir({})), 'source.db')
  const database = new Sqlite(file)
  database.exec(fs.readFileSync(FIXTURE, 'utf8'))
  // A fraction in a column that SQLite does not check.
  database.exec('update login_failure set failures = 2.5')
  database.close()
  return open(t, file)
}

function open(t: Test, databaseFile: string, databaseUrl?: string): Database {
  const db = openDepotDatabase({ databaseFile, databaseUrl }, 1, true)
  t.teardown(() => db.destroy())
  return db
}

async function makeTarget(t: Test, engine: Engine = engineOf(t)): Promise<Database> {
  if (engine === 'PostgreSQL') return open(t, '', await createEmptyDatabase(t))
  if (!fs.existsSync(t.testdirName)) t.testdir({})
  return open(t, path.join(t.testdirName, `target-${randomUUID()}.db`))
}

async function moveRows(source: Database, target: Database): Promise<void> {
  await beginMove(target, await readIdentity(source))
  for (const table of MOVED_TABLES) await moveTable(source, target, table)
  await writeLastIds(target, await readLastIds(source))
  await endMove(target)
}

t.test('every table is moved by its primary key, except those of running servers', async (t) => {
  const db = await makeSource(t)
  const { rows } = await sql<{ name: string; key: string | null }>`
    select t.name, (select group_concat(name) from (select name from pragma_table_info(t.name) where pk > 0 order by pk)) as key
    from sqlite_schema as t where type = 'table' and name not like 'sqlite\\_%' escape '\\' and name not like 'kysely%'
      and name not in ('server', 'upload')
    order by t.name`.execute(db)
  const moved = MOVED_TABLES.map(({ name, key }) => ({ name, key: key.join() }))
  const hasKey = (name: string) => rows.some((row) => row.name === name && row.key !== null)
  t.same(
    moved.map(({ name, key }) => ({ name, key: hasKey(name) ? key : null })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    rows
  )
})

testOnBoth('a depot that is moved there and back has the same rows, and uses the same next ids', async (t) => {
  const source = await makeSource(t)
  const target = await makeTarget(t)
  await moveRows(source, target)
  const back = await makeTarget(t, 'SQLite')
  await moveRows(target, back)
  for (const table of MOVED_TABLES) {
    const sum = await sumOfSource(source, table)
    t.ok(sum.rows > 0, table.name)
    t.same(await sumOfTarget(target, table), sum, table.name)
    t.same(await sumOfTarget(back, table), sum, table.name)
  }
  const ids = await readLastIds(source)
  t.same(await readLastIds(target), ids)
  t.same(await readLastIds(back), ids)
})

testOnBoth('ids of deleted rows are not used again', async (t) => {
  const source = await makeSource(t)
  await sql`update sqlite_sequence set seq = 5000 where name = 'task'`.execute(source)
  const target = await makeTarget(t)
  await moveRows(source, target)
  const { job_id } = await target.selectFrom('task').select('job_id').executeTakeFirstOrThrow()
  const row = { kind: 'scan', state: 'live', job_id, created_by: 'ann', created_at: 1, finished_at: null }
  t.same(await target.insertInto('task').values(row).returning('id').executeTakeFirstOrThrow(), { id: 5001 })
})

testOnBoth('jobs are requeued without their checkpoint', async (t) => {
  const source = await makeSource(t)
  const running = {
    state: 'running',
    lease_owner: 'another',
    lease_token: 3,
    checkpoint_offset: 700,
    bytes_done: 700
  }
  const { id } = await source.updateTable('job').set(running).returning('id').executeTakeFirstOrThrow()
  const target = await makeTarget(t)
  await beginMove(target, await readIdentity(source))
  for (const table of MOVED_TABLES) {
    await moveTable(source, target, table)
    t.same(await sumOfTarget(target, table), await sumOfSource(source, table), table.name)
  }
  const job = await target.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  t.match(job, { state: 'queued', lease_owner: null, lease_token: 3, checkpoint_offset: 0, bytes_done: 700 })
})

testOnBoth('rows that the target already has are not moved again', async (t) => {
  const source = await makeSource(t)
  const target = await makeTarget(t)
  await beginMove(target, await readIdentity(source))
  const names = [...Array(1_203).keys()].map((number) => ({ key: `key ${number}`, failures: 1.5, failed_at: number }))
  await source.insertInto('login_failure').values(names).execute()
  const [table] = MOVED_TABLES.filter(({ name }) => name === 'login_failure')
  if (table === undefined) throw new Error('The table is missing')
  await moveTable(source, target, table)
  await target.deleteFrom('login_failure').where('key', '>', 'key 7').execute()
  await moveTable(source, target, table)
  t.same(await sumOfTarget(target, table), await sumOfSource(source, table))
  t.equal((await sumOfSource(source, table)).rows > 1_203, true)
  await target.updateTable('login_failure').set({ failures: 2 }).where('key', '=', 'key 9').execute()
  t.not((await sumOfTarget(target, table)).digest, (await sumOfSource(source, table)).digest, 'the sums differ')
})

testOnBoth('a database is empty, the target of a move of this depot, or taken', async (t, engine) => {
  const target = await makeTarget(t)
  const judge = (identity: string) => judgeTarget(target, MOVED_TABLES, identity)
  t.equal(await judge('one'), 'empty')
  await migrateToLatest(target)
  t.equal(await judge('one'), 'empty', 'even with tables')
  await beginMove(target, 'one')
  t.equal(await judge('one'), 'begun')
  t.equal(await judge('two'), 'taken', 'a move of another depot')
  await stateOf(target).set('a', '1')
  await stateOf(target).set('a', '2')
  t.equal(await stateOf(target).get('a'), '2')
  // A SQLite file is refused when it is opened.
  const refused = engine === 'PostgreSQL' ? DatabaseUnusable : { message: /unfinished-move/ }
  await t.rejects(migrateToLatest(target), refused, 'a server does not start on an incomplete depot')
  await target.insertInto('identity').values({ id: 1, uuid: 'one' }).execute()
  await endMove(target)
  t.equal(await judge('one'), 'this depot')
  await target.insertInto('catalog').values({ id: 1, read_at: 5, is_current: 1 }).execute()
  t.equal(await judge('two'), 'taken')
  await sql`update kysely_migration set name = '0000-other'`.execute(target)
  t.equal(await judge('two'), 'of another version')
})
