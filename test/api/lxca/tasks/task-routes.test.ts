import t from 'tap'
import { openTestDepot, type TestDepot, USER } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import { failQueued } from '../../../support/worker.ts'

const FIRMWARE = '/updateRepositories/firmware'

async function start(depot: TestDepot, fixid: string): Promise<number> {
  const response = await depot.call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids: [fixid] } })
  return response.json().taskid
}

/** A depot with a task of each state that a list can show. */
async function withTasks(t: Parameters<typeof openTestDepot>[0]) {
  const depot = await openTestDepot(t, smallRepository())
  const { taskid: complete } = await depot.export({ fixids: [UEFI] })
  const canceled = await start(depot, XCC)
  await depot.call('/tasks', { method: 'PUT', payload: { action: 'cancel', list: [canceled] } })
  const failed = await start(depot, XCC)
  await failQueued(depot, 'export', { id: 'FQXHMUP9009L', text: 'It failed.', explanation: '', recovery: '' })
  const pending = await start(depot, XCC)
  return { depot, complete, canceled, failed, pending }
}

t.test('/tasks lists all tasks, newest first, with their states as words', async (t) => {
  const { depot, complete, canceled, failed, pending } = await withTasks(t)
  const response = await depot.call('/tasks')
  t.match(response.headers['content-type'], /^application\/json/)
  t.match(response.json(), [
    { id: String(pending), status: 'Pending', state: 'Pending', complete: false, percentage: 0, isCancelable: true },
    { id: String(failed), status: 'Failed', state: 'Stopped_With_Error', complete: true, percentage: 100 },
    { id: String(canceled), status: 'Cancelled', state: 'Cancelled', complete: true, percentage: 100 },
    {
      jobUID: String(complete),
      id: String(complete),
      status: 'Complete',
      state: 'Complete',
      complete: true,
      percentage: 100,
      progress: 100,
      createdBy: USER,
      startTime: /Z$/,
      endTime: /Z$/,
      isCancelable: false,
      children: []
    }
  ])
  t.equal(response.json().length, 4)
})

t.test('without a task the lists are empty arrays', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const url of ['/tasks', '/jobs']) t.same((await depot.call(url)).json(), [])
})

t.test('/tasks/{ids} is an array, also for one id, in the requested order', async (t) => {
  const { depot, complete, pending } = await withTasks(t)
  t.match((await depot.call(`/tasks/${complete}`)).json(), [{ id: String(complete) }])
  const two = (await depot.call(`/tasks/${pending},${complete}`)).json()
  t.same(
    two.map(({ id }: { id: string }) => id),
    [pending, complete].map(String)
  )
})

t.test('compact omits the children', async (t) => {
  const { depot, complete } = await withTasks(t)
  for (const url of ['/tasks', `/tasks/${complete}`]) {
    for (const task of (await depot.call(`${url}?compact=true`)).json()) t.notOk('children' in task)
    for (const task of (await depot.call(`${url}?compact=false`)).json()) t.same(task.children, [])
  }
})

t.test('unknown ids are a 404 that names all of them', async (t) => {
  const { depot, complete } = await withTasks(t)
  const missing = { status: 404, id: 'FQXHMUP9003L', text: /^There is no task 98, 99\.$/ }
  for (const location of ['tasks', 'jobs']) {
    equalError(t, await depot.call(`/${location}/98,${complete},99`), missing)
    equalError(t, await depot.call(`/${location}/x`), { status: 400, id: 'FQXHMUP9001L', text: /ids/ })
  }
})

t.test('/jobs shows the same tasks in the older form', async (t) => {
  const { depot, complete, failed } = await withTasks(t)
  const all = (await depot.call('/jobs')).json()
  t.equal(all.length, 4)
  const job = (await depot.call(`/jobs/${complete}`)).json()
  t.match(job, {
    id: String(complete),
    category: 'MANAGEMENT',
    createdBy: USER,
    cancelURI: `/jobs/${complete}`,
    isCancelable: false,
    messageID: 'FQXHMUP2500I',
    status: { state: 'Complete', percentage: 100, substatus: [] }
  })
  t.match((await depot.call(`/jobs/${failed},${complete}`)).json(), [
    { status: { state: 'Stopped_With_Error', description: ['It failed.'] } },
    { status: { state: 'Complete' } }
  ])
})

t.test('/jobs is filtered by state and by uuid, also when a client sends both in one parameter', async (t) => {
  const { depot, pending, complete } = await withTasks(t)
  const idsOf = async (query: string) =>
    (await depot.call(`/jobs?${query}`)).json().map(({ id }: { id: string }) => Number(id))
  const { uuid } = (await depot.call(`/jobs/${complete}`)).json()
  t.same(await idsOf('state=Pending'), [pending])
  t.same(await idsOf('state=complete'), [complete])
  t.same(await idsOf('state=Running'), [])
  t.same(await idsOf(`uuid=${uuid.toUpperCase()}`), [complete])
  t.same(await idsOf(`state=Complete,uuid=${uuid}`), [complete])
  t.same(await idsOf(`state=Pending,uuid=${uuid}`), [])
})

t.test('a task that runs shows true percents, and 100 only when it has ended', async (t) => {
  const { taskView } = await import('../../../../src/http/lxca/tasks/task-view.ts')
  const task = {
    id: 7,
    kind: 'export',
    state: 'running',
    packagesDone: 0,
    packagesTotal: 2,
    bytesTotal: 1000,
    archiveName: 'a.zip',
    createdBy: USER,
    createdAt: new Date(0),
    startedAt: null,
    finishedAt: null,
    run: null,
    messages: []
  } as const
  for (const [bytesDone, percentage] of [
    [0, 0],
    [9, 0],
    [10, 1],
    [999, 99],
    [1000, 99]
  ] as const) {
    t.match(taskView({ ...task, bytesDone }, true), { percentage, progress: percentage, complete: false })
  }
})
