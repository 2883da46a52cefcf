/** Downloads of what is not finished or has vanished, and the descriptors that they leave open: none. */
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import t from 'tap'
import { AUTHORIZATION, listen, openTestDepot } from '../../support/api/app.ts'
import { DOWNLOAD, openDownloadDepot } from '../../support/api/download.ts'
import { equalError } from '../../support/api/error-body.ts'
import { connect } from '../../support/api/raw-http.ts'
import { ONLY_DISK } from '../../support/archives.ts'
import { allClosedBelow, openFilesBelow } from '../../support/open-files.ts'
import { packageFiles } from '../../support/packages.ts'
import { until } from '../../support/servers/server.ts'
import { failQueued } from '../../support/worker.ts'

const UNKNOWN = { status: 404, id: 'FQXHMUP9007L', text: /^There is no archive/ }

t.test('an archive cannot be downloaded before its export is completed', ONLY_DISK, async (t) => {
  const depot = await openTestDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await depot.call('/updateRepositories/firmware?action=export', { method: 'PUT' })
  const { current } = (await depot.call('/updateRepositories/firmware/status')).json()
  t.match(current, /^repository\d{14}\.zip$/)
  equalError(t, await depot.call(DOWNLOAD + current), UNKNOWN, 'while it waits')

  for (const name of [current, `${current}.1.part`]) {
    fs.writeFileSync(path.join(depot.archivesDirectory, name), 'half an archive')
    equalError(t, await depot.call(DOWNLOAD + name), UNKNOWN, `${name} is no archive yet`)
  }
  const message = { id: 'FQXHMUP9009L', text: 'It failed.', explanation: '', recovery: '' }
  await failQueued(depot, 'export', message)
  equalError(t, await depot.call(DOWNLOAD + current), UNKNOWN, 'when it has failed')
})

t.test('a removed archive is not found', async (t) => {
  const depot = await openDownloadDepot(t)
  await depot.archiveView.remove(depot.name)
  equalError(t, await depot.get(), { status: 410, id: 'FQXHMUP9015L', text: /has been removed/ })
})

t.test('a connection stays usable after a download', async (t) => {
  const depot = await openDownloadDepot(t)
  const url = await listen(depot.app)
  const connection = await connect(t, url)
  const common = [`Host: ${new URL(url).host}`, `Authorization: ${AUTHORIZATION}`]
  for (const range of [[], ['Range: bytes=5-9'], []]) {
    const answer = await connection.send([`GET ${DOWNLOAD}${depot.name} HTTP/1.1`, ...common, ...range])
    const expected = range.length === 0 ? depot.bytes : depot.bytes.subarray(5, 10)
    t.ok(answer.body.equals(expected))
    t.match(answer.headers, { date: /GMT$/, 'content-length': String(expected.length) })
  }
  const status = await connection.send(['GET /health/live HTTP/1.1', ...common])
  t.equal(status.status, 200)
})

const onlyLinux = { skip: process.platform === 'linux' ? ONLY_DISK.skip : 'needs /proc' }

t.test('answers without a body leave no descriptor open', onlyLinux, async (t) => {
  const depot = await openDownloadDepot(t)
  for (let round = 0; round < 5; round += 1) {
    t.equal((await depot.get({}, 'HEAD')).statusCode, 200)
    t.equal((await depot.get({ 'if-none-match': '*' })).statusCode, 304)
    t.equal((await depot.get({ range: 'bytes=99999999-' })).statusCode, 416)
    t.equal((await depot.get({ range: 'bytes=0-5' }, 'HEAD')).statusCode, 206)
    t.equal((await depot.get()).statusCode, 200)
  }
  t.ok(await allClosedBelow(depot.archivesDirectory))
})

t.test('downloads that are cut leave no descriptor open', onlyLinux, async (t) => {
  const payload = Buffer.alloc(24 * 2 ** 20, 'firmware')
  const depot = await openTestDepot(t, packageFiles({ fixid: 'large', payload }))
  const { name } = await depot.export()
  const root = await listen(depot.app)
  const openArchives = () => openFilesBelow(depot.archivesDirectory)
  const requests = Array.from({ length: 8 }, () =>
    http.get(root + DOWNLOAD + name, { agent: false, headers: { authorization: AUTHORIZATION } })
  )
  const responses = await Promise.all(requests.map((request) => once(request, 'response')))
  await Promise.all(responses.map(([response]) => once(response, 'readable')))
  t.ok(openArchives().length > 0, 'they are open while they are sent')
  for (const request of requests) request.destroy()
  await until('all archives are closed', () => openArchives().length === 0)
  t.same(openArchives(), [])
})
