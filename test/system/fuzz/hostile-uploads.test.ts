/** What attackers send: each of it is refused with a sentence that names the culprit, and leaves nothing behind. */
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { AUTHORIZATION, IMPORT, listen, openTestDepot, type TestDepot } from '../../support/api/app.ts'
import { multipart } from '../../support/api/multipart.ts'
import { classicXml } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'
import { type RawEntry, type RawZipOptions, rawZip, zipOf } from '../../support/raw-zip.ts'

const HONEST: RawEntry[] = Object.entries(packageFiles({ fixid: 'a', payload: 'content' })).map(([name, content]) => ({
  name,
  content
}))

interface HostileArchive {
  readonly entries?: readonly RawEntry[]
  readonly options?: RawZipOptions
  /** Changes the finished archive. */
  readonly change?: (archive: Buffer) => Buffer
  readonly text: RegExp
}

const MIB = 1024 * 1024
const same = (archive: Buffer) => archive
const zeros = Buffer.alloc(100 * MIB)

const ARCHIVES: Readonly<Record<string, HostileArchive>> = {
  'a path out of the archive': {
    entries: [{ name: '../evil.xml', content: 'x' }],
    text: /"\.\.\/evil\.xml" leads out/
  },
  'a path out of the archive, further down': {
    entries: [{ name: 'a/../../evil' }],
    text: /"a\/\.\.\/\.\.\/evil" leads out/
  },
  'an absolute path': { entries: [{ name: '/etc/cron.d/evil' }], text: /"\/etc\/cron\.d\/evil" leads out/ },
  'a drive': { entries: [{ name: 'C:/evil.exe' }], text: /"C:\/evil\.exe" leads out/ },
  'a drive without a slash': { entries: [{ name: 'C:evil.exe' }], text: /"C:evil\.exe" leads out/ },
  backslashes: { entries: [{ name: '..\\evil.exe' }], text: /"\.\.\\\\evil\.exe" leads out/ },
  'a NUL': { entries: [{ name: 'a.xml\0.txt' }], text: /a\.xml\\u0000\.txt" leads out/ },
  'a line break': { entries: [{ name: 'a\n.xml' }], text: /"a\\n\.xml" leads out/ },
  'a name that is no UTF-8': { entries: [{ name: Buffer.from([0x61, 0xff, 0x62]) }], text: /leads out/ },
  'an empty name': { entries: [{ name: '' }], text: /"" leads out/ },
  'a name of two dots': { entries: [{ name: '..' }], text: /"\.\." leads out/ },
  'a name that is too long': { entries: [{ name: 'n'.repeat(300) }], text: /"n+…" has a name that is too long/ },
  'a path that is too deep': {
    entries: [{ name: `${'d/'.repeat(40)}x` }],
    text: /"d\/.*" has a name that is too long/
  },
  'a symbolic link': {
    entries: [{ name: 'link', content: '/etc/passwd', mode: 0o120777 }],
    text: /"link" is a symbolic link/
  },
  'a device': { entries: [{ name: 'null', mode: 0o020666 }], text: /"null" is a symbolic link or another special/ },
  'one name twice': { entries: [{ name: 'a.xml', content: 'other' }], text: /"a\.xml" occurs twice/ },
  'names that differ in case': {
    entries: [{ name: 'A.XML', content: 'other' }],
    text: /"A\.XML" occurs twice, or differs/
  },
  'names that differ in their Unicode form': {
    entries: [{ name: 'e\u0301.xml' }, { name: '\u00e9.xml' }],
    text: /"\u00e9\.xml" occurs twice/
  },
  'a file where another one has a directory': {
    entries: [{ name: 'a.xml/b' }],
    text: /"a\.xml\/b" is in a directory that is a file/
  },
  'a directory where another one is a file': {
    entries: [{ name: 'd/b' }, { name: 'd' }],
    text: /"d" is a file and a directory/
  },
  'a directory with content': { entries: [{ name: 'd/', content: 'x' }], text: /"d\/" is a directory with content/ },
  'an encrypted entry': {
    entries: [{ name: 'b', content: 'x', isDeflated: true, flags: 1 }],
    text: /"b" is encrypted/
  },
  'an unknown method': { entries: [{ name: 'b', content: 'x', method: 12 }], text: /"b" has the unknown method 12/ },
  'a stored entry with two sizes': { entries: [{ name: 'b', content: 'x', size: 5 }], text: /size|two sizes/ },
  'more bytes than are recorded': {
    entries: [{ name: 'b', content: zeros.subarray(0, MIB), isDeflated: true, size: 1000 }],
    text: /"b" has more than the 1000 bytes/
  },
  'fewer bytes than are recorded': {
    entries: [{ name: 'b', content: 'xyz', isDeflated: true, size: 1000 }],
    text: /"b" has 3 bytes, and 1000 are recorded/
  },
  'another CRC-32 than is recorded': {
    entries: [{ name: 'b', content: 'x', crc32: 1 }],
    text: /"b" has another CRC-32/
  },
  'content that is not deflated': {
    entries: [{ name: 'b', content: Buffer.from([0xff, 0xff, 0xff]), method: 8 }],
    text: /"b" is damaged/
  },
  'another name at the content': {
    entries: [{ name: 'b', localName: 'c', content: 'x' }],
    text: /"b" has a different name/
  },
  'two entries with one content': {
    entries: [
      { name: 'b', content: 'x'.repeat(1000) },
      { name: 'c', content: 'x'.repeat(1000), offset: 0 }
    ],
    text: /overlaps/
  },
  'content that reaches into the next entry': {
    entries: [{ name: 'b', content: 'x', size: 50, compressedSize: 50 }, { name: 'c' }],
    text: /"b" overlaps/
  },
  'content that reaches into the directory': {
    entries: [{ name: 'b', content: 'x', size: 40, compressedSize: 40 }],
    text: /"b" overlaps/
  },
  'content behind the end of the file': { entries: [{ name: 'b', offset: 0x7fffffff }], text: /"b" overlaps/ },
  'a bomb': {
    entries: [{ name: 'b', content: zeros, isDeflated: true }],
    text: /"b" would be more than 100 times as large/
  },
  'a bomb in parts': {
    entries: Array.from({ length: 3 }, (_, index) => ({
      name: `b${index}`,
      content: zeros.subarray(0, 30 * MIB),
      isDeflated: true
    })),
    text: /it would be more than 100 times as large/
  },
  'a directory that is cut off': {
    change: (archive) => archive.subarray(0, -30),
    text: /no \.zip, is damaged or was cut off/
  },
  'a directory that is damaged': {
    change(archive) {
      archive.fill(0, archive.readUInt32LE(archive.length - 6), archive.length - 22)
      return archive
    },
    text: /no \.zip, is damaged or was cut off/
  },
  'more entries than there are': { options: { entryCount: 40_000 }, text: /no \.zip, is damaged or was cut off/ },
  'a directory behind the end': {
    options: { directoryOffset: 0x7ffffff0 },
    text: /no \.zip, is damaged or was cut off/
  },
  'no archive at all': { change: () => Buffer.from('MZ this is no zip'), text: /no \.zip, is damaged or was cut off/ },
  nothing: { change: () => Buffer.alloc(0), text: /no \.zip, is damaged or was cut off/ }
}

t.test('hostile archives are refused, under the name of an export and under any other', async (t) => {
  const depot = await openTestDepot(t, {})
  for (const [title, { entries = [], options, change = same, text }] of Object.entries(ARCHIVES)) {
    const archive = change(rawZip([...HONEST, ...entries], options))
    for (const name of ['repository20260102030405.zip', 'updates.zip']) {
      const answer = await depot.import({ [name]: archive })
      t.equal(answer.statusCode, 400, `${title}: ${answer.body}`)
      const [message] = answer.json().messages
      t.match(message, { id: 'FQXHMUP9021L', text: new RegExp(`^The file "${name}" is not accepted: `) }, title)
      t.match(message.text, text, title)
      isUntouched(t, depot, title)
    }
  }
})

t.test('an archive with too many entries is refused before they are read', async (t) => {
  const depot = await openTestDepot(t, {})
  const names = Array.from({ length: 201 }, (_, index) => ({ name: `f${index}` }))
  // The end record has room for 65,535: the true figure stands in the one of ZIP64.
  const archive = rawZip(names, { entryCount: 0xffff })
  const zip64 = Buffer.alloc(56 + 20)
  const end = archive.subarray(-22)
  zip64.writeUInt32LE(0x06064b50, 0)
  zip64.writeBigUInt64LE(44n, 4)
  zip64.writeBigUInt64LE(200_001n, 24)
  zip64.writeBigUInt64LE(200_001n, 32)
  zip64.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40)
  zip64.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48)
  zip64.writeUInt32LE(0x07064b50, 56)
  zip64.writeBigUInt64LE(BigInt(archive.length - 22), 64)
  zip64.writeUInt32LE(1, 72)
  const answer = await depot.import({ 'updates.zip': Buffer.concat([archive.subarray(0, -22), zip64, end]) })
  t.match([answer.statusCode, answer.json().messages], [400, [{ text: /has 200001 entries/ }]])
  isUntouched(t, depot)
})

