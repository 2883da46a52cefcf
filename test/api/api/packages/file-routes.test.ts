/** The download of one file of a package. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openTestDepot, type TestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { allClosedBelow } from '../../../support/open-files.ts'
import { type Files, packageFiles } from '../../../support/packages.ts'

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')
const MODIFIED_AT = new Date('2026-03-04T05:06:07.890Z')
const LAST_MODIFIED = 'Wed, 04 Mar 2026 05:06:07 GMT'

const UNKNOWN = { status: 404, id: 'FQXHMUP9029L', text: /^The package fix has no file ".*"\.$/ }
const GONE = { status: 410, id: 'FQXHMUP9030L', text: /^The file dir\/fix\.uxz no longer exists\.$/ }
const CHANGED = { status: 409, id: 'FQXHMUP9031L', text: /^The file dir\/fix\.uxz has changed: .*\.$/ }

interface FileDepot extends TestDepot {
  /** Asks for a file of the package `fix`, by default its payload. */
  get(path?: string, options?: { headers?: Record<string, string>; method?: 'GET' | 'HEAD' }): ReturnType<Get>
  /** The path of the payload. */
  readonly payload: string
}

type Get = () => Promise<LightMyRequestResponse>

const inDirectory = (files: Files) =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [`dir/${name}`, content]))

async function openFileDepot(t: Test, more: Files = {}): Promise<FileDepot> {
  const depot = await openTestDepot(t, { ...inDirectory(packageFiles({ fixid: 'fix', payload: CONTENT })), ...more })
  const payload = path.join(depot.repositoryDirectory, 'dir/fix.uxz')
  fs.utimesSync(payload, MODIFIED_AT, MODIFIED_AT)
  await depot.scan()
  return {
    ...depot,
    payload,
    get: (name = 'dir/fix.uxz', options = {}) =>
      depot.call(`/api/v1/packages/fix/file?path=${encodeURIComponent(name)}`, options)
  }
}

t.test('a file is sent unchanged, and never with a type that a browser would run', async (t) => {
  const depot = await openFileDepot(t)
  const response = await depot.get()
  t.equal(response.statusCode, 200)
  t.ok(response.rawPayload.equals(CONTENT))
  t.match(response.headers, {
    'content-type': 'application/octet-stream',
    'content-length': '1000',
    'content-disposition': 'attachment; filename="fix.uxz"',
    'accept-ranges': 'bytes',
    etag: `"${SHA256}"`,
    'last-modified': LAST_MODIFIED,
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox'
  })
})

t.test('every file that a package lists can be downloaded under its link', async (t) => {
  const depot = await openFileDepot(t)
  const { files } = (await depot.call('/api/v1/packages/fix')).json()
  t.equal(files.length, 4)
  for (const { path: name, sha256, size, href } of files) {
    const response = await depot.call(href)
    t.equal(response.rawPayload.length, size, name)
    t.equal(createHash('sha256').update(response.rawPayload).digest('hex'), sha256, name)
  }
})

t.test('a file has its own name, in any script', async (t) => {
  const fixids = ['Gerät', '字😀', 'the "100%" one', "it's (1)"]
  const depot = await openTestDepot(
    t,
    Object.assign({}, ...fixids.map((fixid) => packageFiles({ fixid, payload: fixid })))
  )
  for (const fixid of fixids) {
    const name = `${fixid}.uxz`
    const { files } = (await depot.call(`/api/v1/packages/${encodeURIComponent(fixid)}`)).json()
    const response = await depot.call(files.find((file: { path: string }) => file.path === name).href)
    t.equal(response.body, fixid)
    const disposition = String(response.headers['content-disposition'])
    const [, plain = '', encoded] =
      /^attachment; filename="([\x20-\x7e]+)"(?:; filename\*=UTF-8''(\S+))?$/.exec(disposition) ?? []
    t.equal(encoded === undefined ? plain : decodeURIComponent(encoded), name)
  }
})

t.test('a part of a file is answered with its bytes', async (t) => {
  const depot = await openFileDepot(t)
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=990-', 990, 999],
    ['bytes=-10', 990, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=990-5000', 990, 999]
  ] as const) {
    const response = await depot.get(undefined, { headers: { range } })
    t.equal(response.statusCode, 206, range)
    t.match(response.headers, {
      'content-range': `bytes ${start}-${end}/1000`,
      'content-length': String(end - start + 1),
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
      etag: `"${SHA256}"`
    })
    t.ok(response.rawPayload.equals(CONTENT.subarray(start, end + 1)), range)
  }
})

t.test('a range beyond the end is refused with the size', async (t) => {
  const depot = await openFileDepot(t)
  for (const range of ['bytes=1000-', 'bytes=5000-6000', 'bytes=-0']) {
    const response = await depot.get(undefined, { headers: { range } })
    equalProblem(t, response, { status: 416, id: 'FQXHMUP9013L', text: /^The file fix\.uxz has 1000 bytes\.$/ }, range)
    t.equal(response.headers['content-range'], 'bytes */1000')
    t.notOk('content-disposition' in response.headers)
  }
})

