/** The proxy of `deploy/cluster` in front of real servers that share a database. */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { basic } from '../../support/api/app.ts'
import { readEvents } from '../../support/api/read-events.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeCertificate } from '../../support/servers/certificates.ts'
import { freePort, type Nginx, startNginx, withoutNginx } from '../../support/servers/nginx.ts'
import { createEmptyDatabase, whyNoPostgres } from '../../support/servers/postgres.ts'
import { ADMIN_PASSWORD, makeDirectories, startServer, until } from '../../support/servers/server.ts'

const PAYLOAD_BYTES = 5_000_000
const JSON_TYPE = { 'content-type': 'application/json' }

interface Proxy extends Pick<Nginx, 'upstreamPorts'> {
  /** A request over TLS, as the administrator unless the headers say otherwise. */
  ask(method: string, to: string, headers?: Record<string, string>, body?: string): Promise<IncomingMessage>
}

/** @param ports of the servers, which replace the depots that the configuration names */
async function startProxy(t: Test, ports: readonly number[]): Promise<Proxy> {
  const certificate = await makeCertificate()
  const upstreams = Object.fromEntries(ports.map((depot, index) => [`fixdepot-${index + 1}:8443`, depot]))
  const { port, upstreamPorts } = await startNginx(t, { config: 'cluster/nginx.conf', certificate, upstreams })
  const authorization = basic('admin', ADMIN_PASSWORD)
  const ask: Proxy['ask'] = (method, to, headers = { authorization }, body = '') =>
    new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        method,
        path: to,
        headers,
        ca: certificate.cert,
        servername: 'localhost'
      }
      https
        .request({ ...options, agent: false }, resolve)
        .on('error', reject)
        .end(body)
    })
  return { ask, upstreamPorts }
}

t.test(
  'several depots behind the proxy act as one',
  { skip: withoutNginx || (whyNoPostgres() ?? false) },
  async (t) => {
    const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: randomBytes(PAYLOAD_BYTES) }))
    const root = path.dirname(directories.dataDirectory)
    const archives = path.join(root, 'archives')
    fs.mkdirSync(archives)
    const databaseUrl = await createEmptyDatabase(t)
    const settings = { FIXDEPOT_ARCHIVES_URL: pathToFileURL(archives).href, FIXDEPOT_TRUST_PROXY: '127.0.0.1' }
    const start = (name: string) =>
      startServer(t, { ...directories, dataDirectory: path.join(root, name), databaseUrl, settings })
    const [one, two] = [await start('one'), await start('two')]
    const ports = [one, two].map(({ url }) => Number(new URL(url).port))
    const unusedPort = await freePort()
    const proxy = await startProxy(t, [...ports, unusedPort])
    const json = async (...args: Parameters<Proxy['ask']>) => {
      const answer = await proxy.ask(...args)
      const body = await text(answer)
      if (answer.statusCode !== 200) throw new Error(`${args[1]} was answered with ${answer.statusCode}: ${body}`)
      return JSON.parse(body)
    }
    const authorization = basic('admin', ADMIN_PASSWORD)

    await t.test('requests go to all running depots, and a depot that does not listen is skipped', async (t) => {
      for (let count = 0; count < 8; count += 1) await json('GET', '/api/v1/packages')
      await until('all requests are logged', () => proxy.upstreamPorts().length >= 9)
      const upstreams = proxy.upstreamPorts()
      const answered = upstreams.map((addresses) => addresses.at(-1))
      for (const port of ports) t.ok(answered.filter((one) => one === port).length >= 3, `${port} answers its share`)
      t.notOk(answered.includes(unusedPort))
      t.ok(
        upstreams.some(([first]) => first === unusedPort),
        'the port without a server was tried'
      )
    })

    await t.test('a session of one depot is valid at the other', async (t) => {
      const login = await proxy.ask(
        'POST',
        '/sessions',
        JSON_TYPE,
        JSON.stringify({ UserId: 'admin', password: ADMIN_PASSWORD })
      )
      t.equal(login.statusCode, 200)
      await text(login)
      const cookies = login.headers['set-cookie'] ?? []
      t.match(cookies.join(), /; Secure/, 'the depots trust the proxy that the client uses TLS')
      const cookie = cookies.map((one) => one.split(';', 1)[0]).join('; ')
      const before = proxy.upstreamPorts().length
      for (let count = 0; count < 4; count += 1) await json('GET', '/sessions', { cookie })
      await until('all requests are logged', () => proxy.upstreamPorts().length >= before + 4)
      const answered = new Set(
        proxy
          .upstreamPorts()
          .slice(before)
          .map((addresses) => addresses.at(-1))
      )
      t.ok(ports.every((port) => answered.has(port)))
    })

    await t.test('events arrive while their stream is open, and a range of an archive is downloaded', async (t) => {
      const stream = await proxy.ask('GET', '/api/v1/events')
      t.match(stream.headers['content-type'], /^text\/event-stream/)
      const events = readEvents(new Response(Readable.toWeb(stream) as ReadableStream))
      const { taskid } = await json(
        'PUT',
        '/updateRepositories/firmware?action=export',
        { authorization, ...JSON_TYPE },
        '{}'
      )
      for await (const { data } of events) if (data.id === taskid && data.state === 'completed') break
      const url = `/api/v1/exports/${taskid}/archive`
      const whole = await buffer(await proxy.ask('GET', url))
      t.ok(whole.length > PAYLOAD_BYTES)
      const part = await proxy.ask('GET', url, { authorization, range: 'bytes=1000000-3999999' })
      t.equal(part.statusCode, 206)
      t.equal(part.headers['content-range'], `bytes 1000000-3999999/${whole.length}`)
      t.ok((await buffer(part)).equals(whole.subarray(1_000_000, 4_000_000)))
    })

    await t.test('a stopped depot is skipped', async () => {
      await two.stop()
      for (let count = 0; count < 8; count += 1) await json('GET', '/api/v1/packages')
    })
  }
)
