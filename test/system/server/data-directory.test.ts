import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { backUp } from '../../../src/admin/backup.ts'
import { examine } from '../../../src/admin/doctor/doctor.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, type ServerOptions, spawnServer, startServer } from '../../support/servers/server.ts'

const LIST = '/updateRepositories/firmware?key=importDir'

function databaseOf({ dataDirectory }: ServerOptions): string {
  return path.join(dataDirectory, 'fixdepot.db')
}

function optionsWithPackage(t: Test): ServerOptions {
  return makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x' }))
}

async function refused(t: Test, options: ServerOptions, sentence: RegExp): Promise<void> {
  const server = spawnServer(t, options)
  t.same(await server.ended, { code: 1, signal: null })
  t.match(server.stderr(), sentence)
  t.notMatch(server.stderr(), /\n +at /, 'no stack')
}

t.test('a second server on the same data directory is refused, and the first one keeps working', async (t) => {
  const options = optionsWithPackage(t)
  const first = await startServer(t, options)
  await refused(t, options, /^Another fixdepot uses .*data\. Stop it, or set FIXDEPOT_DATA_DIR .*\n$/)
  t.equal((await first.call(LIST)).status, 200)
})

t.test('the next server starts after a kill and after a stop', async (t) => {
  const options = optionsWithPackage(t)
  const first = await startServer(t, options)
  await first.stop('SIGKILL')
  const second = await startServer(t, options)
  t.same(await second.stop(), { code: 0, signal: null })
  const third = await startServer(t, options)
  t.equal((await third.call(LIST)).status, 200)
})

t.test(
  'a file that is no database, and a database of a newer version, stop the start with a sentence and are not changed',
  async (t) => {
    const options = optionsWithPackage(t)
    const file = databaseOf(options)
    fs.writeFileSync(file, 'no database\n'.repeat(400))
    const garbage = fs.readFileSync(file)
    await refused(t, options, /^The database .*fixdepot\.db is damaged: .*fixdepot doctor.*\n$/)
    t.ok(fs.readFileSync(file).equals(garbage))

    fs.rmSync(file)
    await (await startServer(t, options)).stop()
    const database = new Database(file)
    database.prepare("insert into kysely_migration values ('0099-later', '2030-01-01')").run()
    database.close()
    const newer = fs.readFileSync(file)
    await refused(t, options, /has the schema 0099-later.*Nothing was changed.*\n$/)
    t.ok(fs.readFileSync(file).equals(newer))
  }
)

t.test('the doctor finds a running server sound, and a server from its backup uses higher ids', async (t) => {
  const options = optionsWithPackage(t)
  const server = await startServer(t, options)
  const before = await server.export()
  await server.finished(before)
  const { dataDirectory, repositoryDirectory } = options
  const lines: string[] = []
  const directories = {
    databaseFile: databaseOf(options),
    archivesDirectory: path.join(dataDirectory, 'archives')
  }
  t.equal(await examine({ ...directories, repositoryDirectory }, (line) => lines.push(line)), 0, lines.join('\n'))

  const restored = path.join(dataDirectory, '..', 'restored')
  fs.mkdirSync(restored)
  await backUp(databaseOf(options), path.join(restored, 'fixdepot.db'))
  const after = await server.export({ fixids: ['a'] })
  t.ok(after > before)
  const next = await startServer(t, { ...options, dataDirectory: restored })
  t.equal((await next.status(before)).state, 'complete', 'the backup has the earlier task')
  t.ok((await next.export()) > after + 900_000)
})

t.test(
  'a shared directory of archives belongs to one depot: another depot is refused, and the same one starts again',
  async (t) => {
    const own = makeDirectories(t, packageFiles({ fixid: 'one' }))
    const root = path.dirname(own.dataDirectory)
    const shared = path.join(root, 'shared')
    fs.mkdirSync(shared)
    const settings = { FIXDEPOT_ARCHIVES_URL: pathToFileURL(shared).href }
    const first = await startServer(t, { ...own, settings })
    const { current } = await first.finished(await first.export())
    await first.stop()
    const other = spawnServer(t, { ...own, dataDirectory: path.join(root, 'other'), settings })
    t.match(await other.ended, { code: 1 })
    t.match(other.stderr(), /^The archives of FIXDEPOT_ARCHIVES_URL belong to another depot/)
    const again = await startServer(t, { ...own, settings })
    t.equal((await again.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)).status, 200)
  }
)
