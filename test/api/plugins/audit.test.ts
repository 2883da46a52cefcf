import Database from 'better-sqlite3'
import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import type { AuditEvent, AuditRecord } from '../../../src/core/accounts/audit.ts'
import type { Protection } from '../../../src/core/accounts/protection.ts'
import { verifyChain } from '../../../src/core/accounts/verify-audit-chain.ts'
import { createAuditInspection } from '../../../src/store/accounts/audit-store.ts'
import {
  AUTHORIZATION,
  basic,
  buildTestApp,
  IMPORT,
  openTestDepot,
  PASSWORD,
  type TestDepot,
  USER
} from '../../support/api/app.ts'
import { filesBody } from '../../support/api/multipart.ts'
import { ONLY_SQLITE } from '../../support/engines.ts'
import { packageFiles } from '../../support/packages.ts'
import { until } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
const PROXY = '198.51.100.4'

/** @param protection given for an app of its own: an app counts refusals and downloads that are repeated */
async function openDepot(t: Test, protection?: Partial<Protection>): Promise<TestDepot> {
  const files = {
    ...packageFiles({ fixid: 'pack-a', payload: 'payload of a' }),
    ...packageFiles({ fixid: 'pack-b', payload: 'payload of b' })
  }
  return openTestDepot(t, files, {}, undefined, protection)
}

async function recordsOf({ db }: Pick<TestDepot, 'db'>): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  for await (const record of createAuditInspection(db).records()) records.push(record)
  return records
}

/** Refusals are answered before they are recorded. */
async function waitForRecords(depot: TestDepot, count: number): Promise<AuditRecord[]> {
  await until(`there are ${count} records`, async () => (await recordsOf(depot)).length >= count)
  return recordsOf(depot)
}

async function lastOf(depot: TestDepot): Promise<AuditRecord | undefined> {
  return (await recordsOf(depot)).at(-1)
}

t.test('the record of a change has user, address, action, targets and outcome', async (t) => {
  const depot = await openDepot(t)
  const before = Date.now()
  await depot.call(`${FIRMWARE}?action=export&filetypes=payloads`, {
    method: 'PUT',
    payload: { fixids: ['pack-a', 'pack-b'] },
    remoteAddress: PROXY
  })
  const record = await lastOf(depot)
  t.match(record, {
    number: 1,
    user: USER,
    credential: 'basic',
    address: PROXY,
    requestId: /^[0-9a-f]{12}-\d+$/,
    action: 'changeFirmware:export',
    targets: ['task:1', 'files:payloads', 'fixid:pack-a', 'fixid:pack-b'],
    status: 200,
    problem: '',
    count: 1
  })
  const time = Date.parse(record?.time ?? '')
  t.ok(time >= before && time <= Date.now())
})

