import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type AdminDepot, makeAdminDepot, runDoctor } from '../../../support/admin/admin-depot.ts'
import { packageFiles } from '../../../support/packages.ts'

const FILES = { ...packageFiles({ fixid: 'a', payload: 'x' }), 'deep/b.txt': 'one' }

async function findings(depot: AdminDepot): Promise<string[]> {
  return (await runDoctor(depot)).lines.slice(0, -1)
}

t.test('new, changed and missing files are named, and a scan resolves the findings', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  const at = (name: string) => path.join(depot.repositoryDirectory, name)
  fs.writeFileSync(at('a.uxz'), 'another content')
  fs.rmSync(at('a.chg'))
  fs.writeFileSync(at('deep/c.txt'), 'new')
  // The same size and time: a file of another inode has taken its place.
  const { atime, mtime } = fs.statSync(at('deep/b.txt'))
  fs.writeFileSync(at('deep/b.new'), 'two')
  fs.utimesSync(at('deep/b.new'), atime, mtime)
  fs.renameSync(at('deep/b.new'), at('deep/b.txt'))
  t.same(await findings(depot), [
    'catalog: a.uxz has changed since it was read.',
    'catalog: deep/b.txt has changed since it was read.',
    'catalog: deep/c.txt is new.',
    'catalog: a.chg no longer exists.'
  ])
  await depot.scan()
  t.same(await findings(depot), [])
})

t.test('hidden files, and files with a problem in the catalog, are no findings', async (t) => {
  const depot = await makeAdminDepot(t, { ...FILES, 'orphan.uxz': 'of no package' })
  fs.writeFileSync(path.join(depot.repositoryDirectory, '.hidden'), 'x')
  fs.symlinkSync('/etc', path.join(depot.repositoryDirectory, 'outside'))
  t.same(await findings(depot), [])
})

t.test('a file that the last scan could not read is not new', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  fs.writeFileSync(path.join(depot.repositoryDirectory, 'locked.bin'), 'x')
  t.same(await findings(depot), ['catalog: locked.bin is new.'])
  await depot.change((db) =>
    db.insertInto('catalog_problem').values({ path: 'locked.bin', code: 'unreadable', text: '' }).execute()
  )
  t.same(await findings(depot), [])
})

t.test('a repository that was never read is one finding, and not one for each file', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  await depot.change((db) => db.updateTable('catalog').set({ read_at: null }).execute())
  t.same(await findings(depot), ['catalog: The repository has not been read yet. Start the server.'])
})

t.test('a catalog that is older than the file index is reported', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  await depot.change((db) => db.updateTable('catalog').set({ is_current: 0 }).execute())
  t.match(await findings(depot), [/^catalog: It is older than the files that were read/])
})

t.test('an unreadable repository is reported once, and its files are not reported as missing', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  fs.rmSync(depot.repositoryDirectory, { recursive: true })
  const { lines, code } = await runDoctor(depot)
  t.same(lines, [
    `cannot check: The repository directory ${depot.repositoryDirectory} cannot be read: ENOENT.`,
    'Not everything could be checked.'
  ])
  t.equal(code, 2)
})

t.test('files on all pages are compared', async (t) => {
  const numbered = (prefix: string) =>
    Object.fromEntries(Array.from({ length: 1_100 }, (_, index) => [`${prefix}${index}.txt`, 'x']))
  const depot = await makeAdminDepot(t, numbered('old'))
  for (const name of Object.keys(numbered('old'))) fs.rmSync(path.join(depot.repositoryDirectory, name))
  for (const name of Object.keys(numbered('new'))) fs.writeFileSync(path.join(depot.repositoryDirectory, name), 'x')
  const { lines } = await runDoctor(depot)
  t.equal(lines.at(-1), '2200 findings: database 0, archives 0, catalog 2200.')
})
