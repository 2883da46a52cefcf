import t from 'tap'
import { taskFailed } from '../../../../src/core/problems/message.ts'
import { buildTestApp, openTestDepot } from '../../../support/api/app.ts'
import { equalStatusError } from '../../../support/api/error-body.ts'
import { readerOf, someTask } from '../../../support/api/some-tasks.ts'
import { smallRepository, XCC } from '../../../support/packages.ts'

const STATUS = '/updateRepositories/firmware/status'
const EXPORT = '/updateRepositories/firmware?action=export&filetypes=all'

t.test('without running tasks the answer about all of them is one complete object', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  for (const query of ['', '?taskid=0', '?taskid=000', '?tasktype=EXPORTREPOSITORY&taskid=0']) {
    const response = await call(STATUS + query)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.match(response.json(), { progress: 100, state: 'complete', taskIds: '', current: '', updates: [] }, query)
  }
})

t.test('an export is followed from its acceptance to its archive', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { taskid } = (await depot.call(EXPORT, { method: 'PUT', payload: { fixids: [XCC] } })).json()
  const status = async (query: string) => (await depot.call(STATUS + query)).json()

  const waiting = await status(`?taskid=${taskid}`)
  t.match(waiting, { progress: 0, state: 'created', taskIds: String(taskid), downloadednum: 0, downloadedsize: 0 })
  t.match(waiting.current, /^repository\d{14}\.zip$/)
  t.ok(waiting.totalsize > 0)
  t.match(await status('?taskid=0'), { taskIds: String(taskid), current: waiting.current, total: 1 })

  await depot.run('export')
  const done = await status(`?tasktype=EXPORTREPOSITORY&taskid=${taskid}`)
  t.match(done, { progress: 100, state: 'complete', current: waiting.current, downloadednum: 1, total: 1, updates: [] })
  t.equal(done.downloadedsize, waiting.totalsize)
  t.match(await status('?taskid=0'), { taskIds: '', state: 'complete' })
})

t.test('several queued tasks are summed up, of all kinds or of one', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  for (const fixids of [[XCC], []]) await call(EXPORT, { method: 'PUT', payload: { fixids } })
  await call('/updateRepositories/firmware?action=read', { method: 'PUT' })
  const [first, second] = await Promise.all([1, 2].map(async (id) => (await call(`${STATUS}?taskid=${id}`)).json()))
  const all = (await call(STATUS)).json()
  t.match(all, { taskIds: '1,2,3', progress: 0, state: 'created', current: '' })
  t.equal(all.total, first.total + second.total)
  t.equal(all.totalsize, first.totalsize + second.totalsize)
  const { updates, ...own } = first
  t.same(all.updates[0], own, 'a task is listed as it is told alone')
  for (const [type, ids] of [
    ['EXPORTREPOSITORY', '1,2'],
    ['READREPOSITORY', '3'],
    ['ACQUIRECATALOG', ''],
    ['AQUIRECATALOG', ''],
    ['acquirepayload', '']
  ] as const) {
    t.equal((await call(`${STATUS}?tasktype=${type}&taskid=0`)).json().taskIds, ids, type)
  }
})

t.test('the answer keeps the types that clients read, in every state', async (t) => {
  const failure = taskFailed('The disk is full.', 'Make room.')
  const { call } = await buildTestApp(t, {
    tasks: readerOf([
      someTask({ id: 1, state: 'queued' }),
      someTask({ id: 2, state: 'running' }),
      someTask({ id: 3, state: 'completed' }),
      someTask({ id: 4, state: 'failed', messages: [failure] }),
      someTask({ id: 5, state: 'canceled' })
    ])
  })
  const bodies = await Promise.all([1, 2, 3, 4, 5].map(async (id) => (await call(`${STATUS}?taskid=${id}`)).json()))
  t.strictSame(
    bodies.map(({ state, progress, status, taskIds }) => [state, progress, status, taskIds]),
    [
      ['created', 0, 'Pending', '1'],
      ['running', 50, 'Running', '2'],
      ['complete', 100, 'Complete', '3'],
      ['error', 100, 'Failed', '4'],
      ['canceled', 100, 'Cancelled', '5']
    ]
  )
  t.match(bodies[3].errorMsg, {
    result: 'failure',
    messages: [{ id: 'FQXHMUP9009L', text: 'The disk is full.', recovery: { text: 'Make room.', URL: '' } }]
  })
  t.equal(bodies[3].current, '')
})

