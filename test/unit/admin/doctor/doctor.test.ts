import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { sql } from 'kysely'
import t from 'tap'
import { examine } from '../../../../src/admin/doctor/doctor.ts'
import { openDatabase } from '../../../../src/store/engine/database.ts'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { knownMigrations, migrateToLatest } from '../../../../src/store/engine/migrations.ts'
import { addPlan, describeFiles, makeAdminDepot, runDoctor } from '../../../support/admin/admin-depot.ts'
import { packageFiles } from '../../../support/packages.ts'

const NAME = 'repository20260105093000.zip'
const NEWEST = knownMigrations().at(-1)

t.test('an intact depot is sound', async (t) => {
  const depot = await makeAdminDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await addPlan(depot, { archive_name: NAME })
  depot.writeArchives({ [NAME]: '12345' })
  t.same(await runDoctor(depot), { lines: ['Everything is sound.'], code: 0 })
})

t.test('the findings of all areas are counted, and no file is changed', async (t) => {
  const depot = await makeAdminDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await addPlan(depot, { archive_name: NAME })
  depot.writeArchives({ 'repository20260105093001.zip.3.part': '12' })
  fs.writeFileSync(path.join(depot.repositoryDirectory, 'b.txt'), 'new')
  const before = describeFiles(depot.dataDirectory)
  const { lines, code } = await runDoctor(depot)
  t.equal(code, 1)
  t.same(lines, [
    `archive: ${NAME} is missing.`,
    'archive: repository20260105093001.zip.3.part belongs to no export.',
    'catalog: b.txt is new.',
    '3 findings: database 0, archives 2, catalog 1.'
  ])
  t.same(describeFiles(depot.dataDirectory), before)
})

t.test('the check of a closed database leaves no file', async (t) => {
  const root = t.testdir({ archives: {}, repository: {} })
  const databaseFile = path.join(root, 'fixdepot.db')
  const db = openDatabase({ file: databaseFile })
  await migrateToLatest(db)
  await db.updateTable('catalog').set({ read_at: 1, is_current: 1 }).execute()
  await db.destroy()
  const before = describeFiles(root)
  const directories = {
    databaseFile,
    archivesDirectory: path.join(root, 'archives'),
    repositoryDirectory: path.join(root, 'repository')
  }
  t.equal(await examine(directories, () => {}), 0)
  t.same(describeFiles(root), before)
})

t.test('rows with dangling references are counted by table', async (t) => {
  const depot = await makeAdminDepot(t)
  await depot.change(async (db) => {
    await sql`pragma foreign_keys = off`.execute(db)
    const message = { task_id: 77, message_id: '', text: '', explanation: '', recovery: '' }
    await db
      .insertInto('task_message')
      .values([0, 1].map((position) => ({ ...message, position })))
      .execute()
  })
  t.same(await runDoctor(depot), {
    lines: [
      'database: 2 rows of the table task_message refer to rows of task that do not exist.',
      '1 finding: database 1, archives 0, catalog 0.'
    ],
    code: 1
  })
})

t.test('an index without a row is found, and the other checks still run', async (t) => {
  const depot = await makeAdminDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  const replaceInIndex = (text: string, other: string) => {
    const raw = new Database(depot.databaseFile).unsafeMode()
    raw.pragma('writable_schema = on')
    raw.prepare("update sqlite_schema set sql = replace(sql, ?, ?) where name = 'plan_by_digest'").run(text, other)
    raw.pragma(`schema_version = ${Number(raw.pragma('schema_version', { simple: true })) + 1}`)
    raw.close()
  }
  replaceInIndex('where', 'where digest is null and')
  await addPlan(depot, { archive_name: NAME })
  replaceInIndex('where digest is null and', 'where')
  const { lines, code } = await runDoctor(depot)
  t.match(lines[0], /^database: It is damaged: .*plan_by_digest/)
  t.equal(lines[1], `archive: ${NAME} is missing.`)
  t.equal(code, 1)
})

t.test('a database of another schema is not checked', async (t) => {
  const depot = await makeAdminDepot(t)
  await depot.change((db) => sql`insert into kysely_migration values ('0099-later', '2030-01-01')`.execute(db))
  t.same(await runDoctor(depot), {
    lines: [
      `cannot check: The database has the schema 0099-later, but this version knows no schema newer than ${NEWEST}.`,
      'Not everything could be checked.'
    ],
    code: 2
  })
  await depot.change((db) => sql`delete from kysely_migration`.execute(db))
  const { lines, code } = await runDoctor(depot)
  t.match(lines[0], `schema of no version, older than ${NEWEST}. Start the server, or run fixdepot migrate.`)
  t.equal(code, 2)
})

t.test('a database that cannot be opened is refused with a sentence, and is not created', async (t) => {
  const root = t.testdir({ 'garbage.db': 'no database\n'.repeat(400), archives: {}, repository: {} })
  const directories = {
    archivesDirectory: path.join(root, 'archives'),
    repositoryDirectory: path.join(root, 'repository')
  }
  for (const name of ['garbage.db', 'absent.db']) {
    const databaseFile = path.join(root, name)
    await t.rejects(
      examine({ databaseFile, ...directories }, () => {}),
      DatabaseUnusable,
      name
    )
  }
  t.same(fs.readdirSync(root).sort(), ['archives', 'garbage.db', 'repository'])
})

t.test('a damaged table ends only the checks that need it', async (t) => {
  const depot = await makeAdminDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  fs.writeFileSync(path.join(depot.repositoryDirectory, 'new.txt'), 'x')
  await depot.change((db) => sql`pragma wal_checkpoint(truncate)`.execute(db))
  const copy = path.join(depot.dataDirectory, 'copy.db')
  fs.copyFileSync(depot.databaseFile, copy)
  const raw = new Database(copy)
  const [page] = raw.prepare<[], number>("select rootpage from sqlite_schema where name = 'plan'").pluck().all()
  const size = Number(raw.pragma('page_size', { simple: true }))
  raw.close()
  const fd = fs.openSync(copy, 'r+')
  fs.writeSync(fd, Buffer.alloc(size, 0xaa), 0, size, ((page ?? 0) - 1) * size)
  fs.closeSync(fd)
  const { lines, code } = await runDoctor({ ...depot, databaseFile: copy })
  t.match(lines[0], /^database: It is damaged: /)
  t.match(lines.join('\n'), /\ncannot check: the archives\. The database is damaged\.\n/)
  t.ok(lines.includes('catalog: new.txt is new.'))
  t.equal(code, 2)
})
