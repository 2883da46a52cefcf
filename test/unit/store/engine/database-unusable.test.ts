import fs from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type Database, openDatabase, openReadOnly } from '../../../../src/store/engine/database.ts'
import { DatabaseUnusable, toUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { knownMigrations, migrateToLatest } from '../../../../src/store/engine/migrations.ts'

const NOBODY = 65534

/** A migrated database without connections, in its own directory. */
async function migrated(t: Test): Promise<string> {
  const file = path.join(t.testdir(), 'fixdepot.db')
  const db = openDatabase({ file })
  await migrateToLatest(db)
  await db.destroy()
  return file
}

function open(t: Test, file: string): Database {
  const db = openDatabase({ file })
  t.teardown(() => db.destroy())
  return db
}

function refused(t: Test, file: string, sentence: RegExp): void {
  t.throws(() => openDatabase({ file }), DatabaseUnusable)
  t.throws(() => openDatabase({ file }), { message: sentence })
}

/** Runs with the rights of a user that owns no files. */
function asNobody(act: () => void): void {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(NOBODY)
  try {
    act()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

t.test('a file that is not a database is refused with what to do, and remains unchanged', async (t) => {
  const content = 'this was never a database\n'.repeat(300)
  const root = t.testdir({ 'fixdepot.db': content })
  const file = path.join(root, 'fixdepot.db')
  refused(t, file, /fixdepot\.db is damaged: file is not a database.*fixdepot doctor.*backup.*move the file away/)
  t.equal(fs.readFileSync(file, 'utf8'), content)
  t.same(fs.readdirSync(root), ['fixdepot.db'])
})

t.test('a database with an overwritten schema is refused as damaged', async (t) => {
  const file = await migrated(t)
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, Buffer.alloc(3_996, 0xaa), 0, 3_996, 100)
  fs.closeSync(fd)
  refused(t, file, /is damaged: /)
})

t.test('a truncated database is refused as damaged before the migration', async (t) => {
  const file = await migrated(t)
  fs.truncateSync(file, 4_096 * 2)
  await t.rejects(async () => migrateToLatest(open(t, file)), DatabaseUnusable)
})

t.test('a directory at the path of the database is refused', async (t) => {
  refused(t, t.testdir(), /cannot be opened and written: unable to open database file/)
})

t.test('a read-only database is refused, with the user that it must belong to', async (t) => {
  const file = await migrated(t)
  fs.chmodSync(file, 0o444)
  fs.chmodSync(path.dirname(file), 0o555)
  try {
    asNobody(() => refused(t, file, /cannot be opened and written: .*must belong to the user that runs fixdepot/))
  } finally {
    fs.chmodSync(path.dirname(file), 0o755)
  }
})

t.test('a full disk and a failing disk have different sentences', async (t) => {
  const sentence = (code: string) =>
    toUnusable('/data/fixdepot.db', new Sqlite.SqliteError('the reason', code))?.message
  t.match(sentence('SQLITE_FULL'), /^There is no space left for the database .* Free space in \/data,/)
  t.match(sentence('SQLITE_IOERR_FSYNC'), /The disk of the database .* fails: the reason\. Check the disk/)
  t.match(sentence('SQLITE_BUSY'), /held by another program/)
  t.equal(sentence('SQLITE_CONSTRAINT_UNIQUE'), undefined)
})

t.test('a database of a newer version is refused, and no byte of it changes', async (t) => {
  const file = await migrated(t)
  const database = new Sqlite(file)
  database.prepare("insert into kysely_migration values ('0099-from-the-future', '2030-01-01')").run()
  // As in a backup.
  database.pragma('journal_mode = DELETE')
  database.close()
  const before = fs.readFileSync(file)
  const newest = knownMigrations().at(-1)
  refused(
    t,
    file,
    new RegExp(`has the schema 0099-from-the-future.*none newer than ${newest}\\. Nothing was changed\\.`)
  )
  t.ok(fs.readFileSync(file).equals(before))
  t.same(fs.readdirSync(path.dirname(file)), ['fixdepot.db'])
})

/** A database with two rows that are only in the log after a crash, in their order. */
async function crashed(t: Test): Promise<string> {
  const file = await migrated(t)
  const root = path.join(path.dirname(file), 'crashed')
  fs.mkdirSync(root)
  const db = openDatabase({ file })
  for (const key of ['first', 'second']) {
    await db.insertInto('login_failure').values({ key, failures: 1, failed_at: 1 }).execute()
  }
  for (const suffix of ['', '-wal']) fs.copyFileSync(file + suffix, path.join(root, `fixdepot.db${suffix}`))
  await db.destroy()
  return path.join(root, 'fixdepot.db')
}

async function keys(db: Database): Promise<string[]> {
  return (await db.selectFrom('login_failure').select('key').orderBy('key').execute()).map((row) => row.key)
}

t.test('rows that a crash has left in the log are restored', async (t) => {
  t.same(await keys(open(t, await crashed(t))), ['first', 'second'])
})

t.test('a log truncated in its last transaction opens with all earlier transactions', async (t) => {
  const file = await crashed(t)
  fs.truncateSync(`${file}-wal`, fs.statSync(`${file}-wal`).size - 100)
  const db = open(t, file)
  t.same(await keys(db), ['first'])
  t.same(await migrateToLatest(db), [])
})

t.test('a log of garbage opens with the content of the database file', async (t) => {
  const file = await crashed(t)
  fs.writeFileSync(`${file}-wal`, Buffer.alloc(50_000, 0xaa))
  const db = open(t, file)
  t.same(await keys(db), [])
  t.same(await migrateToLatest(db), [])
})

t.test('opening a database read-only creates and changes no file', async (t) => {
  const file = await migrated(t)
  const before = fs.readFileSync(file)
  const db = openReadOnly(file)
  t.same(await keys(db), [])
  await db.destroy()
  t.same(fs.readdirSync(path.dirname(file)), ['fixdepot.db'])
  t.ok(fs.readFileSync(file).equals(before))
})

t.test('opening a crashed database read-only reads all rows, and leaves the log to the next start', async (t) => {
  const file = await crashed(t)
  const contents = () => [file, `${file}-wal`].map((name) => fs.readFileSync(name).toString('base64'))
  const before = contents()
  const db = openReadOnly(file)
  t.same(await keys(db), ['first', 'second'])
  await db.destroy()
  t.same(contents(), before)
})

t.test('opening a missing database read-only creates none', async (t) => {
  const root = t.testdir()
  t.throws(() => openReadOnly(path.join(root, 'fixdepot.db')), { message: /^There is no database at / })
  t.same(fs.readdirSync(root), [])
})
