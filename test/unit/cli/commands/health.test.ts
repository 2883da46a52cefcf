import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { probeHealth } from '../../../../src/cli/commands/health.ts'
import { runProgram } from '../../../support/cli/run-program.ts'

/** A server that answers every probe with this status. */
async function listen(t: Test, status: number): Promise<number> {
  const server = http.createServer((request, response) => response.writeHead(status).end(request.url))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('a server that answers 200 is ready, also one that listens on all addresses', async (t) => {
  const port = await listen(t, 200)
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    t.same(await probeHealth({ host, port, tls: { mode: 'off' } }), { isReady: true, text: '/health/ready' }, host)
  }
})

t.test('a server that answers 503, or not in TLS, is not ready', async (t) => {
  const port = await listen(t, 503)
  const server = { host: '127.0.0.1', port }
  t.same(await probeHealth({ ...server, tls: { mode: 'off' } }), { isReady: false, text: '/health/ready' })
  t.match(await probeHealth({ ...server, tls: { mode: 'self-signed', directory: '', names: [] } }), { isReady: false })
})

t.test('the command ends with exit code 0 or 1', async (t) => {
  const cwd = t.testdir({})
  const health = (port: number | string) =>
    runProgram(['health'], { cwd, environment: { FIXDEPOT_TLS: 'off', FIXDEPOT_PORT: `${port}` } })
  t.same(await health(await listen(t, 200)), { code: 0, stdout: '/health/ready\n', stderr: '' })
  t.same(await health(await listen(t, 503)), { code: 1, stdout: '/health/ready\n', stderr: '' })
  t.match(await health(1), { code: 1, stdout: /ECONNREFUSED/, stderr: '' })
  t.match(await health('x'), { code: 1, stdout: /^The setting FIXDEPOT_PORT must be a port/, stderr: '' })
})
