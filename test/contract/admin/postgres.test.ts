import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { verifyAudit } from '../../../src/admin/audit.ts'
import { examine } from '../../../src/admin/doctor/doctor.ts'
import { rebuildCatalog } from '../../../src/admin/rebuild-catalog.ts'
import { writeSupportBundle } from '../../../src/admin/support-bundle.ts'
import { administerUsers } from '../../../src/admin/users.ts'
import { readConfig } from '../../../src/config/config.ts'
import { createServerStore } from '../../../src/store/cluster/server-store.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { InstanceLocked } from '../../../src/store/engine/instance-lock.ts'
import { runProgram } from '../../support/cli/run-program.ts'
import { packageFiles } from '../../support/packages.ts'
import { createDatabase, POSTGRES_PASSWORD, whyNoPostgres } from '../../support/servers/postgres.ts'
import { makeDirectories } from '../../support/servers/server.ts'

const missing = whyNoPostgres()
const test = (name: string, run: (t: Test) => Promise<void>) => t.test(name, { skip: missing ?? false }, run)

async function makeConfiguredDepot(t: Test) {
  const { dataDirectory, repositoryDirectory } = makeDirectories(t, packageFiles({ fixid: 'one' }))
  const environment = {
    FIXDEPOT_DATA_DIR: dataDirectory,
    FIXDEPOT_REPOSITORY_DIR: repositoryDirectory,
    FIXDEPOT_DATABASE_URL: await createDatabase(t)
  }
  const config = readConfig(environment)
  const { storage } = config
  fs.mkdirSync(storage.archivesDirectory)
  return { environment, config, storage }
}

test('the doctor checks all but the files of PostgreSQL, and reports that', async (t) => {
  const { storage } = await makeConfiguredDepot(t)
  await rebuildCatalog(storage)
  const lines: string[] = []
  t.equal(await examine(storage, (line) => lines.push(line)), 0, lines.join('\n'))
  t.match(lines, [/^note: The files of PostgreSQL are not checked/, 'Everything is sound.'])
  fs.rmSync(path.join(storage.repositoryDirectory, 'one.xml'))
  t.equal(await examine(storage, () => {}), 1)
})

test('the catalog is not rebuilt while a server sends heartbeats', async (t) => {
  const { storage } = await makeConfiguredDepot(t)
  const db = openDepotDatabase(storage)
  t.teardown(() => db.destroy())
  const servers = createServerStore(db)
  const self = { id: 'one', node: 'node', archives: 'location' }
  await servers.heartbeat(self)
  const heartbeats = setInterval(() => void servers.heartbeat(self), 100)
  t.teardown(() => clearInterval(heartbeats))
  await t.rejects(rebuildCatalog(storage), InstanceLocked)
})

test('users are changed in the database and recorded in the audit trail', async (t) => {
  const { storage } = await makeConfiguredDepot(t)
  await administerUsers(storage, (admin) => admin.addUser('ann', 'viewer', 'a password of ann'))
  t.match(await administerUsers(storage, (admin) => admin.listUsers()), [{ name: 'ann' }])
  const lines: string[] = []
  t.equal(await verifyAudit(storage, { print: (line) => lines.push(line) }), 0, lines.join('\n'))
})

test('a support bundle has the counts, and not the database URL', async (t) => {
  const { config, storage, environment } = await makeConfiguredDepot(t)
  const file = path.join(storage.dataDirectory, 'bundle.tar')
  await writeSupportBundle({ config, environment, file, now: new Date() })
  const bundle = fs.readFileSync(file, 'latin1')
  t.match(bundle, /PostgreSQL \d+/)
  t.match(bundle, /"catalog": 1/)
  t.notMatch(bundle, POSTGRES_PASSWORD)
})

test('a backup is refused with a reference to pg_dump', async (t) => {
  const { storage, environment } = await makeConfiguredDepot(t)
  const file = path.join(storage.dataDirectory, 'backup.db')
  const { code, stderr } = await runProgram(['backup', file], { cwd: storage.dataDirectory, environment })
  t.equal(code, 1)
  t.match(stderr, /^fixdepot backup does not copy a PostgreSQL database\. Copy it with pg_dump/)
  t.notOk(fs.existsSync(file))
})
