import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { addPlan, makeAdminDepot, runDoctor } from '../../../support/admin/admin-depot.ts'

const NAME = 'repository20260105093000.zip'

t.test('an archive with a wrong size, and a directory instead of an archive, are found', async (t) => {
  const depot = await makeAdminDepot(t)
  const other = 'repository20260105093000123.zip'
  await addPlan(depot, { archive_name: NAME, archive_size: 5 })
  await addPlan(depot, { archive_name: other })
  depot.writeArchives({ [NAME]: '1234' })
  fs.mkdirSync(path.join(depot.archivesDirectory, other))
  const { lines, code } = await runDoctor(depot)
  t.same(lines.slice(0, -1), [`archive: ${NAME} has 4 bytes, but should have 5.`, `archive: ${other} is not a file.`])
  t.equal(code, 1)
})

t.test('only kept archives must exist', async (t) => {
  const depot = await makeAdminDepot(t)
  for (const [index, archive_state] of ['pending', 'gone', 'none'].entries()) {
    await addPlan(depot, { archive_state, archive_name: `repository2026010509300${index}.zip` })
  }
  t.equal((await runDoctor(depot)).code, 0)
})

t.test('a file belongs to its export while that is pending or kept, and a part only while it is pending', async (t) => {
  const depot = await makeAdminDepot(t)
  const name = (state: string) =>
    `repository2026010509300${['pending', 'kept', 'gone', 'none', 'unknown'].indexOf(state)}.zip`
  for (const state of ['pending', 'kept', 'gone', 'none', 'unknown']) {
    if (state !== 'unknown') await addPlan(depot, { archive_state: state, archive_name: name(state) })
    depot.writeArchives({ [name(state)]: '12345', [`${name(state)}.17.part`]: '123' })
  }
  const { lines } = await runDoctor(depot)
  const orphans = ['gone', 'none', 'unknown'].flatMap((state) => [name(state), `${name(state)}.17.part`])
  t.same(
    lines.slice(0, -1).sort(),
    [`${name('kept')}.17.part`, ...orphans].map((file) => `archive: ${file} belongs to no export.`).sort()
  )
})

t.test('foreign files are noted, and are no findings', async (t) => {
  const depot = await makeAdminDepot(t)
  const foreign = [
    'notes.txt',
    'repository.zip',
    'repository20260105093000.zip.part',
    'repository20260105093000.zip.1.part.bak'
  ]
  depot.writeArchives(Object.fromEntries(foreign.map((file) => [file, 'x'])))
  const { lines, code } = await runDoctor(depot)
  const notes = foreign.map(
    (file) => `note: ${path.join(depot.archivesDirectory, file)} is not a file of fixdepot, and is ignored.`
  )
  t.same(lines.slice(0, -1).sort(), notes.sort())
  t.equal(lines.at(-1), 'Everything is sound.')
  t.equal(code, 0)
  t.same(fs.readdirSync(depot.archivesDirectory).sort(), foreign.sort())
})

t.test('archives on all pages are checked', async (t) => {
  const depot = await makeAdminDepot(t)
  const names = Array.from({ length: 1_100 }, (_, index) => `repository${20260105000000 + index}.zip`)
  await depot.change(async (db) => {
    const row = { package_count: 1, entry_count: 1, directory_offset: 0, archive_size: 1, archive_state: 'kept' }
    await db
      .insertInto('plan')
      .values(names.map((archive_name) => ({ ...row, archive_name, digest: archive_name })))
      .execute()
  })
  depot.writeArchives(Object.fromEntries(names.slice(0, -2).map((name) => [name, 'x'])))
  depot.writeArchives(Object.fromEntries(names.slice(0, 600).map((name) => [`${name}.1.part`, 'x'])))
  const { lines } = await runDoctor(depot)
  t.equal(lines.at(-1), '602 findings: database 0, archives 602, catalog 0.')
  t.equal(lines.filter((line) => line.endsWith('is missing.')).length, 2)
})

t.test('a missing directory is reported, and the catalog is still checked', async (t) => {
  const depot = await makeAdminDepot(t)
  fs.rmdirSync(depot.archivesDirectory)
  fs.writeFileSync(path.join(depot.repositoryDirectory, 'new.txt'), 'x')
  const { lines, code } = await runDoctor(depot)
  t.equal(lines[0], `cannot check: The directory ${depot.archivesDirectory} cannot be read: ENOENT.`)
  t.equal(lines[1], 'catalog: new.txt is new.')
  t.equal(code, 2)
})