t.test('each change has a record with its targets', async (t) => {
  const depot = await openDepot(t)
  const put = (url: string, payload: object): [string, InjectOptions] => [url, { method: 'PUT', payload }]
  const post = (url: string, payload: object): [string, InjectOptions] => [url, { method: 'POST', payload }]
  const announced = { files: [{ name: 'new.xml', size: 5 }] }
  const cases: [[string, InjectOptions], object][] = [
    [put(`${FIRMWARE}?action=read`, {}), { action: 'changeFirmware:read', targets: ['task:1'] }],
    [
      post('/api/v1/exports', { fixids: ['pack-a'], dryRun: true }),
      { action: 'createExport', status: 200, targets: ['fixid:pack-a', 'dryRun:true'] }
    ],
    [
      post('/api/v1/exports', { filter: { machineTypes: ['0000'], latest: true } }),
      { action: 'createExport', status: 400, problem: 'SELECTION_EMPTY', targets: ['machineType:0000', 'latest:true'] }
    ],
    [post('/api/v1/exports', { all: true }), { action: 'createExport', status: 201, targets: ['task:2', 'all:true'] }],
    [['/api/v1/exports/2', { method: 'DELETE' }], { action: 'cancelExport', status: 204, targets: ['task:2'] }],
    [['/api/v1/exports/2', { method: 'DELETE' }], { action: 'cancelExport', status: 409, problem: 'TASK_ENDED' }],
    [put('/tasks', { action: 'cancel', list: ['1', 2] }), { action: 'cancelTasks', targets: ['task:1', 'task:2'] }],
    [put('/jobs/1', { cancelRequest: true }), { action: 'cancelJobs', targets: ['task:1', 'cancel:true'] }],
    [['/tasks/1,2', { method: 'DELETE' }], { action: 'deleteTasks', targets: ['task:1', 'task:2'] }],
    [post(`${IMPORT}/validate`, announced), { action: 'announceImport', targets: [/^task:\d+$/, 'file:new.xml'] }],
    [
      [`${IMPORT}?replace=true`, { method: 'POST', ...filesBody(packageFiles({ fixid: 'pack-c', payload: 'c' })) }],
      { action: 'importFiles', status: 200, targets: [/^task:\d+$/, 'replace:true'] }
    ],
    [
      put(`${FIRMWARE}?action=delete&filetypes=all&dryRun=true`, { fixids: ['pack-b'] }),
      { action: 'changeFirmware:delete', targets: ['files:all', 'dryRun:true', 'fixid:pack-b'] }
    ],
    [
      put(`${FIRMWARE}/uxsps?action=delete&filetypes=all`, { fixids: ['pack-z'] }),
      { action: 'changeSystemPacks:delete', status: 400, problem: 'FIXID_UNKNOWN' }
    ],
    [put(`${FIRMWARE}?action=refresh`, {}), { action: 'changeFirmware:refresh', status: 409 }],
    [put(`${FIRMWARE}?action=explode`, {}), { status: 400, problem: 'PARAMETER_INVALID', targets: [] }],
    [['/sessions', { method: 'DELETE' }], { action: 'logOut', status: 200, targets: [] }],
    [['/sessions/abc.def', { method: 'DELETE' }], { action: 'endSession', status: 404, targets: ['session:abc'] }]
  ]
  for (const [index, [[url, options], expected]] of cases.entries()) {
    await depot.call(url, options)
    t.match(await lastOf(depot), { ...expected, number: index + 1, user: USER }, `${options.method} ${url}`)
  }
})

t.test('requests that only read have no record', async (t) => {
  const depot = await openDepot(t)
  for (const url of [
    FIRMWARE,
    `${FIRMWARE}/status?taskid=0`,
    '/tasks',
    '/sessions',
    '/api/v1/packages',
    '/api/v1/audit'
  ]) {
    t.equal((await depot.call(url)).statusCode, 200, url)
  }
  await depot.app.inject('/health/live')
  t.same(await recordsOf(depot), [])
})

t.test('downloads are recorded before they begin, and their parts once', async (t) => {
  const depot = await openDepot(t, {})
  const { name, taskid } = await depot.export({ fixids: ['pack-a'] })
  const known = (await recordsOf(depot)).length
  const headers = { range: 'bytes=0-9' }
  for (const url of [
    `${FIRMWARE}?key=export&exportRepoFilename=${name}`,
    `/api/v1/exports/${taskid}/archive`,
    '/api/v1/archive?fixids=pack-a,pack-b',
    '/api/v1/packages/pack-b/file?path=pack-b.uxz'
  ]) {
    for (let turn = 0; turn < 3; turn += 1) t.equal((await depot.call(url, { headers })).statusCode, 206, url)
    t.equal((await depot.call(url, { method: 'HEAD' })).statusCode, 200)
  }
  await depot.call('/api/v1/packages/pack-b/file?path=none')
  t.match((await recordsOf(depot)).slice(known), [
    { action: 'listUpdates', targets: [`archive:${name}`], status: 206, user: USER },
    { action: 'downloadArchive', targets: [`task:${taskid}`] },
    { action: 'downloadSelection', targets: ['fixid:pack-a', 'fixid:pack-b'] },
    { action: 'downloadPackageFile', targets: ['fixid:pack-b', 'file:pack-b.uxz'] }
  ])
  t.equal((await recordsOf(depot)).length, known + 4)
  await depot.app.close()
  t.match((await recordsOf(depot)).slice(known + 4), [{ count: 2 }, { count: 2 }, { count: 2 }, { count: 2 }])
})

