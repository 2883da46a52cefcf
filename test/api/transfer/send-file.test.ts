import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { DOWNLOAD, openDownloadDepot } from '../../support/api/download.ts'
import { equalError } from '../../support/api/error-body.ts'
import { readZip } from '../../support/api/read-zip.ts'
import { ONLY_DISK } from '../../support/archives.ts'
import { XCC } from '../../support/packages.ts'

const depot = await openDownloadDepot(t)
const { bytes, name } = depot
const size = bytes.length
const whole = await depot.get()
const { etag = '', 'last-modified': lastModified = '' } = whole.headers as Record<string, string>

t.test('a download has the bytes of the archive, with their length and type', async (t) => {
  t.equal(whole.statusCode, 200)
  t.ok(whole.rawPayload.equals(bytes))
  t.match(whole.headers, {
    'content-type': 'application/zip',
    'content-length': String(size),
    'content-disposition': `attachment; filename="${name}"`,
    'accept-ranges': 'bytes',
    etag: /^"[0-9a-f]{64}"$/,
    'last-modified': ONLY_DISK.skip
      ? / GMT$/
      : fs.statSync(path.join(depot.archivesDirectory, name)).mtime.toUTCString()
  })
  t.notOk('transfer-encoding' in whole.headers)
  const files = await readZip(whole.rawPayload)
  t.same([...files.keys()].sort(), fs.readdirSync(depot.repositoryDirectory).sort())
  for (const [file, content] of files) {
    t.ok(content.equals(fs.readFileSync(path.join(depot.repositoryDirectory, file))), file)
  }
})

t.test('every spelling of a download gives the same bytes', async (t) => {
  const url = '/updateRepositories/firmware'
  for (const query of [
    `?action=export&exportRepoFilename=${name}`,
    `?KEY=EXPORT&exportrepofilename=${name}`,
    `?action=Export&EXPORTREPOFILENAME=${name}&filetypes=all`,
    `?key=export&action=export&exportRepoFilename=${name}`,
    `/uxsps?key=export&exportRepoFilename=${name}`,
    `/uxsp?action=export&exportRepoFilename=${encodeURIComponent(name)}`
  ]) {
    const response = await depot.call(url + query)
    t.equal(response.statusCode, 200, query)
    t.ok(response.rawPayload.equals(bytes), query)
  }
})

t.test('equal exports have the same archive and tag, and others have another', async (t) => {
  const again = await depot.export()
  t.equal(again.name, name)
  t.equal((await depot.call(DOWNLOAD + again.name)).headers.etag, etag)
  const other = await depot.export({ fixids: [XCC] })
  t.not((await depot.call(DOWNLOAD + other.name)).headers.etag, etag)
})

t.test('a range is answered with its bytes', async (t) => {
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=100-199', 100, 199],
    ['bytes=10-', 10, size - 1],
    ['bytes=0-', 0, size - 1],
    ['bytes=-22', size - 22, size - 1],
    [`bytes=-${size}`, 0, size - 1],
    [`bytes=${size - 1}-`, size - 1, size - 1],
    [`bytes=5-${size + 1000}`, 5, size - 1],
    ['bytes=5-9007199254740993', 5, size - 1],
    ['bytes= 3-7', 3, 7],
    ['bytes=3-4,5-7', 3, 7],
    [`bytes=3-4,${size}-`, 3, 4]
  ] as const) {
    const response = await depot.get({ range })
    t.equal(response.statusCode, 206, range)
    t.match(response.headers, {
      'content-range': `bytes ${start}-${end}/${size}`,
      'content-length': String(end - start + 1),
      'content-type': 'application/zip',
      etag
    })
    t.ok(response.rawPayload.equals(bytes.subarray(start, end + 1)), range)
  }
})

t.test('a suffix longer than the file is the whole file', async (t) => {
  // RFC 9110, 14.1.2: "if the selected representation is shorter than the specified suffix-length, the entire one is
  // used".
  const response = await depot.get({ range: `bytes=-${size + 1}` })
  t.equal(response.statusCode, 206)
  t.equal(response.headers['content-range'], `bytes 0-${size - 1}/${size}`)
})

t.test('a range beyond the end is refused with the size', async (t) => {
  for (const range of [`bytes=${size}-`, `bytes=${size}-${size + 5}`, 'bytes=9007199254740993-', 'bytes=-0']) {
    const response = await depot.get({ range })
    t.equal(response.statusCode, 416, range)
    t.equal(response.headers['content-range'], `bytes */${size}`, range)
    t.match(response.json(), {
      result: 'failed',
      messages: [{ id: 'FQXHMUP9013L', text: new RegExp(`${size} bytes`) }]
    })
  }
})

