import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createArchiveDirectory } from '../../../../src/storage/disk/archive-directory.ts'
import { createArchiveStore } from '../../../../src/store/tasks/archive-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { sweepArchives } from '../../../../src/worker/commands/sweep-archives.ts'
import { ARCHIVE_TTL_MS } from '../../../support/depot.ts'
import { smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import { type ExportDepot, makeExportDepot } from '../../../support/worker/pack-queued.ts'
import { makeCommands } from '../../../support/worker.ts'

const sweep = ({ db, archivesDirectory }: ExportDepot, now = new Date()) =>
  sweepArchives(createArchiveStore(db), createArchiveDirectory(archivesDirectory), now)

const put = ({ archivesDirectory }: ExportDepot, ...names: string[]) => {
  for (const name of names) fs.writeFileSync(path.join(archivesDirectory, name), '')
}

t.test('an expired archive is removed, its task stays, and the next equal export packs a new archive', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept()
  await depot.settle(accepted)
  t.equal(await sweep(depot, new Date(Date.now() + ARCHIVE_TTL_MS - 60_000)), 0, 'not before')
  t.equal(await sweep(depot, new Date(Date.now() + ARCHIVE_TTL_MS + 60_000)), 1)
  t.same(depot.archives(), [])
  t.match(await depot.tasks.findTask(accepted.task.id), { state: 'completed', archiveName: accepted.task.archiveName })
  t.match(await createArchiveStore(depot.db).findArchive(accepted.task.archiveName), { state: 'gone' })
  t.match(await depot.accept(), { task: { state: 'queued' } })
})

t.test('a file that belongs to no export is removed, however new it is', async (t) => {
  const depot = await makeExportDepot(t)
  put(depot, 'repository20260102030405.zip', 'repository20260102030405.zip.3.part')
  t.equal(await sweep(depot), 2)
  t.same(depot.archives(), [])
})

t.test('a file that an export needs stays, however old it is', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const kept = await depot.accept({ fixids: [UEFI] })
  await depot.settle(kept)
  const pending = await depot.accept({ fixids: [XCC] })
  await createJobStore(depot.db).claimNext(['export'], 'tester', new Date())
  // The second one was published before the commit that was to record it.
  const needed = [kept, pending].map(({ task }) => task.archiveName)
  put(depot, needed[1] ?? '', `${needed[1]}.1.part`)
  for (const name of depot.archives()) fs.utimesSync(path.join(depot.archivesDirectory, name), 0, 0)
  put(depot, `${needed[0]}.1.part`)
  t.equal(await sweep(depot), 1, 'a part of what is finished is needed by nobody')
  t.same(depot.archives(), [...needed, `${needed[1]}.1.part`].sort())
})

t.test('files that this server has not created are left alone', async (t) => {
  const depot = await makeExportDepot(t)
  const foreign = ['README', 'backup of repository20260102030405.zip', 'repository.zip', 'x.part']
  put(depot, ...foreign)
  t.equal(await sweep(depot), 0)
  t.same(depot.archives(), foreign.sort())
})

t.test('the plan of a streamed archive is deleted a day after its last request', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const later = (hours: number) => new Date(Date.now() + 3_600_000 * hours)
  const rows = async () => [
    (await depot.db.selectFrom('plan').selectAll().execute()).length,
    (await depot.db.selectFrom('plan_entry').selectAll().execute()).length
  ]
  const ask = (now: Date) => makeCommands(depot, { now: () => now }).planDownload({ fixids: [UEFI], scope: 'payloads' })
  const { id } = await ask(later(0))
  t.equal((await ask(later(20))).id, id)
  await sweep(depot, later(25))
  t.same(await rows(), [1, 1])
  await sweep(depot, later(45))
  t.same(await rows(), [0, 0])
})