t.test('a package that is one .zip is checked in the same way', async (t) => {
  const depot = await openTestDepot(t, {})
  const index = { name: 'v_index.json', content: JSON.stringify({ Updates: [], Oem: { Name: 'v' } }) }
  const answer = await depot.import({ 'v.zip': rawZip([index, { name: '../evil' }]) })
  t.match([answer.statusCode, answer.json().messages], [400, [{ text: /"\.\.\/evil" leads out/ }]])
  isUntouched(t, depot)
})

t.test('an archive without space for its unpacked files is refused before it is unpacked', async (t) => {
  const depot = await openTestDepot(t, {})
  const archive = rawZip([...HONEST, { name: 'b', content: 'x', size: 0xfffffff0, compressedSize: 0xfffffff0 }])
  const answer = await depot.import({ 'updates.zip': archive })
  t.equal(answer.statusCode, 400, 'nor can it lie about that')
  isUntouched(t, depot)
})

t.test('hostile metadata is refused by name, alone and in an archive', async (t) => {
  const depot = await openTestDepot(t, {})
  const entity = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
  const external = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
  const metadata: Readonly<Record<string, { xml: string; text: RegExp }>> = {
    'entities that grow': {
      xml: `${entity}<INSTANCE><PROPERTY NAME="fixid"><VALUE>&b;</VALUE></PROPERTY></INSTANCE>`,
      text: /document type/
    },
    'an entity that is a file': { xml: `${external}<INSTANCE>&f;</INSTANCE>`, text: /document type/ },
    'an entity that nobody declares': { xml: '<INSTANCE>&evil;</INSTANCE>', text: /evil|entity/ },
    'elements in elements': { xml: `${'<a>'.repeat(1_000_000)}`, text: /cannot be read/ },
    'elements in elements that end': {
      xml: `${'<a>'.repeat(500_000)}${'</a>'.repeat(500_000)}`,
      text: /cannot be read|not package metadata/
    },
    'more than is read': {
      xml: classicXml({ fixid: 'b', description: 'x'.repeat(9 * MIB) }),
      text: /larger than is accepted/
    },
    'an end in the middle': { xml: classicXml({ fixid: 'b' }).slice(0, -20), text: /cannot be read/ }
  }
  for (const [title, { xml, text }] of Object.entries(metadata)) {
    const plain = await depot.import({ 'b.xml': xml })
    t.match([plain.statusCode, plain.json().messages], [400, [{ text: /^The file "b\.xml" is not accepted/ }]], title)
    t.match(plain.json().messages[0].text, text, title)
    isUntouched(t, depot, title)
    const zipped = await depot.import({ 'updates.zip': zipOf({ 'dir/b.xml': xml }) })
    t.match([zipped.statusCode, zipped.json().messages], [400, [{ text: /dir\/b\.xml|no package in/ }]], title)
    isUntouched(t, depot, title)
  }
})

