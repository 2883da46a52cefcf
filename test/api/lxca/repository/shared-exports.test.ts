/** Equal exports through the API: one archive for all who ask. */
import t from 'tap'
import { SPACE_FLOOR_BYTES } from '../../../../src/worker/runtime/repository-space.ts'
import { openTestDepot } from '../../../support/api/app.ts'
import { DOWNLOAD } from '../../../support/api/download.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { packageFiles, smallRepository } from '../../../support/packages.ts'

const EXPORT = '/updateRepositories/firmware?action=export'
const STATUS = '/updateRepositories/firmware/status?taskid='
const CALLERS = 200

t.test(`${CALLERS} equal requests have a task each, and are packed once`, async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const answers = await Promise.all(Array.from({ length: CALLERS }, () => depot.call(EXPORT, { method: 'PUT' })))
  const ids = answers.map((answer) => answer.json().taskid)
  t.equal(new Set(ids).size, CALLERS)
  const jobs = await depot.db.selectFrom('job').select('id').where('kind', '=', 'export').execute()
  t.equal(jobs.length, 1)
  await depot.call(`/tasks/${ids[0]}`, { method: 'DELETE' })
  await depot.run('export')
  const all = await Promise.all(ids.map(async (id) => (await depot.call(STATUS + id)).json()))
  t.match(all[0], { state: 'canceled', current: '' })
  t.same(new Set(all.slice(1).map(({ state }) => state)), new Set(['complete']))
  t.same([...new Set(all.slice(1).map(({ current }) => current))], await depot.archiveView.finished())
})

t.test('while the archive is kept, an equal export completes at once', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const first = await depot.export()
  const { taskid } = (await depot.call(EXPORT, { method: 'PUT' })).json()
  t.not(taskid, first.taskid)
  const { downloadedsize, totalsize, ...status } = (await depot.call(STATUS + taskid)).json()
  t.match(status, { state: 'complete', progress: 100, current: first.name })
  t.equal(downloadedsize, totalsize)
})

t.test('a removed archive answers 410, and the next equal export packs it again', async (t) => {
  const depot = await openTestDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  const first = await depot.export()
  await depot.archiveView.remove(first.name)
  equalError(t, await depot.call(DOWNLOAD + first.name), { status: 410, id: 'FQXHMUP9015L', text: /has been removed/ })
  const second = await depot.export()
  t.equal((await depot.call(DOWNLOAD + second.name)).statusCode, 200)
  t.match((await depot.call(STATUS + first.taskid)).json(), { state: 'complete' }, 'the task stays listed')
  equalError(t, await depot.call(`${DOWNLOAD}repository20200101000000.zip`), {
    status: 404,
    id: 'FQXHMUP9007L',
    text: /no archive/
  })
})

t.test('without enough space the answer has the figures, and no task is started', async (t) => {
  const depot = await openTestDepot(t, smallRepository(), { freeBytes: () => SPACE_FLOOR_BYTES + 10 })
  equalError(t, await depot.call(EXPORT, { method: 'PUT' }), {
    status: 409,
    id: 'FQXHMUP9005L',
    text: new RegExp(
      `^The archive needs \\d+ bytes; ${SPACE_FLOOR_BYTES + 10} bytes are free, and ${SPACE_FLOOR_BYTES} of them are reserved\\.$`
    )
  })
  t.same(await depot.tasks.liveTasks(undefined, 10), [])
})
