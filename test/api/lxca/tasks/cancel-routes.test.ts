import t from 'tap'
import { openTestDepot, type TestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'

async function startExport(depot: TestDepot, ...fixids: string[]): Promise<number> {
  return (await depot.call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids } })).json().taskid
}

const statusOf = async (depot: TestDepot, id: number) => (await depot.call(`${FIRMWARE}/status?taskid=${id}`)).json()

/** How clients cancel: each is a request for one task. */
const WAYS: readonly [
  name: string,
  method: 'PUT' | 'DELETE',
  url: (id: number) => string,
  payload: (id: number) => unknown
][] = [
  ['DELETE /tasks/{ids}', 'DELETE', (id) => `/tasks/${id}`, () => undefined],
  ['PUT /tasks with ids as strings', 'PUT', () => '/tasks', (id) => ({ action: 'cancel', list: [String(id)] })],
  ['PUT /tasks with ids as numbers', 'PUT', () => '/tasks', (id) => ({ action: 'cancel', list: [id] })],
  ['PUT /jobs/{id} with a string', 'PUT', (id) => `/jobs/${id}`, () => ({ cancelRequest: 'true' })],
  ['PUT /jobs/{id} with a boolean', 'PUT', (id) => `/jobs/${id}`, () => ({ cancelRequest: true })]
]

for (const [name, method, url, payload] of WAYS) {
  t.test(`${name} cancels a task for good, and answers without a body`, async (t) => {
    const depot = await openTestDepot(t, smallRepository())
    const id = await startExport(depot, UEFI)
    const body = payload(id)
    const response = await depot.call(url(id), { method, ...(body === undefined ? {} : { payload: body as object }) })
    t.match(response, { statusCode: 200, body: '' })
    const canceled = {
      state: 'canceled',
      status: 'Cancelled',
      progress: 100,
      current: '',
      message: 'The task was canceled.'
    }
    t.match(await statusOf(depot, id), canceled)
    await depot.run('export')
    t.match(await statusOf(depot, id), canceled, 'nobody takes it up again')
    t.match(await depot.call(url(id), { method, ...(body === undefined ? {} : { payload: body as object }) }), {
      statusCode: 200
    })
  })
}

t.test('several tasks are canceled at once; with one that is unknown, none is', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const ids = [await startExport(depot, UEFI), await startExport(depot, XCC)]
  const refused = { status: 400, id: 'FQXHMUP9003L', text: /^There is no task 77, 88\.$/ }
  equalError(t, await depot.call(`/tasks/${ids.join(',')},77,88`, { method: 'DELETE' }), refused)
  for (const id of ids) t.match(await statusOf(depot, id), { state: 'created' })
  t.equal((await depot.call(`/tasks/${ids.join(',')}`, { method: 'DELETE' })).statusCode, 200)
  for (const id of ids) t.match(await statusOf(depot, id), { state: 'canceled' })
})

t.test('a completed task stays completed when it is canceled', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { taskid } = await depot.export({ fixids: [UEFI] })
  for (const [url, payload] of [
    ['/tasks', { action: 'cancel', list: [taskid] }],
    [`/jobs/${taskid}`, { cancelRequest: true }]
  ] as const) {
    t.equal((await depot.call(url, { method: 'PUT', payload })).statusCode, 200)
    t.match(await statusOf(depot, taskid), { state: 'complete' })
  }
})

for (const location of ['tasks', 'jobs']) {
  t.test(`DELETE /${location} forgets a task that has ended, and neither its archive nor its number`, async (t) => {
    const depot = await openTestDepot(t, smallRepository())
    const { taskid, name } = await depot.export({ fixids: [UEFI] })
    t.match(await depot.call(`/${location}/${taskid}`, { method: 'DELETE' }), { statusCode: 200, body: '' })
    equalError(t, await depot.call(`/${location}/${taskid}`), {
      status: 404,
      id: 'FQXHMUP9003L',
      text: /^There is no task/
    })
    equalError(t, await depot.call(`/${location}/${taskid}`, { method: 'DELETE' }), {
      status: 400,
      id: 'FQXHMUP9003L',
      text: /^There is no task/
    })
    t.equal((await depot.call(`${FIRMWARE}?key=export&exportRepoFilename=${name}`)).statusCode, 200)
    const next = await depot.export({ fixids: [XCC] })
    t.ok(next.taskid > taskid)
  })
}

t.test('a job is unchanged unless its cancellation is requested', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const id = await startExport(depot, UEFI)
  for (const cancelRequest of ['false', false]) {
    t.equal((await depot.call(`/jobs/${id}`, { method: 'PUT', payload: { cancelRequest } })).statusCode, 200)
    t.match(await statusOf(depot, id), { state: 'created' })
  }
})

t.test('invalid requests are refused, and cancel nothing', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const id = await startExport(depot, UEFI)
  for (const [url, payload] of [
    ['/tasks', { action: 'delete', list: [String(id)] }],
    ['/tasks', { action: 'cancel', list: [] }],
    ['/tasks', { action: 'cancel', list: [`${id}x`] }],
    ['/tasks', { list: [String(id)] }],
    [`/jobs/${id}`, { cancelRequest: 'yes' }],
    [`/jobs/${id}`, {}],
    ['/jobs/x', { cancelRequest: true }],
    ['/jobs/9999999999999999', { cancelRequest: true }]
  ] as const) {
    const response = await depot.call(url, { method: 'PUT', payload })
    t.equal(response.statusCode, 400, `${url} ${JSON.stringify(payload)}`)
  }
  t.equal((await depot.call('/tasks/1,,2', { method: 'DELETE' })).statusCode, 400)
  t.match(await statusOf(depot, id), { state: 'created' })
})

t.test('canceling needs a login', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const id = await startExport(depot, UEFI)
  for (const [method, url] of [
    ['DELETE', `/tasks/${id}`],
    ['PUT', '/tasks'],
    ['PUT', `/jobs/${id}`],
    ['DELETE', `/api/v1/exports/${id}`]
  ] as const) {
    t.equal((await depot.app.inject({ method, url, payload: {} })).statusCode, 401, `${method} ${url}`)
  }
  t.match(await statusOf(depot, id), { state: 'created' })
})