t.test('metadata that names files outside the repository is refused', async (t) => {
  const depot = await openTestDepot(t, {})
  for (const payload of ['../../etc/passwd', '/etc/passwd', '..\\b.uxz']) {
    const answer = await depot.import({ 'b.xml': classicXml({ fixid: 'b', payload }) })
    t.match(
      [answer.statusCode, answer.json().messages],
      [400, [{ text: /"b\.xml" is not accepted.*outside/ }]],
      payload
    )
    isUntouched(t, depot, payload)
  }
})

t.test('thousands of parts are refused', async (t) => {
  const depot = await openTestDepot(t, {})
  const files = Array.from({ length: 2_500 }, (_, index) => ({ name: `f${index}.txt`, content: 'x' }))
  const fields = files.map(({ name, content }) => ({ field: name, content }))
  for (const [body, text] of [
    [multipart(files), /more than 2000 files/],
    [multipart(fields), /more than 100 fields/]
  ] as const) {
    const answer = await depot.call(IMPORT, { method: 'POST', ...body })
    t.match([answer.statusCode, answer.json().messages], [400, [{ id: 'FQXHMUP9025L', text }]])
    isUntouched(t, depot)
  }
})

t.test('a part with endless headers is refused', async (t) => {
  const depot = await openTestDepot(t, {})
  const head = Buffer.from(`------x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\nX-Long: `)
  const payload = Buffer.concat([head, Buffer.alloc(20 * MIB, 'x')])
  const headers = { 'content-type': 'multipart/form-data; boundary=----x' }
  const answer = await depot.call(IMPORT, { method: 'POST', headers, payload })
  t.equal(answer.statusCode, 400, answer.body)
  isUntouched(t, depot)
})