t.test('a range is only sent if the file has not changed since the client started', async (t) => {
  const depot = await openFileDepot(t)
  const statusOf = async (ifRange: string) => {
    const response = await depot.get(undefined, { headers: { range: 'bytes=10-19', 'if-range': ifRange } })
    return [response.statusCode, response.rawPayload.length]
  }
  t.same(await statusOf(`"${SHA256}"`), [206, 10])
  t.same(await statusOf(LAST_MODIFIED), [206, 10])
  t.same(await statusOf(`"${SHA256.replace(/^./, 'x')}"`), [200, 1000])
  t.same(await statusOf(`W/"${SHA256}"`), [200, 1000])
  t.same(await statusOf('Wed, 04 Mar 2026 05:06:06 GMT'), [200, 1000])
})

t.test('a client that has the file gets 304', async (t) => {
  const depot = await openFileDepot(t)
  for (const headers of [
    { 'if-none-match': `"${SHA256}"` },
    { 'if-none-match': `"other", W/"${SHA256}"` },
    { 'if-none-match': '*' },
    { 'if-modified-since': LAST_MODIFIED }
  ]) {
    const response = await depot.get(undefined, { headers: headers as Record<string, string> })
    t.match(response, { statusCode: 304, body: '', headers: { etag: `"${SHA256}"` } })
  }
  for (const headers of [
    { 'if-none-match': '"other"' },
    { 'if-none-match': '"other"', 'if-modified-since': LAST_MODIFIED },
    { 'if-modified-since': 'Wed, 04 Mar 2026 05:06:06 GMT' }
  ]) {
    t.equal((await depot.get(undefined, { headers: headers as Record<string, string> })).statusCode, 200)
  }
})

t.test('a HEAD request has the headers of the download, and no body', async (t) => {
  const depot = await openFileDepot(t)
  const whole = await depot.get()
  const response = await depot.get(undefined, { method: 'HEAD' })
  t.equal(response.statusCode, 200)
  t.equal(response.rawPayload.length, 0)
  const { date, 'x-request-id': _, ...headers } = whole.headers
  t.match(response.headers, headers)
  const part = await depot.get(undefined, { method: 'HEAD', headers: { range: 'bytes=-10' } })
  t.match(part, { statusCode: 206, body: '', headers: { 'content-length': '10' } })
})

t.test('an empty file is sent empty, also for a range', async (t) => {
  const depot = await openFileDepot(t, { 'dir/fix.chg': '' })
  for (const headers of [{}, { range: 'bytes=0-' }, { range: 'bytes=-5' }, { range: 'bytes=-0' }]) {
    const response = await depot.get('dir/fix.chg', { headers: headers as Record<string, string> })
    t.match(response, { statusCode: 200, body: '', headers: { 'content-length': '0' } })
  }
})

t.test('a path that the package does not list is unknown, wherever it points', async (t) => {
  const depot = await openFileDepot(t, { 'secret.bin': 'secret', ...packageFiles({ fixid: 'other', payload: 'x' }) })
  fs.writeFileSync(path.join(depot.root, 'outside.bin'), 'outside')
  for (const name of [
    'absent.bin',
    'secret.bin',
    'other.uxz',
    'DIR/FIX.UXZ',
    '../outside.bin',
    '../fixdepot.db',
    'dir/../../outside.bin',
    'dir/../dir/fix.uxz',
    './dir/fix.uxz',
    '/dir/fix.uxz',
    'dir//fix.uxz',
    'dir/fix.uxz/',
    'dir/fix.uxz\0',
    'dir/fix.uxz\0.txt',
    '\0',
    '/etc/passwd',
    '//etc/passwd',
    'file:///etc/passwd',
    'C:\\windows\\win.ini',
    'dir\\fix.uxz',
    '..\\outside.bin',
    '%2e%2e/outside.bin',
    '..%2foutside.bin',
    'dir%2ffix.uxz',
    '.',
    '..',
    'dir',
    '\ud83d\ude00',
    'a'.repeat(4_096)
  ]) {
    equalProblem(t, await depot.get(name), UNKNOWN, JSON.stringify(name))
  }
})

t.test('a path in any encoding is compared after one decoding', async (t) => {
  const depot = await openFileDepot(t)
  const statusOf = async (query: string) => (await depot.call(`/api/v1/packages/fix/file?${query}`)).statusCode
  t.equal(await statusOf('path=dir/fix.uxz'), 200)
  t.equal(await statusOf('path=%64ir%2Ffix%2euxz'), 200)
  for (const query of ['path=dir%252ffix.uxz', 'path=%c0%ae%c0%ae%2foutside.bin', 'path=%ff', 'path=%', 'path=+']) {
    t.equal(await statusOf(query), 404, query)
  }
})