t.test('logins are recorded, with how they were refused and the names of users, but no other names', async (t) => {
  const depot = await openDepot(t, {})
  const logIn = (UserId: string, password: string) =>
    depot.app.inject({ method: 'POST', url: '/sessions', payload: { UserId, password } })
  t.equal((await logIn(USER, PASSWORD)).statusCode, 200)
  t.match(await lastOf(depot), { action: 'logIn', user: USER, credential: 'password', status: 200, targets: [] })
  await logIn(USER, 'wrong')
  await waitForRecords(depot, 2)
  await logIn('hunter2, typed into the wrong field', 'wrong')
  await waitForRecords(depot, 3)
  await depot.app.inject({ url: '/tasks', headers: { authorization: basic(USER, 'wrong') } })
  await waitForRecords(depot, 4)
  await depot.app.inject({ url: '/tasks', headers: { authorization: basic('hunter2', 'wrong') } })
  t.match((await waitForRecords(depot, 5)).slice(1), [
    { action: 'logIn', user: USER, credential: 'none', status: 403, problem: 'LOGIN_REFUSED' },
    { action: 'logIn', user: '', credential: 'none', status: 403 },
    { action: 'listTasks', user: USER, credential: 'none', status: 401, problem: 'NOT_AUTHENTICATED' },
    { action: 'listTasks', user: '', credential: 'none', status: 401 }
  ])
})

t.test('a flood of refused requests makes few records', async (t) => {
  const depot = await openDepot(t, {})
  for (let index = 0; index < 600; index += 1) {
    await depot.app.inject({
      method: 'PUT',
      url: `${FIRMWARE}?action=export`,
      remoteAddress:
        index < 200 ? `2001:db8::${index.toString(16)}` : `203.${index >> 8}.${index & 255}.${index % 250}`,
      headers: { authorization: basic(`nobody ${index}`, 'x') }
    })
  }
  await depot.app.close()
  const records = await recordsOf(depot)
  t.ok(records.length <= 210, String(records.length))
  t.equal(
    records.reduce((sum, { count }) => sum + count, 0),
    600
  )
  t.match(records.at(-1), { address: 'various', user: '', status: 401 })
})

t.test('an unknown route and an unreadable body are recorded as such', async (t) => {
  const depot = await openDepot(t, {})
  await depot.call('/nowhere?action=secret', { method: 'DELETE' })
  await waitForRecords(depot, 1)
  await depot.call('/api/v1/exports', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    payload: '{"fixids":["pass'
  })
  t.match(await recordsOf(depot), [
    { action: 'unknown', status: 404, problem: 'ROUTE_UNKNOWN', credential: 'none', targets: [] },
    { action: 'createExport', status: 400, problem: 'BODY_INVALID', user: USER, targets: [] }
  ])
})

t.test('no secret gets into the trail, in any part of a request', ONLY_SQLITE, async (t) => {
  const depot = await openDepot(t, {})
  const canary = 'CANARY-4711'
  const login = await depot.app.inject({
    method: 'POST',
    url: '/sessions',
    payload: { UserId: USER, password: PASSWORD, comment: canary }
  })
  const { csrf, id: token } = login.json().response.session
  const cookie = `JSESSIONID=${token}; csrf=${csrf}; other=${canary}`
  const session = { cookie, 'x-csrf-token': csrf }
  const urls = [
    ['PUT', `${FIRMWARE}?action=export&password=${canary}&token=${canary}&comment=${canary}`],
    ['PUT', `${FIRMWARE}?action=${canary}`],
    ['POST', `/api/v1/exports?password=${canary}`],
    ['POST', `${IMPORT}/validate`],
    ['PUT', '/tasks'],
    ['PUT', '/jobs/1'],
    ['DELETE', `/tasks/${canary}`],
    ['DELETE', `/sessions/${token}`],
    ['DELETE', `/nowhere/${canary}`],
    ['GET', `/tasks?password=${canary}`]
  ] as const
  const body = { password: canary, token: canary, UserId: canary, secret: { fixids: [canary] }, [canary]: canary }
  for (const [method, url] of urls) {
    for (const headers of [
      { authorization: basic(USER, canary) },
      { authorization: basic(canary, canary) },
      { authorization: `Bearer ${canary}` },
      { authorization: AUTHORIZATION, cookie, 'x-api-key': canary, 'user-agent': canary },
      session
    ]) {
      await depot.app.inject({ method, url, headers, ...(method === 'GET' ? {} : { payload: body }) })
    }
  }
  for (const payload of [
    { UserId: canary, password: canary },
    { UserId: USER, password: canary },
    { password: canary }
  ]) {
    await depot.app.inject({ method: 'POST', url: '/sessions', payload })
  }
  await depot.app.close()
  const raw = new Database(depot.databaseFile, { readonly: true })
  const rows = JSON.stringify(raw.prepare('select * from audit').all())
  raw.close()
  t.ok((await recordsOf(depot)).length > 20)
  const secret = token.split('.')[1]
  for (const value of [canary, PASSWORD, csrf, secret, AUTHORIZATION.split(' ')[1]])
    t.notOk(rows.includes(value), value)
  t.ok(rows.includes(token.split('.')[0]), 'the name of a session is no secret')
})