t.test('a body that never reaches a file is refused, and the connection is closed', async (t) => {
  const depot = await openTestDepot(t, {})
  const url = new URL(await listen(depot.app))
  const piece = Buffer.alloc(MIB, 'preamble ')
  const request = http.request({
    port: url.port,
    path: IMPORT,
    method: 'POST',
    headers: { authorization: AUTHORIZATION, 'content-type': 'multipart/form-data; boundary=----x' }
  })
  request.on('error', () => {})
  let sent = 0
  const write = () => {
    for (let more = true; more && !request.destroyed; sent += piece.length) more = request.write(piece)
  }
  request.on('drain', write)
  write()
  const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve))
  t.equal(response.statusCode, 400)
  t.equal(response.headers.connection, 'close')
  request.destroy()
  t.ok(sent < 200 * MIB, `${sent} bytes were sent before the answer`)
  isUntouched(t, depot)
})

t.test('an upload whose client disconnects leaves nothing', async (t) => {
  const depot = await openTestDepot(t, {})
  await listen(depot.app)
  const ended = Promise.withResolvers<void>()
  const { abandonUpload } = depot.imports
  depot.imports.abandonUpload = (upload) => abandonUpload(upload).finally(ended.resolve)
  const request = http.request({
    port: (depot.app.server.address() as AddressInfo).port,
    path: IMPORT,
    method: 'POST',
    headers: { authorization: AUTHORIZATION, 'content-type': 'multipart/form-data; boundary=----x' }
  })
  request.on('error', () => {})
  request.write('------x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\n')
  request.write(Buffer.alloc(3 * MIB), () => request.destroy())
  await ended.promise
  isUntouched(t, depot)
  t.same((await depot.call('/tasks')).json(), [])
})

/** No file, no directory, no package. */
function isUntouched(t: Test, depot: TestDepot, title = ''): void {
  t.same(fs.readdirSync(depot.repositoryDirectory), [], `${title}: nothing is left`)
}