t.test('several ranges and invalid ranges get the whole archive', async (t) => {
  for (const range of ['bytes=0-1,10-11', 'bytes=0-0,-1', 'bytes', 'bytes=', 'bytes=a-b', 'bytes=1', 'bytes=--5']) {
    const response = await depot.get({ range })
    t.equal(response.statusCode, 200, range)
    t.notOk('content-range' in response.headers, range)
    t.ok(response.rawPayload.equals(bytes), range)
  }
  t.equal((await depot.get({ range: 'items=0-5' })).statusCode, 200, 'another unit')
  t.equal((await depot.get({ range: `bytes=${'0-0,9-9,'.repeat(500)}1-1` })).statusCode, 200, 'very many ranges')
})

t.test('a range is only sent if the archive is the one that the client started with', async (t) => {
  const range = 'bytes=10-19'
  t.equal((await depot.get({ range, 'if-range': etag })).statusCode, 206)
  t.equal((await depot.get({ range, 'if-range': lastModified })).statusCode, 206)
  for (const ifRange of [
    '"another"',
    `W/${etag}`,
    etag.replaceAll('"', ''),
    new Date(Date.parse(lastModified) - 1000).toUTCString(),
    'not a date'
  ]) {
    const response = await depot.get({ range, 'if-range': ifRange })
    t.equal(response.statusCode, 200, ifRange)
    t.equal(response.rawPayload.length, size, ifRange)
  }
})

t.test('a client that has the archive gets 304', async (t) => {
  const earlier = new Date(Date.parse(lastModified) - 1000).toUTCString()
  for (const headers of [
    { 'if-none-match': etag },
    { 'if-none-match': `W/${etag}` },
    { 'if-none-match': `"another", ${etag}` },
    { 'if-none-match': '*' },
    { 'if-modified-since': lastModified },
    { 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() },
    { 'if-none-match': etag, 'if-modified-since': earlier },
    { 'if-none-match': etag, range: 'bytes=0-5' }
  ]) {
    const response = await depot.get(headers as Record<string, string>)
    t.equal(response.statusCode, 304, JSON.stringify(headers))
    t.equal(response.body, '')
    t.equal(response.headers.etag, etag)
  }
  for (const headers of [
    { 'if-none-match': '"another"' },
    { 'if-none-match': '"another"', 'if-modified-since': lastModified },
    { 'if-modified-since': earlier },
    { 'if-modified-since': 'yesterday' }
  ]) {
    t.equal((await depot.get(headers as Record<string, string>)).statusCode, 200, JSON.stringify(headers))
  }
})

t.test('a HEAD request has the headers of the download, and no body', async (t) => {
  const response = await depot.get({}, 'HEAD')
  t.equal(response.statusCode, 200)
  t.equal(response.rawPayload.length, 0)
  for (const header of [
    'content-length',
    'content-type',
    'content-disposition',
    'accept-ranges',
    'etag',
    'last-modified'
  ]) {
    t.equal(response.headers[header], whole.headers[header], header)
  }
})

t.test('an unknown archive is refused', async (t) => {
  for (const missing of ['repository20000101000000.zip', `${name}.zip`, `x${name}`, name.toUpperCase(), 'é字😀']) {
    const response = await depot.call(DOWNLOAD + encodeURIComponent(missing))
    equalError(t, response, { status: 404, id: 'FQXHMUP9007L', text: /^There is no archive ".*"\.$/ }, missing)
    t.notOk('content-disposition' in response.headers)
  }
  const long = await depot.call(DOWNLOAD + 'n'.repeat(5000))
  equalError(t, long, { status: 404, id: 'FQXHMUP9007L', text: /^There is no archive "n{255}"\.$/ }, 'a long name')
})

t.test('a download without a name is refused', async (t) => {
  for (const query of ['?key=export', '?action=export', '?key=export&exportRepoFilename=', '/uxsps?key=export']) {
    const expected = { status: 400, id: 'FQXHMUP9001L', text: /exportRepoFilename is missing/ }
    equalError(t, await depot.call(`/updateRepositories/firmware${query}`), expected, query)
  }
  const twice = await depot.call(`${DOWNLOAD}a.zip&exportRepoFilename=b.zip`)
  equalError(t, twice, { status: 400, id: 'FQXHMUP9001L', text: /is given twice, as a\.zip and as b\.zip/ })
})

t.test('a name with a path is not found', async (t) => {
  const encoded = [
    '../fixdepot.db',
    '..%2ffixdepot.db',
    '..%252ffixdepot.db',
    '%2e%2e%2ffixdepot.db',
    `../archives/${name}`,
    `./${name}`,
    `${name}%00`,
    `%00${name}`,
    `${name}%00.zip`,
    `..%5c${name}`,
    '%2fetc%2fpasswd',
    '.',
    '..',
    '%c0%ae%c0%ae%2ffixdepot.db'
  ]
  for (const hostile of encoded) {
    const response = await depot.call(DOWNLOAD + hostile)
    equalError(t, response, { status: 404, id: 'FQXHMUP9007L', text: /^There is no archive/ }, hostile)
    t.notMatch(response.body, depot.archivesDirectory, hostile)
  }
})
