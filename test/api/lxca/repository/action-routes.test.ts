import t from 'tap'
import type { AcceptedTask, ExportRequest, TaskCommands } from '../../../../src/core/export/task-commands.ts'
import { buildTestApp, openTestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { readZip } from '../../../support/api/read-zip.ts'
import { someTask } from '../../../support/api/some-tasks.ts'
import { ABSENT, NIC, PACK, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'
const URLS = [FIRMWARE, `${FIRMWARE}/uxsps`, `${FIRMWARE}/uxsp`]

/** A desk that accepts everything, and remembers what it was asked. */
function recordingCommands() {
  const asked: (ExportRequest | string)[] = []
  const accept = async (request: ExportRequest | string): Promise<AcceptedTask> => {
    asked.push(request)
    return { task: someTask({ id: 41 }), notes: [] }
  }
  const commands: TaskCommands = {
    requestExport: accept,
    requestScan: accept,
    planExport: () => Promise.reject(new Error('not asked for')),
    planDownload: () => Promise.reject(new Error('not asked for')),
    cancelTasks: async () => [],
    deleteTasks: async () => {},
    deletePackages: async () => ({ fixids: [], fileCount: 0, bytes: 0, taskId: 1 })
  }
  return { commands, asked }
}

t.test('an export is accepted with the number of its task, in the body and in the headers', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const [index, url] of URLS.entries()) {
    const id = index + 1
    const request = { method: 'PUT', payload: { fixids: [UEFI] } } as const
    const response = await depot.call(`${url}?action=export&filetypes=all`, request)
    t.equal(response.statusCode, 200, url)
    t.match(response.headers, { location: `/jobs/${id}`, jobids: String(id), 'cache-control': 'no-store' })
    const { messages, ...body } = response.json()
    t.strictSame(body, { result: 'success', taskid: id, jobid: id })
    t.match(messages, [{ id: 'FQXHMUP2500I' }, { id: 'FQXHMUP9101I', text: new RegExp(`Task ${id} was accepted`) }])
    t.match(await depot.tasks.findTask(id), { kind: 'export', state: 'queued', createdBy: 'admin', packagesTotal: 1 })
  }
})

t.test('a scan is accepted with an empty body, and serves all requests while it is queued', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const headers = { 'content-type': 'application/json' }
  for (const [index, url] of URLS.entries()) {
    const ids = [2 * index + 1, 2 * index + 2]
    for (const id of ids) {
      const response = await depot.call(`${url}?action=read`, { method: 'PUT', headers, payload: '' })
      t.equal(response.statusCode, 200)
      t.match(response.json(), { result: 'success', taskid: id, jobid: id }, url)
    }
    await depot.run('scan')
    for (const id of ids) t.match(await depot.tasks.findTask(id), { kind: 'scan', state: 'completed' })
  }
  const jobs = await depot.db.selectFrom('job').select('id').execute()
  t.equal(jobs.length, URLS.length, 'two tasks, one reading')
})

t.test('every spelling of an export means the same', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  const queries = [
    'action=export&filetypes=payloads',
    'action=export&filetype=payload',
    'ACTION=EXPORT&FILETYPES=Payloads',
    'action=Export&fileType=PAYLOAD&filetypes=payloads',
    'filetypes=payloads&action=export&with=all&anything=else'
  ]
  for (const query of queries) {
    for (const name of ['fixids', 'fixIds', 'FIXIDS']) {
      const response = await call(`${FIRMWARE}?${query}`, { method: 'PUT', payload: { [name]: [XCC], mt: ['7X05'] } })
      t.equal(response.statusCode, 200, `${query} with ${name}`)
      t.same(asked.pop(), { selection: { fixids: [XCC], scope: 'payloads' }, requestedBy: 'admin' })
    }
  }
})

t.test('without filetypes an export takes all files', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  await call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids: [XCC] } })
  t.match(asked, [{ selection: { scope: 'all' } }])
})

t.test('an export of all files without fixids is the whole repository', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  for (const payload of ['', '{}', '{"fixids":[]}', 'null']) {
    const response = await call(`${FIRMWARE}?action=export&filetypes=all`, { method: 'PUT', payload })
    t.equal(response.statusCode, 200, payload)
    t.match(asked.pop(), { selection: { fixids: [], scope: 'all' } }, payload)
  }
})

