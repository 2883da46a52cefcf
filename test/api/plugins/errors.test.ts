import t from 'tap'
import { Problem } from '../../../src/core/problems/problem.ts'
import { buildTestApp } from '../../support/api/app.ts'
import { equalError, equalStatusError } from '../../support/api/error-body.ts'
import { readerOf } from '../../support/api/some-tasks.ts'

const FIRMWARE = '/updateRepositories/firmware'
const INTERNAL = { status: 500, id: 'FQXHMUP9500L', text: /^The request failed because of an internal error\.$/ }

t.test('a path or method that the server does not have is refused', async (t) => {
  const { app, call } = await buildTestApp(t, {})
  for (const [method, url] of [
    ['GET', '/updateRepositories'],
    ['GET', '/updaterepositories/firmware'],
    ['GET', `${FIRMWARE}/nothing?key=secret`],
    ['GET', '/../etc/passwd'],
    ['GET', '/%2e%2e/etc/passwd'],
    ['POST', FIRMWARE],
    ['DELETE', FIRMWARE],
    ['PATCH', `${FIRMWARE}/status`],
    ['PUT', '/health/live'],
    ['GET', '/%00']
  ] as const) {
    const body = equalError(
      t,
      await call(url, { method }),
      { status: 404, id: 'FQXHMUP9010L', text: /^There is no / },
      url
    )
    t.notMatch(JSON.stringify(body), /secret/)
  }
  equalError(t, await app.inject('/nothing'), {
    status: 404,
    id: 'FQXHMUP9010L',
    text: /^There is no GET \/nothing\.$/
  })
})

t.test('a URL that cannot be decoded is refused', async (t) => {
  const { call } = await buildTestApp(t, {})
  for (const url of ['/updateRepositories/%zz', '/%', '/updateRepositories/firmware%ff', '/%c0%ae%c0%ae/']) {
    equalError(t, await call(url), { status: 400, id: 'FQXHMUP9001L', text: /^The URL is not valid\.$/ }, url)
  }
})

t.test('an internal error shows only the id of the request', async (t) => {
  const secret = 'SQLITE_ERROR in /var/lib/fixdepot/fixdepot.db'
  const fail = async (): Promise<never> => {
    throw Object.assign(new Error(secret), { code: 'SQLITE_ERROR', path: '/var/lib' })
  }
  const { call } = await buildTestApp(t, {
    space: fail,
    commands: {
      requestExport: fail,
      planExport: fail,
      planDownload: fail,
      requestScan: fail,
      cancelTasks: fail,
      deleteTasks: fail,
      deletePackages: fail
    },
    tasks: {
      findTask: fail,
      async *taskPages() {},
      taskPage: fail,
      endedTasks: fail,
      lastEndNumber: fail,
      liveTasks: fail,
      liveTotals: fail
    },
    archives: {
      open: fail,
      openStreamed: () => {
        throw new Error(secret)
      }
    },
    health: fail
  })
  for (const [method, url] of [
    ['GET', `${FIRMWARE}?key=size`],
    ['PUT', `${FIRMWARE}?action=export`],
    ['PUT', `${FIRMWARE}/uxsps?action=read`],
    ['GET', `${FIRMWARE}?key=export&exportRepoFilename=a.zip`],
    ['GET', '/health/ready']
  ] as const) {
    const response = await call(url, { method })
    equalError(t, response, INTERNAL, url)
    t.match(response.json().messages[0].explanation, /request id [0-9a-f]{12}-\w+\.$/)
    t.notMatch(response.body, /SQLITE|var|Error|\.ts/)
  }
  equalStatusError(t, await call(`${FIRMWARE}/status?taskid=1`), INTERNAL, 'status')
})

t.test('requests have unique ids', async (t) => {
  const { call } = await buildTestApp(t, {})
  const explanations = new Set<string>()
  for (let round = 0; round < 3; round += 1) {
    explanations.add((await call(`${FIRMWARE}?key=size`)).json().messages[0].explanation)
  }
  t.equal(explanations.size, 3)
})

t.test('a thrown value that is not an Error is an internal error too', async (t) => {
  for (const thrown of ['a text', { statusCode: 200 }, 5]) {
    const { call } = await buildTestApp(t, {
      space: async () => {
        throw thrown
      }
    })
    const response = await call(`${FIRMWARE}?key=size`)
    equalError(t, response, INTERNAL, JSON.stringify(thrown) ?? 'undefined')
  }
})

t.test('every kind of problem has its status', async (t) => {
  for (const [code, status, id] of [
    ['PARAMETER_INVALID', 400, 'FQXHMUP9001L'],
    ['FIXID_UNKNOWN', 400, 'FQXHMUP9004L'],
    ['ARCHIVE_UNKNOWN', 404, 'FQXHMUP9007L'],
    ['NOT_AUTHENTICATED', 401, 'FQXHMSE9001L'],
    ['ARCHIVE_GONE', 410, 'FQXHMUP9015L'],
    ['WORKER_UNAVAILABLE', 503, 'FQXHMUP9011L']
  ] as const) {
    const { call } = await buildTestApp(t, {
      space: async () => {
        throw new Problem(code, 'The reason.')
      }
    })
    equalError(t, await call(`${FIRMWARE}?key=size`), { status, id, text: /^The reason\.$/ }, code)
  }
})

t.test('a transient error of the database answers 503, with a sentence and no details', async (t) => {
  for (const [code, text] of [
    ['SQLITE_BUSY', 'The database is busy.'],
    ['SQLITE_FULL', 'There is no space left for the database.'],
    ['SQLITE_READONLY_DBMOVED', 'The database cannot be written.'],
    ['SQLITE_IOERR_WRITE', 'The disk of the database does not answer as it should.'],
    ['SQLITE_CORRUPT', 'The database is damaged.']
  ] as const) {
    const findTask = async (): Promise<never> => {
      throw Object.assign(new Error(`${code} in /var/lib/fixdepot/fixdepot.db`), { code })
    }
    const { call } = await buildTestApp(t, { tasks: { ...readerOf([]), findTask } })
    const response = await call(`${FIRMWARE}/status?taskid=1`)
    t.match(response, { statusCode: 503, headers: { 'retry-after': '5' } }, code)
    t.match(response.json().messages, [{ id: 'FQXHMUP9016L', text }])
    t.notMatch(response.body, 'var')
  }
})
