import t from 'tap'
import { basic, buildTestApp, PASSWORD, USER } from '../../support/api/app.ts'
import { equalError, equalStatusError } from '../../support/api/error-body.ts'
import { loginsOf } from '../../support/api/logins.ts'

const ROUTES = [
  '/updateRepositories/firmware',
  '/updateRepositories/firmware/uxsps',
  '/updateRepositories/firmware/uxsp'
]
const REFUSED = { status: 401, id: 'FQXHMSE9001L', text: /^The (user name or the password|token) is / }

t.test('without a login every route is refused, with the authentication scheme', async (t) => {
  const { app } = await buildTestApp(t, {})
  for (const url of ROUTES) {
    for (const method of ['GET', 'PUT'] as const) {
      const response = await app.inject({ method, url: `${url}?action=export` })
      equalError(t, response, REFUSED, `${method} ${url}`)
      t.equal(response.headers['www-authenticate'], 'Basic realm="fixdepot", charset="UTF-8"')
    }
    const head = await app.inject({ method: 'HEAD', url })
    t.equal(head.statusCode, 401)
    t.equal(head.body, '')
  }
  const response = await app.inject('/updateRepositories/firmware/status')
  equalStatusError(t, response, REFUSED)
  t.match(response.headers['www-authenticate'], /^Basic realm=/)
})

t.test('a login that is wrong or malformed is refused', async (t) => {
  const { app } = await buildTestApp(t, {})
  const encode = (text: string) => Buffer.from(text).toString('base64')
  for (const authorization of [
    '',
    'Basic',
    'Basic ',
    'Basic !!!!',
    `Basic ${encode('no colon')}`,
    `Basic ${encode(':')}`,
    `Basic ${encode(`${USER}:`)}`,
    `Basic ${encode(`:${PASSWORD}`)}`,
    `Basic ${encode(`${USER}:${PASSWORD}\u0000`)}`,
    `Basic ${encode(`${USER}:${PASSWORD}`)} more`,
    `Bearer ${encode(`${USER}:${PASSWORD}`)}`,
    `Digest username="${USER}"`,
    `${USER}:${PASSWORD}`,
    basic('root', PASSWORD),
    basic(USER.toUpperCase(), PASSWORD),
    basic(USER, `${PASSWORD} `),
    basic(USER, PASSWORD.toUpperCase()),
    basic(USER, PASSWORD.slice(0, -1)),
    basic(USER, 'x'.repeat(10_000))
  ]) {
    const response = await app.inject({ url: '/updateRepositories/firmware?key=importDir', headers: { authorization } })
    equalError(t, response, REFUSED, authorization.slice(0, 60))
    t.match(response.headers['www-authenticate'], /^Basic realm=/)
    t.notMatch(response.body, PASSWORD)
  }
})

t.test('the right login is accepted, with any characters', async (t) => {
  for (const password of [
    PASSWORD,
    'with:colons::',
    'pässwörd-字-😀',
    ' spaces around ',
    '"quotes" \\ and %41',
    '        '
  ]) {
    const { app } = await buildTestApp(t, { logins: loginsOf('admin', password) })
    const call = (authorization: string) =>
      app.inject({ url: '/updateRepositories/firmware?key=importDir', headers: { authorization } })
    t.equal((await call(basic('admin', password))).statusCode, 200, password)
    t.equal(
      (await call(basic('admin', password).replace('Basic', 'basic'))).statusCode,
      200,
      'the scheme in small letters'
    )
    t.equal((await call(basic('admin', `${password}x`))).statusCode, 401)
  }
})

t.test('the logged-in user is recorded as the creator of the task', async (t) => {
  const asked: string[] = []
  const refuse = async (userName: string): Promise<never> => {
    asked.push(userName)
    throw new Error('enough is known')
  }
  const { app } = await buildTestApp(t, {
    logins: loginsOf('операто́р', PASSWORD),
    commands: {
      requestScan: refuse,
      planExport: () => refuse('nobody'),
      planDownload: () => refuse('nobody'),
      requestExport: ({ requestedBy }) => refuse(requestedBy),
      cancelTasks: async () => [],
      deleteTasks: async () => {},
      deletePackages: async () => ({ fixids: [], fileCount: 0, bytes: 0, taskId: 1 })
    }
  })
  for (const action of ['read', 'export']) {
    const url = `/updateRepositories/firmware?action=${action}`
    await app.inject({ method: 'PUT', url, headers: { authorization: basic('операто́р', PASSWORD) } })
  }
  t.same(asked, ['операто́р', 'операто́р'])
})

t.test('a body is not read before the login is known', async (t) => {
  const { app } = await buildTestApp(t, {})
  const request = { method: 'PUT', url: '/updateRepositories/firmware?action=export', payload: '{ not JSON' } as const
  equalError(t, await app.inject(request), REFUSED)
})
