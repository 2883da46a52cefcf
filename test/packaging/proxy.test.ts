import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { makeCertificate } from '../helpers/certificates.ts'
import { until } from '../helpers/server.ts'

const CONFIG = path.join(import.meta.dirname, '../../deploy/proxy/nginx.conf')
const noProxy = spawnSync('nginx', ['-v']).status === 0 ? false : 'there is no nginx here'

/** A port that nobody has, for a program that cannot take any. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

t.test('the proxy passes on what it gets, and says itself whom it is from', { skip: noProxy }, async (t) => {
  const certificate = await makeCertificate()
  const depot = https.createServer(certificate, async (request, response) => {
    const body = await text(request)
    response.end(JSON.stringify({ headers: request.headers, url: request.url, bytes: body.length }))
  })
  await once(depot.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => depot.close())

  const [port, directory] = [await freePort(), t.testdir({ tls: {}, tmp: {} })]
  fs.writeFileSync(path.join(directory, 'tls/certificate.pem'), certificate.cert)
  fs.writeFileSync(path.join(directory, 'tls/key.pem'), certificate.key)
  const config = fs
    .readFileSync(CONFIG, 'utf8')
    .replace('fixdepot:8443', `127.0.0.1:${(depot.address() as AddressInfo).port}`)
    .replace('listen 8443', `listen 127.0.0.1:${port}`)
    // In this order: the directory of the test may itself lie in /tmp.
    .replaceAll('/tmp', path.join(directory, 'tmp'))
    .replaceAll('/etc/nginx/tls', path.join(directory, 'tls'))
  const file = path.join(directory, 'nginx.conf')
  fs.writeFileSync(file, config)
  const proxy = spawn('nginx', ['-c', file, '-e', 'stderr', '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const said = text(proxy.stderr)
  const ended = once(proxy, 'exit')
  t.teardown(async () => {
    proxy.kill('SIGTERM')
    await ended
  })

  function ask(method: string, body: string): Promise<Record<string, unknown> & { headers: Record<string, string> }> {
    const headers = {
      host: 'depot.example:8443',
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      range: 'bytes=1-'
    }
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        method,
        path: '/a%2Fb?c=%C3%A4',
        headers,
        ca: certificate.cert,
        agent: false
      }
      const request = https.request({ ...options, servername: 'localhost' }, (answer) => {
        text(answer).then((json) => resolve(JSON.parse(json)), reject)
      })
      request.on('error', reject).end(body)
    })
  }
  await until('the proxy listens', async () => {
    if (proxy.exitCode !== null) throw new Error(await said)
    return ask('GET', '').then(
      () => true,
      () => false
    )
  })
  const { headers, url, bytes } = await ask('POST', 'x'.repeat(3_000_000))
  t.match(headers, {
    host: 'depot.example:8443',
    range: 'bytes=1-',
    'x-forwarded-for': /^127\.0\.0\.1$/,
    'x-forwarded-proto': 'https'
  })
  t.notOk('forwarded' in headers)
  t.same({ url, bytes }, { url: '/a%2Fb?c=%C3%A4', bytes: 3_000_000 }, 'as it was sent, and of any size')
})
