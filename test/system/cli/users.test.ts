/** The requests of the commands for users and tokens. The routes have tests of their own. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { runProgram } from '../../support/cli/run-program.ts'
import { makeDepot } from '../../support/depot.ts'

const ANN = { name: 'ann', role: 'exporter', createdAt: '2026-01-05T09:30:00.000Z' }
const TOKEN = { id: '0123456789abcdef', user: 'ann', name: 'mirror', role: 'viewer', expiresAt: null, lastUsedAt: null }

const ANSWERS: Readonly<Record<string, object>> = {
  'GET /api/v1/users': { users: [ANN] },
  'POST /api/v1/users': ANN,
  'PATCH /api/v1/users/ann': ANN,
  'GET /api/v1/tokens': { tokens: [TOKEN] },
  'POST /api/v1/tokens': { ...TOKEN, token: 'the-token' }
}

/** A server that records the requests. */
async function startListener(t: Test) {
  const requests: string[] = []
  const server = http.createServer(async (request, response) => {
    const route = `${request.method} ${request.url}`
    requests.push(`${route} ${await text(request)}`.trim())
    if (request.method === 'DELETE') return response.writeHead(204).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ANSWERS[route]))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const cwd = t.testdir({})
  const environment = { FIXDEPOT_URL: url, FIXDEPOT_TOKEN: 'mine' }
  const run = (args: string, stdin = '') => runProgram(args.split(' '), { cwd, environment, stdin })
  return { requests, run }
}

t.test('users are listed, added, changed and removed', async (t) => {
  const { requests, run } = await startListener(t)
  t.match((await run('user list')).stdout, /^NAME {2}ROLE +CREATED\nann {3}exporter {2}2026-01-05 /)
  t.same(JSON.parse((await run('user list --json')).stdout), [ANN])
  t.match(await run('user add ann --role exporter --new-password-stdin', 'a secret\n'), {
    code: 0,
    stdout: 'The user ann can log in.\n'
  })
  t.match(await run('user passwd ann --new-password-stdin', 'another\n'), { code: 0 })
  t.match(await run('user role ann --role admin --json'), { code: 0, stdout: `${JSON.stringify(ANN)}\n` })
  t.match(await run('user remove a/b'), { code: 0, stdout: 'The user a/b was removed.\n' })
  t.same(requests.slice(2), [
    'POST /api/v1/users {"name":"ann","password":"a secret","role":"exporter"}',
    'PATCH /api/v1/users/ann {"password":"another"}',
    'PATCH /api/v1/users/ann {"role":"admin"}',
    'DELETE /api/v1/users/a%2Fb'
  ])
})

t.test('tokens are listed, created and revoked; standard output has only the new token', async (t) => {
  const { requests, run } = await startListener(t)
  t.match((await run('token list')).stdout, /^ID +USER +NAME +ROLE +EXPIRES +LAST USED\n0123456789abcdef +ann +mirror/)
  t.match(await run('token add mirror --role viewer --expires-in 90d'), { code: 0, stdout: 'the-token\n' })
  t.match(await run('token revoke 0123456789abcdef'), { code: 0 })
  t.same(requests.slice(1), [
    'POST /api/v1/tokens {"name":"mirror","role":"viewer","expiresIn":"90d"}',
    'DELETE /api/v1/tokens/0123456789abcdef'
  ])
})

t.test('a missing password and an unknown role are refused before any request', async (t) => {
  const { requests, run } = await startListener(t)
  const cases = [
    'user add ann',
    'user add ann --role king',
    'token add x',
    'user role ann',
    'user add ann --role admin --new-password-stdin --password-stdin'
  ]
  for (const args of cases) t.match(await run(args), { code: 2 }, args)
  t.match(await run('user passwd ann --new-password-stdin', '\n'), { code: 2, stderr: /first line of standard input/ })
  t.match(await run('user passwd ann'), { code: 3, stderr: /no terminal/ })
  t.same(requests, [])
})

t.test('with --local users are changed in the data directory, without a server and a password', async (t) => {
  const { databaseFile, root, repositoryDirectory } = await makeDepot(t)
  const settings = { FIXDEPOT_DATA_DIR: root, FIXDEPOT_REPOSITORY_DIR: repositoryDirectory }
  const run = (args: string, stdin = '') => runProgram(args.split(' '), { cwd: root, environment: settings, stdin })
  t.equal(path.dirname(databaseFile), root)
  t.match(await run('user add ann --role admin --local --new-password-stdin', 'a long secret\n'), {
    code: 0,
    stdout: 'The user ann can log in.\n'
  })
  t.match(JSON.parse((await run('user list --local --json')).stdout), [{ name: 'ann', role: 'admin' }])
  t.match(await run('user role ann --role viewer --local'), { code: 1, stderr: /^fixdepot: The user ann is the only/ })
  t.match(await run('user list --local --url http://127.0.0.1:1'), { code: 2, stderr: /cannot be used with/ })
})