t.test('a request without a path, or with an invalid one, is refused', async (t) => {
  const depot = await openFileDepot(t)
  for (const [query, text] of [
    ['', /^The parameter path is missing\.$/],
    ['?path=', /path is empty/],
    [`?path=${'a'.repeat(4_097)}`, /path is .* longer than 4096 characters/],
    ['?path=dir/fix.uxz&path=dir/fix.xml', /path must be a string, and is an array/]
  ] as const) {
    const response = await depot.call(`/api/v1/packages/fix/file${query}`)
    equalProblem(t, response, { status: 400, id: 'FQXHMUP9001L', text }, query.slice(0, 50))
  }
  equalProblem(t, await depot.call('/api/v1/packages/nobody/file?path=dir/fix.uxz'), {
    status: 404,
    id: 'FQXHMUP9020L',
    text: /^There is no package "nobody"\.$/
  })
  equalProblem(t, await depot.app.inject('/api/v1/packages/fix/file?path=dir/fix.uxz'), {
    status: 401,
    id: 'FQXHMSE9001L',
    text: /password/
  })
})

t.test('a removed file answers 410', async (t) => {
  const depot = await openFileDepot(t)
  fs.rmSync(depot.payload)
  equalProblem(t, await depot.get(), GONE)
  equalProblem(t, await depot.get(undefined, { headers: { 'if-none-match': '*' } }), GONE, 'no cache is told otherwise')
  fs.rmSync(path.dirname(depot.payload), { recursive: true })
  equalProblem(t, await depot.get(), GONE, 'with its directory')
  fs.writeFileSync(path.dirname(depot.payload), 'a file')
  equalProblem(t, await depot.get(), GONE, 'a file in the place of its directory')
})

t.test('a changed file is refused until the next scan', async (t) => {
  const depot = await openFileDepot(t)
  fs.appendFileSync(depot.payload, 'more')
  fs.utimesSync(depot.payload, MODIFIED_AT, MODIFIED_AT)
  equalProblem(t, await depot.get(), CHANGED, 'another size')
  fs.writeFileSync(depot.payload, Buffer.alloc(CONTENT.length))
  equalProblem(t, await depot.get(), CHANGED, 'another time')
  await depot.scan()
  t.ok((await depot.get()).rawPayload.equals(Buffer.alloc(CONTENT.length)))
})

t.test('a link, directory or device in the place of a file is not opened', async (t) => {
  const depot = await openFileDepot(t)
  const outside = path.join(depot.root, 'outside.bin')
  fs.writeFileSync(outside, CONTENT)
  fs.utimesSync(outside, MODIFIED_AT, MODIFIED_AT)
  const swaps: Record<string, () => void> = {
    'a link that leads out': () => fs.symlinkSync(outside, depot.payload),
    'a relative link that leads out': () => fs.symlinkSync('../../outside.bin', depot.payload),
    'a link to a device': () => fs.symlinkSync('/dev/zero', depot.payload),
    'a link to itself': () => fs.symlinkSync('fix.uxz', depot.payload),
    'a directory': () => fs.mkdirSync(depot.payload),
    'a FIFO': () => execFileSync('mkfifo', [depot.payload])
  }
  for (const [name, swap] of Object.entries(swaps)) {
    fs.rmSync(depot.payload, { recursive: true })
    swap()
    const response = await depot.get()
    equalProblem(t, response, CHANGED, name)
    t.notMatch(response.body, depot.root, name)
  }
  const directory = path.dirname(depot.payload)
  fs.renameSync(directory, path.join(depot.root, 'elsewhere'))
  fs.rmSync(path.join(depot.root, 'elsewhere/fix.uxz'))
  fs.renameSync(outside, path.join(depot.root, 'elsewhere/fix.uxz'))
  fs.symlinkSync(path.join(depot.root, 'elsewhere'), directory)
  equalProblem(t, await depot.get(), CHANGED, 'a directory that is a link now')
})

t.test('a link in the catalog is followed inside the repository', async (t) => {
  const depot = await openFileDepot(t)
  fs.renameSync(depot.payload, path.join(depot.repositoryDirectory, 'real.bin'))
  fs.symlinkSync('../real.bin', depot.payload)
  await depot.scan()
  const response = await depot.get()
  t.ok(response.rawPayload.equals(CONTENT))
  t.match(response.headers['content-disposition'], 'filename="fix.uxz"')
})

t.test('a missing repository is reported as unavailable, not its files as removed', async (t) => {
  const depot = await openFileDepot(t)
  fs.renameSync(depot.repositoryDirectory, path.join(depot.root, 'unmounted'))
  const response = await depot.get()
  const text = /^The repository directory cannot be read: ENOENT\.$/
  equalProblem(t, response, { status: 503, id: 'FQXHMUP9012L', text })
  t.match(response.headers, { 'retry-after': /^\d+$/ })
})

t.test('no answer leaves a file open', { skip: process.platform === 'linux' ? false : 'needs /proc' }, async (t) => {
  const depot = await openFileDepot(t)
  await depot.get()
  await depot.get(undefined, { method: 'HEAD' })
  await depot.get(undefined, { headers: { 'if-none-match': '*' } })
  await depot.get(undefined, { headers: { range: 'bytes=5000-' } })
  fs.appendFileSync(depot.payload, 'more')
  await depot.get()
  t.ok(await allClosedBelow(depot.repositoryDirectory))
})
