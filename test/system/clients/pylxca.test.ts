/** The requests of pylxca 4.2.0 about the repository, on one connection, and what its filters show of the answers. */
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen, PASSWORD, USER } from '../../support/api/app.ts'
import { connect } from '../../support/api/raw-http.ts'
import { openTlsDepot } from '../../support/api/tls-depot.ts'
import { NIC, smallRepository, XCC } from '../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'

/** What goes with every request. */
const headersFor = (url: string) => [
  `Host: ${new URL(url).host}`,
  'User-Agent: LXCA via Python Client / 4.2.0',
  'Accept-Encoding: gzip, deflate',
  'Accept: */*',
  'Connection: keep-alive',
  // Also with those that have no body.
  'content-type: application/json; charset=utf-8'
]

async function startPython(t: Test) {
  const depot = await openTlsDepot(t, smallRepository())
  const url = await listen(depot.app)
  const connection = await connect(t, url)
  const headers = headersFor(url)
  const login = `Authorization: ${AUTHORIZATION}`
  return {
    depot,
    async get(query: string) {
      const answer = await connection.send([`GET ${FIRMWARE}${query} HTTP/1.1`, ...headers, login])
      return { ...answer, json: JSON.parse(answer.body.toString()) }
    },
    async put(query: string, payload: object) {
      const body = JSON.stringify(payload)
      const lines = [`PUT ${FIRMWARE}${query} HTTP/1.1`, ...headers, `Content-Length: ${body.length}`, login]
      const answer = await connection.send(lines, body)
      return { ...answer, json: JSON.parse(answer.body.toString()) }
    }
  }
}

t.test('lists can be requested one after the other on the same connection', async (t) => {
  const { get } = await startPython(t)
  const { json: all, status } = await get('?key=updates')
  t.equal(status, 200)
  t.equal(all.updates.length, 4)
  t.equal((await get('?key=updates&mt=7X01&with=latest')).json.updates.length, 2)
  const machines = (await get('?key=supportedMts')).json.supportedMts
  for (const machine of machines) {
    for (const shown of ['category', 'comp', 'displayType', 'name', 'supportDownload', 'type']) {
      t.type(machine[shown], 'string', shown)
    }
  }
  const { size } = (await get('?key=size')).json
  for (const shown of ['allotment', 'freeSpace', 'usedSpace']) t.ok(Number.isInteger(size[shown]), shown)
  for (const key of ['importDir', 'lastRefreshed']) t.type((await get(`?key=${key}`)).json[key], 'string')
  t.same((await get('?key=publicKeys')).json.publicKeys, [])
  t.match((await get('?key=updatesByMtByComp')).json.updatesByMtByComp, { parameter: 'MTS' })
})

t.test('a list by machine type has the members that are shown', async (t) => {
  const { get } = await startPython(t)
  const { updatesByMt } = (await get('?key=updatesByMt&mt=7X01&with=all')).json
  t.match(updatesByMt, {
    progress: 100,
    state: 'complete',
    updates: [
      {
        mt: '7X01',
        updates: [
          { buildNumber: '', comp: 'Network', fixid: NIC },
          { buildNumber: 'CDI340V', comp: 'XCC', fixid: XCC }
        ]
      }
    ]
  })
})

t.test('reading the repository gives the result, a taskid and a jobid', async (t) => {
  const { depot, put, get } = await startPython(t)
  const { status, headers, json } = await put('?action=read', {})
  t.equal(status, 200)
  t.match(json, { result: 'success', taskid: 1, jobid: 1 })
  t.match(headers, { location: '/jobs/1', jobids: '1', 'content-type': /^application\/json/ })
  await depot.run('scan')
  t.match((await get('/status?taskid=1')).json, { state: 'complete', progress: 100 })
})

t.test('actions that need an upstream are an error to the client, and the connection stays usable', async (t) => {
  const { put, get } = await startPython(t)
  for (const [query, payload] of [
    ['?action=refresh&with=latest', { mt: ['7X05'], os: '', type: 'catalog' }],
    ['?action=acquire&with=payloads', { fixids: ['a'], mt: ['7X05'], type: 'latest' }]
  ] as const) {
    const { status, json } = await put(query, payload)
    t.equal(status, 409)
    t.match(json, { result: 'failed', messages: [{ text: /no upstream/ }] })
  }
  t.equal((await get('?key=updates')).status, 200)
})

t.test('the client deletes payloads, and then the whole package', async (t) => {
  const { put, get } = await startPython(t)
  for (const filetypes of ['payloads', 'all']) {
    const { status, json } = await put(`?action=delete&filetypes=${filetypes}`, { fixids: [XCC] })
    t.equal(status, 200)
    t.match(json, { result: 'success', taskid: Number, jobid: json.taskid })
  }
  t.equal((await get('?key=updates')).json.updates.length, 3)
})

/** Its own session: it keeps the cookies, and repeats the one called csrf in a header. */
async function startSession(t: Test) {
  const depot = await openTlsDepot(t, smallRepository())
  const url = await listen(depot.app)
  const connection = await connect(t, url)
  const common = headersFor(url)
  const body = JSON.stringify({ UserId: USER, password: PASSWORD })
  const login = ['POST /sessions HTTP/1.1', ...common, `Referer: ${url}/sessions`, `Content-Length: ${body.length}`]
  const answer = await connection.send(login, body)
  const cookies = answer.cookies.map((cookie) => cookie.split(';', 1)[0] ?? '')
  const csrf = cookies.find((cookie) => cookie.startsWith('csrf='))?.slice('csrf='.length) ?? ''
  const headers = [...common, `Cookie: ${cookies.join('; ')}`, `x-csrf-token: ${csrf}`]
  return {
    depot,
    status: answer.status,
    csrf,
    async call(line: string, payload?: object) {
      const text = payload === undefined ? '' : JSON.stringify(payload)
      const length = line.startsWith('GET') ? [] : [`Content-Length: ${text.length}`]
      const { status, body } = await connection.send([`${line} HTTP/1.1`, ...headers, ...length], text)
      return { status, text: body.toString(), json: () => JSON.parse(body.toString()) }
    }
  }
}

t.test('the client logs in, tests the login, lists, scans, lists jobs, cancels one and logs out', async (t) => {
  const { depot, status, csrf, call } = await startSession(t)
  t.equal(status, 200)
  t.ok(csrf)
  t.match((await call('GET /aicc')).json(), { appliance: { status: 'Normal' } })
  t.equal((await call(`GET ${FIRMWARE}?key=updates`)).json().updates.length, 4)
  const { jobid } = (await call(`PUT ${FIRMWARE}?action=read`, {})).json()
  t.match((await call(`GET /tasks/${jobid}`)).json(), [{ jobUID: String(jobid), complete: false, children: [] }])
  t.match((await call('GET /tasks')).json(), [{ jobUID: String(jobid) }])
  t.notOk('children' in (await call('GET /tasks?compact=true')).json()[0])
  t.match(await call('PUT /tasks', { action: 'cancel', list: [String(jobid)] }), { status: 200, text: '' })
  t.match((await call(`GET /tasks/${jobid}`)).json(), [{ status: 'Cancelled', complete: true }])
  t.equal((await call(`DELETE /tasks/${jobid}`)).status, 200)
  t.same((await call('GET /tasks')).json(), [])
  t.match((await call('DELETE /sessions')).json(), { result: 'success' })
  t.equal((await call('GET /aicc')).status, 401)
  t.equal((await depot.tasks.liveTotals(undefined)).count, 0)
})
