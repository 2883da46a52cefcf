import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { backUp } from '../../../src/admin/backup.ts'
import { Refusal } from '../../../src/core/problems/refusal.ts'
import { type Database, openDatabase } from '../../../src/store/engine/database.ts'
import { DatabaseUnusable } from '../../../src/store/engine/database-unusable.ts'
import { migrateToLatest } from '../../../src/store/engine/migrations.ts'

interface Location {
  readonly root: string
  readonly source: string
  readonly target: string
}

/** A migrated database in its own directory, and the path for its backup. */
async function location(t: Test): Promise<Location> {
  t.teardown(() => {})
  const root = t.testdir({ data: {}, backups: {} })
  const source = path.join(root, 'data', 'fixdepot.db')
  const db = openDatabase({ file: source })
  await migrateToLatest(db)
  await db.destroy()
  return { root, source, target: path.join(root, 'backups', 'monday.db') }
}

function open(t: Test, file: string): Database {
  const db = openDatabase({ file })
  t.teardown(() => db.destroy())
  return db
}

async function insertTask(db: Database): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { id: job_id } = await trx
      .insertInto('job')
      .values({ kind: 'scan', state: 'queued', plan_id: null, started_at: null })
      .returning('id')
      .executeTakeFirstOrThrow()
    const row = { kind: 'scan', state: 'live', job_id, created_by: 'admin', created_at: 1 }
    return (await trx.insertInto('task').values(row).returning('id').executeTakeFirstOrThrow()).id
  })
}

/** A process that writes tasks and their jobs without end, and prints every tenth id. */
function writer(t: Test, file: string): ChildProcess {
  const script = `
    import Database from 'better-sqlite3'
    const db = new Database(${JSON.stringify(file)}, { timeout: 15_000 })
    const job = db.prepare("insert into job (kind, state) values ('scan', 'queued')")
    const task = db.prepare("insert into task (kind, state, job_id, created_by, created_at) values ('scan', 'live', ?, ?, 1)")
    const both = db.transaction(() => task.run(job.run().lastInsertRowid, 'x'.repeat(5000)).lastInsertRowid)
    for (;;) {
      const id = both()
      if (id % 10 === 0) await new Promise((resolve) => process.stdout.write(id + '\\n', resolve))
    }
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return child
}

t.test('a backup during writes is consistent, and a depot restored from it reuses no id', async (t) => {
  const { source, target } = await location(t)
  const { stdout } = writer(t, source)
  await once(stdout as NodeJS.EventEmitter, 'data')
  await backUp(source, target)
  await once(stdout as NodeJS.EventEmitter, 'data')

  const copy = open(t, target)
  t.same((await sql`pragma integrity_check`.execute(copy)).rows, [{ integrity_check: 'ok' }])
  t.same((await sql`pragma foreign_key_check`.execute(copy)).rows, [])
  t.same(await migrateToLatest(copy), [], 'the schema is complete')
  const counts = await sql<{ tasks: number; jobs: number }>`
    select (select count(*) from task) as tasks, (select count(*) from job) as jobs
  `.execute(copy)
  const { tasks = 0, jobs } = counts.rows[0] ?? {}
  t.ok(tasks >= 10)
  t.equal(tasks, jobs, 'no transaction is partly included')
  const original = new Sqlite(source, { readonly: true })
  const newest = original.prepare<[], number>('select max(id) from task').pluck().get() ?? 0
  original.close()
  t.ok(newest > tasks, 'the writer was not stopped')
  t.ok((await insertTask(copy)) > newest)
})

t.test('a restored depot without tasks does not use the ids of its original either', async (t) => {
  const { source, target } = await location(t)
  await backUp(source, target)
  t.equal(await insertTask(open(t, target)), 1_000_001)
})

t.test('a backup has all rows, and only its owner can read it', async (t) => {
  const { source, target, root } = await location(t)
  const db = open(t, source)
  const user = { name: 'admin', role: 'admin', password_hash: 'a hash', created_at: 1, password_changed_at: 2 }
  await db.insertInto('user').values(user).execute()
  const id = await insertTask(db)
  await backUp(source, target)
  const copy = open(t, target)
  t.match(await copy.selectFrom('user').selectAll().execute(), [user])
  t.same(await copy.selectFrom('task').select('id').execute(), [{ id }])
  t.equal(fs.statSync(target).mode & 0o777, 0o600)
  t.notOk(fs.existsSync(path.join(root, 'backups', 'monday.db.part')))
})

t.test('a backup of a closed database leaves no other files', async (t) => {
  const { source, target } = await location(t)
  const before = fs.readFileSync(source)
  await backUp(source, target)
  t.same(fs.readdirSync(path.dirname(source)), ['fixdepot.db'])
  t.same(fs.readdirSync(path.dirname(target)), ['monday.db'])
  t.ok(fs.readFileSync(source).equals(before))
})

t.test('an existing file is not overwritten, and no directory is created', async (t) => {
  const { source, target, root } = await location(t)
  fs.writeFileSync(target, 'the backup of another day')
  await t.rejects(backUp(source, target), new Refusal(`${target} already exists. A backup does not overwrite a file.`))
  t.equal(fs.readFileSync(target, 'utf8'), 'the backup of another day')
  const absent = path.join(root, 'absent', 'monday.db')
  await t.rejects(backUp(source, absent), new Refusal(`There is no directory ${path.join(root, 'absent')}.`))
  await t.rejects(backUp(source, path.join(target, 'monday.db')), /There is no directory/)
  t.same(fs.readdirSync(root).sort(), ['backups', 'data'])
  t.same(fs.readdirSync(path.dirname(target)), ['monday.db'])
})

t.test('the unfinished file of another backup is kept', async (t) => {
  const { source, target } = await location(t)
  fs.writeFileSync(`${target}.part`, 'half a copy')
  await t.rejects(
    backUp(source, target),
    /monday\.db\.part already exists: another backup is running or was interrupted/
  )
  t.equal(fs.readFileSync(`${target}.part`, 'utf8'), 'half a copy')
})

t.test('a missing or damaged database gives no backup', async (t) => {
  const { source, target, root } = await location(t)
  await t.rejects(backUp(path.join(root, 'data', 'other.db'), target), DatabaseUnusable)
  const size = fs.statSync(source).size
  const fd = fs.openSync(source, 'r+')
  fs.writeSync(fd, Buffer.alloc(size - 8_192, 0xaa), 0, size - 8_192, 8_192)
  fs.closeSync(fd)
  await t.rejects(backUp(source, target), { name: 'DatabaseUnusable', message: /data\/fixdepot\.db is damaged/ })
  t.same(fs.readdirSync(path.dirname(target)), [])
})
