import fs from 'node:fs'
import t from 'tap'
import { createArchiveDirectory } from '../../../src/storage/disk/archive-directory.ts'
import { claimArchives, openOwnArchives } from '../../../src/storage/open-archive-storage.ts'
import { claimOf } from '../../support/archive-storage-suite.ts'
import { makeDepot } from '../../support/depot.ts'

const FOREIGN = /belong to another depot/

t.test('servers of one depot share its archives, and get the same location', async (t) => {
  const storage = createArchiveDirectory(t.testdir())
  const location = await claimArchives(storage, 'depot-1')
  t.equal(await claimArchives(storage, 'depot-1'), location)
  const other = createArchiveDirectory(t.testdir({ other: {} }))
  t.not(await claimArchives(other, 'depot-1'), location)
})

t.test('archives of another depot are refused with instructions', async (t) => {
  const storage = createArchiveDirectory(t.testdir())
  await claimArchives(storage, 'depot-1')
  await t.rejects(claimArchives(storage, 'depot-2'), {
    message: /belong to another depot: its identity is depot-1, .* is depot-2\. .*remove the file or object \.fixdepot/,
    isTransient: false
  })
})

t.test('archives of another depot are neither listed for the sweep nor written', async (t) => {
  const depot = await makeDepot(t)
  await claimArchives(createArchiveDirectory(depot.archivesDirectory), 'another')
  const storage = openOwnArchives({ ...depot, archivesOwner: 'this one' })
  await t.rejects(storage.ownFiles(), { message: FOREIGN })
  await t.rejects(storage.resume(claimOf(1)), { message: FOREIGN })
  t.same(fs.readdirSync(depot.archivesDirectory), ['.fixdepot'])
})

t.test('no ownership marker is written for archives in the data directory', async (t) => {
  const depot = await makeDepot(t)
  t.same(await openOwnArchives(depot).ownFiles(), [])
  t.same(fs.readdirSync(depot.archivesDirectory), [])
})