t.test('an export of payloads without fixids is refused', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  for (const payload of ['', '{}', '{"fixids":[]}']) {
    const response = await call(`${FIRMWARE}?action=export&filetypes=payloads`, { method: 'PUT', payload })
    equalError(t, response, { status: 400, id: 'FQXHMUP9002L', text: /fixids is missing or empty/ }, payload)
  }
  t.same(asked, [])
})

t.test('a system pack is exported with its members, and a note names the missing ones', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const url = `${FIRMWARE}/uxsps?action=export&filetypes=all`
  const accepted = (await depot.call(url, { method: 'PUT', payload: { fixids: [PACK] } })).json()
  t.match(
    accepted.messages.map(({ id, text }: { id: string; text: string }) => `${id} ${text}`).join('\n'),
    new RegExp(`FQXHMUP9103F .*, 1 in all: ${ABSENT}`)
  )
  await depot.run('export')
  const { current } = (await depot.call(`${FIRMWARE}/status?taskid=${accepted.taskid}`)).json()
  const download = await depot.call(`${FIRMWARE}?action=export&exportRepoFilename=${current}`)
  const stems = [...(await readZip(download.rawPayload)).keys()].map((name) => name.replace(/\.[a-z]+$/, ''))
  t.same([...new Set(stems)].sort(), [UEFI, XCC, PACK])
})

t.test('a package that is not downloaded is exported with a note that names it', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  const response = await call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids: [NIC] } })
  t.match(response.json().messages[2], { id: 'FQXHMUP9102F', text: new RegExp(NIC) })
})

t.test('all unknown fixids are named, and no task is created', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const fixids = [XCC, 'no_such_one', UEFI, 'nor_this', 'no_such_one', XCC.toUpperCase()]
  const response = await depot.call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids } })
  const text = new RegExp(`: no_such_one, nor_this, ${XCC.toUpperCase()}\\.$`)
  equalError(t, response, { status: 400, id: 'FQXHMUP9004L', text })
  t.equal((await depot.tasks.liveTotals(undefined)).count, 0)
  t.equal(await depot.tasks.findTask(1), undefined)
  t.same(await depot.db.selectFrom('plan').selectAll().execute(), [])
})

t.test('a repeated fixid counts once', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const fixids = Array.from({ length: 1000 }, () => XCC)
  await depot.call(`${FIRMWARE}?action=export`, { method: 'PUT', payload: { fixids } })
  t.match(await depot.tasks.findTask(1), { packagesTotal: 1 })
})

t.test('unknown actions are refused with the supported ones', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  for (const url of URLS) {
    for (const action of ['import', '', 'toString']) {
      const response = await call(`${url}?action=${action}&with=all`, { method: 'PUT', payload: { fixids: [XCC] } })
      const text = new RegExp(
        `^The parameter action has the value "${action.toLowerCase()}"; accepted are export, read, delete, cleanup, refresh, refreshThenAcquire, acquire\\.$`
      )
      equalError(t, response, { status: 400, id: 'FQXHMUP9001L', text }, `${url} ${action}`)
    }
    const response = await call(url, { method: 'PUT', payload: {} })
    equalError(t, response, { status: 400, id: 'FQXHMUP9001L', text: /^The parameter action is missing/ }, url)
  }
  t.same(asked, [])
})

t.test('a parameter that contradicts itself or has an unknown value is refused', async (t) => {
  const { commands, asked } = recordingCommands()
  const { call } = await buildTestApp(t, { commands })
  for (const [query, text] of [
    ['action=export&action=read', /action is given twice, as export and as read/],
    ['action=export&filetypes=all&filetype=payloads', /filetypes is given twice, as all and as payloads/],
    ['action=export&filetypes=images', /filetypes has the value "images"; accepted are all, payloads\./],
    ['action=export&filetypes=', /filetypes has the value ""/]
  ] as const) {
    const response = await call(`${FIRMWARE}?${query}`, { method: 'PUT', payload: { fixids: [XCC] } })
    equalError(t, response, { status: 400, id: 'FQXHMUP9001L', text }, query)
  }
  t.same(asked, [])
})
