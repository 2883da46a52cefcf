import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { acquireInstanceLock, lockFileIn } from '../../../src/store/engine/instance-lock.ts'
import { archiveOf, makeSourceDepot, migrate } from '../../support/admin/moved-depot.ts'
import { createDatabase, createEmptyDatabase, whyNoPostgres } from '../../support/servers/postgres.ts'
import { startServer } from '../../support/servers/server.ts'

const skip = whyNoPostgres() ?? false

t.test('a move is refused when the source or the target is not usable', { skip }, async (t) => {
  const embedded = makeSourceDepot(t, 1)
  const server = await startServer(t, embedded)
  const taskid = await server.export()
  await archiveOf(server, taskid)
  const databaseUrl = await createEmptyDatabase(t)
  const refused = async (to: Readonly<Record<string, string>>, sentence: RegExp, from = embedded) => {
    const { code, stderr } = await migrate(t, { from, to })
    t.equal(code, 1)
    t.match(stderr, sentence)
  }
  const toPostgres = { FIXDEPOT_DATABASE_URL: databaseUrl }
  await refused(toPostgres, /^Another fixdepot uses /)
  await server.stop()

  await refused({}, /^Database and archives are already at the locations in target\.env: there is nothing to move\.$/m)
  await refused({ FIXDEPOT_DATABASE_URL: 'mysql://x/y' }, /^In target\.env: The setting FIXDEPOT_DATABASE_URL must be /)
  await refused(
    { FIXDEPOT_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' },
    /^With target\.env: The PostgreSQL database .* cannot be reached/
  )
  await refused(
    { FIXDEPOT_ARCHIVES_URL: 'file:///not/there' },
    /^With target\.env: FIXDEPOT_ARCHIVES_URL cannot be used/
  )
  const missing = { ...embedded, dataDirectory: path.join(t.testdirName, 'repository') }
  await refused(toPostgres, /^There is no database at /, { ...missing, repositoryDirectory: embedded.dataDirectory })

  const directory = path.join(t.testdirName, 'other')
  fs.mkdirSync(directory)
  const other = acquireInstanceLock(lockFileIn(directory))
  await refused({ FIXDEPOT_DATA_DIR: directory }, /^With target\.env: Another fixdepot uses .*other\./)
  other.release()
  const file = path.join(embedded.dataDirectory, 'fixdepot.db')
  const change = (statement: string) => {
    const database = new Database(file)
    database.exec(statement)
    database.close()
  }
  change("update kysely_migration set name = 'x' || name where name like '0001%'")
  await refused(toPostgres, /^The database has the schema /)
  change("delete from kysely_migration where name like 'x%'")
  await refused(
    toPostgres,
    /^The database has the schema of no version, older than 0001-initial\. Start the server, or run fixdepot migrate\.$/m
  )
  change("insert into kysely_migration values ('0001-initial', '2026')")
  change('drop trigger audit_stays_as_it_is')
  change("update audit set action = 'nothing' where number = 1")
  await refused(toPostgres, /^The audit trail was changed, and cannot be moved\. The record 1 was changed/)
})

t.test('a target that has other content is refused, and is not changed', { skip }, async (t) => {
  const embedded = makeSourceDepot(t, 1)
  const server = await startServer(t, embedded)
  const taskid = await server.export()
  const { current } = await server.finished(taskid)
  await server.stop()
  const shared = path.join(t.testdirName, 'shared')
  fs.mkdirSync(shared)
  const toShared = { FIXDEPOT_ARCHIVES_URL: `file://${shared}` }

  const used = await createDatabase(t)
  const unknown = await startServer(t, {
    ...embedded,
    dataDirectory: path.join(t.testdirName, 'data2'),
    databaseUrl: used
  })
  await unknown.stop()
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: used } }), {
    code: 1,
    stderr:
      /^The database that target\.env names contains another depot\. Name an empty one\. Nothing was changed there\.$/m
  })

  const foreign = 'repository19990101000000.zip'
  fs.writeFileSync(path.join(shared, foreign), 'x')
  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 1,
    stderr: /^The target contains repository19990101000000\.zip, an archive of another depot\./
  })
  fs.rmSync(path.join(shared, foreign))
  fs.writeFileSync(path.join(shared, current), 'other content')
  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 1,
    stderr: /^The target contains \S+ with other content\./m
  })
  t.equal(fs.readFileSync(path.join(shared, current), 'utf8'), 'other content')
  fs.rmSync(path.join(shared, current))
  fs.writeFileSync(path.join(shared, 'notes.txt'), 'of the operator')

  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 0,
    stdout: /^1 archives with \d+ bytes were moved and read back\.\nStart the server/m
  })
  t.match(await migrate(t, { from: embedded, to: toShared }), { code: 0 }, 'a repeated move changes nothing')

  const databaseUrl = await createEmptyDatabase(t)
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: databaseUrl } }), { code: 0 })
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: databaseUrl } }), {
    code: 1,
    stderr: /^The database that target\.env names already contains this depot from an earlier complete move/
  })
})

t.test('archives that differ from their plan are left out and reported', async (t) => {
  const embedded = makeSourceDepot(t, 1)
  const server = await startServer(t, embedded)
  const names: string[] = []
  for (const fixid of ['small', 'medium', 'large']) {
    names.push((await server.finished(await server.export({ fixids: [fixid] }))).current)
  }
  names.push((await server.finished(await server.export())).current)
  await server.stop()
  const [missing = '', cut = '', damaged = '', whole = ''] = names
  const archive = (name: string) => path.join(embedded.dataDirectory, 'archives', name)
  fs.rmSync(archive(missing))
  fs.truncateSync(archive(cut), 10)
  const fd = fs.openSync(archive(damaged), 'r+')
  fs.writeSync(fd, 'damage', 500_000)
  fs.closeSync(fd)
  const dataDirectory = path.join(t.testdirName, 'elsewhere')
  const { code, stdout, stderr } = await migrate(t, { from: embedded, to: { FIXDEPOT_DATA_DIR: dataDirectory } })
  t.equal(code, 0, stderr)
  t.match(stdout, `Not moved: The archive ${missing} is missing.\n`)
  t.match(stdout, new RegExp(`Not moved: The archive ${cut} has 10 bytes, but should have \\d+\\.\n`))
  t.match(
    stdout,
    `Not moved: The archive ${damaged} is damaged: The content of large.uxz differs from the plan.\n1 archives`
  )
  t.same(fs.readdirSync(path.join(dataDirectory, 'archives')), [whole])
  const next = await startServer(t, { ...embedded, dataDirectory })
  const gone = await next.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${missing}`)
  t.equal(gone.status, 410)
})