t.test('requests in a session are recorded as such', async (t) => {
  const depot = await openDepot(t)
  const login = await depot.app.inject({
    method: 'POST',
    url: '/sessions',
    payload: { UserId: USER, password: PASSWORD }
  })
  const { csrf, id } = login.json().response.session
  await depot.app.inject({
    method: 'PUT',
    url: `${FIRMWARE}?action=read`,
    headers: { cookie: `JSESSIONID=${id}`, 'x-csrf-token': csrf }
  })
  t.match(await lastOf(depot), { user: USER, credential: 'session', action: 'changeFirmware:read' })
})

t.test('the chain stays valid with concurrent requests', async (t) => {
  const depot = await openDepot(t)
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0
        ? depot.call(`${FIRMWARE}?action=read`, { method: 'PUT' })
        : depot.call('/api/v1/exports', { method: 'POST', payload: { fixids: ['pack-a'] } })
    )
  )
  const inspection = createAuditInspection(depot.db)
  t.match(await verifyChain(inspection.records(), { hasHash: inspection.hasHash }), { count: 100, flaw: undefined })
})

t.test('a change that cannot be recorded is not acknowledged, and such a download does not start', async (t) => {
  const failing = async (_event: AuditEvent) => {
    throw new Error('the disk is full')
  }
  const archive = {
    name: 'a.zip',
    size: 5,
    modifiedAt: new Date(0),
    digest: 'd',
    contentType: 'application/zip',
    readInto: async (buffer: Buffer) => buffer.write('bytes'),
    close: async () => {}
  }
  const { app, call } = await buildTestApp(t, {
    sessions: { open: async () => ({ session: SESSION, token: 'x.y', csrf: 'z' }), timeoutMs: 60_000 } as never,
    commands: {
      recordEvent: failing,
      deleteTasks: async () => {},
      requestScan: async () => Promise.reject(new Error('a bug'))
    },
    archives: { open: async () => archive } as never
  })
  const refused = { messages: [{ id: 'FQXHMSE9013L' }] }
  const deleted = await call('/tasks/7', { method: 'DELETE' })
  t.match([deleted.statusCode, deleted.json(), deleted.headers['retry-after']], [503, refused, '5'])
  const login = await app.inject({ method: 'POST', url: '/sessions', payload: { UserId: USER, password: PASSWORD } })
  t.match([login.statusCode, login.headers['set-cookie']], [503, undefined])
  const download = await call(`${FIRMWARE}?key=export&exportRepoFilename=a.zip`)
  t.match([download.statusCode, download.json(), download.headers['content-disposition']], [503, refused, undefined])
  t.equal((await call(`${FIRMWARE}?action=read`, { method: 'PUT' })).statusCode, 500, 'an error stays what it is')
  t.equal((await app.inject({ method: 'DELETE', url: '/tasks/7' })).statusCode, 401)
})

const SESSION = { id: 'x', userName: USER, address: '', createdAt: new Date(), lastUsedAt: new Date() }