t.test('every spelling of the parameters means the same', async (t) => {
  const { call } = await buildTestApp(t, { tasks: readerOf([someTask()]) })
  const expected = (await call(`${STATUS}?taskid=12`)).json()
  t.equal(expected.taskIds, '12')
  for (const query of [
    'taskType=EXPORTREPOSITORY&taskid=12',
    'tasktype=EXPORTREPOSITORY&taskid=12',
    'TASKTYPE=exportrepository&TASKID=12',
    'tasktype=ExportRepository&taskIds=12',
    'taskids=12',
    'taskId=12',
    'taskid=0012',
    'taskid=12&taskids=12',
    'taskid=12&unknown=1&foo[]=2&tasktype=READREPOSITORY',
    'taskid=12&__proto__=1&constructor=2&toString=3&toString=4&__defineGetter__=5&hasOwnProperty=6'
  ]) {
    const response = await call(`${STATUS}?${query}`)
    t.equal(response.statusCode, 200, query)
    t.same(response.json(), expected, query)
  }
  t.same((await call(`${STATUS}/?taskid=12`)).json(), expected, 'a slash at the end')
})

t.test('an unknown task is refused in the form of the status call', async (t) => {
  const { call } = await buildTestApp(t, { tasks: readerOf([someTask()]) })
  for (const taskid of ['99', '2147483648', '9007199254740993', '9'.repeat(400)]) {
    const expected = { status: 400, id: 'FQXHMUP9003L', text: new RegExp(`^There is no task ${taskid.slice(0, 50)}`) }
    equalStatusError(t, await call(`${STATUS}?taskid=${taskid}`), expected, taskid.slice(0, 20))
  }
})

t.test('an invalid task id is refused with the parameter and the value', async (t) => {
  const { call } = await buildTestApp(t, { tasks: readerOf([someTask()]) })
  const text = /^The parameter taskid has the value ".*"; it must be 0 or the id of a task/
  for (const taskid of ['-1', '1.5', '1e3', 'abc', '', '%20', '0x1', '12;drop', '١٢', '%00', 'null', '12,13']) {
    const url = `${STATUS}?taskid=${encodeURI(decodeURIComponent(taskid))}`
    equalStatusError(t, await call(url), { status: 400, id: 'FQXHMUP9001L', text }, JSON.stringify(taskid))
  }
  equalStatusError(t, await call(`${STATUS}?taskid=%zz`), { status: 400, id: 'FQXHMUP9001L', text }, 'undecodable')
})

t.test('two different task ids are refused', async (t) => {
  const { call } = await buildTestApp(t, { tasks: readerOf([someTask()]) })
  for (const query of ['taskid=12&taskid=13', 'taskid=12&taskIds=13']) {
    const expected = {
      status: 400,
      id: 'FQXHMUP9001L',
      text: /^The parameter taskid is given twice, as 12 and as 13\.$/
    }
    equalStatusError(t, await call(`${STATUS}?${query}`), expected, query)
  }
})

t.test('an unknown kind of task is refused with the accepted ones', async (t) => {
  const { call } = await buildTestApp(t, { tasks: readerOf([]) })
  for (const type of ['IMPORT', 'constructor', '', '*']) {
    const expected = {
      status: 400,
      id: 'FQXHMUP9001L',
      text: /^The parameter taskType has the value .*EXPORTREPOSITORY/
    }
    equalStatusError(t, await call(`${STATUS}?tasktype=${type}&taskid=0`), expected, type)
  }
})

t.test('a request without a login is refused in the form of the status call', async (t) => {
  const { app } = await buildTestApp(t, { tasks: readerOf([]) })
  const expected = { status: 401, id: 'FQXHMSE9001L', text: /missing or wrong/ }
  equalStatusError(t, await app.inject(`${STATUS}?taskid=1`), expected)
})

t.test('only the first hundred tasks are listed, and all are counted', async (t) => {
  const tasks = Array.from({ length: 250 }, (_, index) => someTask({ id: index + 1 }))
  const { call } = await buildTestApp(t, { tasks: readerOf(tasks) })
  const body = (await call(`${STATUS}?taskid=0`)).json()
  t.equal(body.updates.length, 100)
  t.equal(body.total, 750)
})
