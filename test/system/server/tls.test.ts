/** The real server over TLS. */
import { once } from 'node:events'
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import t from 'tap'
import { basic } from '../../support/api/app.ts'
import { smallRepository } from '../../support/packages.ts'
import { makeCertificate } from '../../support/servers/certificates.ts'
import { ADMIN_PASSWORD, makeDirectories, type ServerOptions, spawnServer } from '../../support/servers/server.ts'

interface Answer {
  readonly status: number | undefined
  readonly cookies: readonly string[]
  readonly json: Record<string, unknown>
}

async function call(url: string, options: https.RequestOptions, body = ''): Promise<Answer> {
  const request = https.request(url, { agent: false, ...options })
  request.end(body)
  const [response] = await once(request, 'response')
  const text = (await response.setEncoding('utf8').toArray()).join('')
  return { status: response.statusCode, cookies: response.headers['set-cookie'] ?? [], json: JSON.parse(text) }
}

const LIST = '/updateRepositories/firmware?key=updates'
const headers = { authorization: basic('admin', ADMIN_PASSWORD) }

function withTls(options: ServerOptions, settings: ServerOptions['settings']): ServerOptions {
  return { ...options, settings: { FIXDEPOT_TLS: undefined, ...settings } }
}

t.test('without settings the server creates a certificate and keeps it, and sessions survive a restart', async (t) => {
  const directories = makeDirectories(t, smallRepository())
  const first = spawnServer(t, withTls(directories, {}))
  const url = await first.listening
  t.match(url, /^https:/)
  const ca = fs.readFileSync(path.join(directories.dataDirectory, 'tls/certificate.pem'), 'utf8')
  t.equal((await call(url + LIST, { ca, headers })).status, 200)
  const credentials = JSON.stringify({ UserId: 'admin', password: ADMIN_PASSWORD })
  const login = await call(`${url}/sessions`, { ca, method: 'POST' }, credentials)
  t.equal(login.status, 200)
  t.ok(login.cookies.length > 0 && login.cookies.every((cookie) => /; Secure/.test(cookie)))
  const plain = await fetch(url.replace('https:', 'http:'))
  t.match([plain.status, await plain.text()], [400, /speaks HTTPS/])
  first.child.kill('SIGTERM')
  t.match(await first.ended, { code: 0 })

  const again = await spawnServer(t, withTls(directories, {})).listening
  const cookie = login.cookies.map((text) => text.split(';', 1)[0]).join('; ')
  t.equal((await call(again + LIST, { ca, headers: { cookie } })).status, 200, 'the same certificate, the same session')
})

t.test('the server uses the certificate of the operator', async (t) => {
  const directories = makeDirectories(t, smallRepository())
  const { cert, key } = await makeCertificate()
  const files = {
    FIXDEPOT_TLS_CERT: `${directories.dataDirectory}.cert`,
    FIXDEPOT_TLS_KEY: `${directories.dataDirectory}.key`
  }
  fs.writeFileSync(files.FIXDEPOT_TLS_CERT, cert)
  fs.writeFileSync(files.FIXDEPOT_TLS_KEY, key)
  const url = await spawnServer(t, withTls(directories, { FIXDEPOT_TLS: 'files', ...files })).listening
  t.equal((await call(url + LIST, { ca: cert, headers })).status, 200)
  t.notOk(fs.existsSync(path.join(directories.dataDirectory, 'tls')))
})

t.test(
  'a certificate that cannot be used, and plain HTTP for other machines, are refused with a sentence',
  async (t) => {
    const directories = makeDirectories(t, smallRepository())
    const cases: [settings: Record<string, string>, sentence: RegExp][] = [
      [{ FIXDEPOT_TLS: 'files' }, /FIXDEPOT_TLS_CERT and FIXDEPOT_TLS_KEY must both be set/],
      [
        { FIXDEPOT_TLS: 'files', FIXDEPOT_TLS_CERT: '/nowhere/cert.pem', FIXDEPOT_TLS_KEY: '/nowhere/key.pem' },
        /FIXDEPOT_TLS_CERT and FIXDEPOT_TLS_KEY cannot be used: ENOENT/
      ],
      [{ FIXDEPOT_TLS: 'off', FIXDEPOT_HOST: '0.0.0.0' }, /set FIXDEPOT_ALLOW_PLAIN_HTTP=yes/]
    ]
    for (const [settings, sentence] of cases) {
      const server = spawnServer(t, withTls(directories, settings))
      t.match(await server.ended, { code: 1 })
      t.match(server.stderr(), sentence)
    }
  }
)

t.test('a certificate that cannot be saved ends the start with a sentence and no stack', async (t) => {
  const directories = makeDirectories(t, smallRepository())
  fs.writeFileSync(path.join(directories.dataDirectory, 'tls'), 'a file where the directory should be')
  const server = spawnServer(t, withTls(directories, {}))
  t.match(await server.ended, { code: 1 })
  t.match(server.stderr(), /^The certificate cannot be kept in .*EEXIST/)
})
