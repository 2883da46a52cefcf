import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { IMPORT, openTestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { filesBody, multipart } from '../../../support/api/multipart.ts'
import { classicXml } from '../../../support/depot.ts'
import { type Files, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import { zipOf } from '../../../support/raw-zip.ts'

const A = packageFiles({ fixid: 'a', payload: 'content of a' })
const LISTING = '/updateRepositories/firmware?key=updates'

/** In the order in which they were sent. */
const only = (files: Files, ...names: string[]) => Object.fromEntries(names.map((name) => [name, files[name] ?? '']))

t.test('the files of a package become a package of the repository', async (t) => {
  const depot = await openTestDepot(t, {})
  const answer = await depot.import(A)
  t.equal(answer.statusCode, 200)
  const { jobid, taskIds } = answer.json()
  t.equal(String(jobid), taskIds)
  t.match(answer.json(), { state: 'complete', progress: 100, errorMsg: { messages: [{ id: 'FQXHMUP2500I' }] } })
  t.same(depot.files(), A)
  t.match((await depot.call(LISTING)).json().updates, [{ fixid: 'a', downloaded: true }])
  t.match((await depot.call(`/tasks/${jobid}`)).json(), [{ title: 'Import of firmware', status: 'Complete' }])
})

t.test('parts can have any name, and fields between them are ignored', async (t) => {
  const depot = await openTestDepot(t, {})
  const names = ['upload_file', 'uploadedfile[]', 'uploadedfiles[]', 'x']
  const parts = Object.entries(A).map(([name, content], index) => ({ field: names[index] ?? 'y', name, content }))
  const body = multipart([{ field: 'note', content: 'for the lab' }, ...parts])
  t.equal((await depot.call(IMPORT, { method: 'POST', ...body })).statusCode, 200)
  t.same(depot.files(), A)
})

t.test('files sent one by one are a package when its metadata has arrived, in any order', async (t) => {
  for (const order of [
    ['a.uxz', 'a.chg', 'a.xml', 'a.txt'],
    ['a.xml', 'a.txt', 'a.uxz', 'a.chg'],
    ['a.txt', 'a.chg', 'a.uxz', 'a.xml']
  ]) {
    const depot = await openTestDepot(t, {})
    for (const name of order) {
      const { state, message } = (await depot.import(only(A, name))).json()
      t.equal(state, 'complete')
      const isWaiting = name !== 'a.xml' && order.indexOf(name) < order.indexOf('a.xml')
      t.equal(/wait for the metadata/.test(message), isWaiting, `${name}: ${message}`)
    }
    t.same(depot.files(), A, order.join(' '))
    t.match((await depot.call(LISTING)).json().updates, [{ fixid: 'a', downloaded: true }])
  }
})

t.test('a payload is stored in the directory of its metadata', async (t) => {
  const known = packageFiles({ fixid: 'b' })
  const placed = Object.fromEntries(Object.entries(known).map(([name, content]) => [`7X05/uefi/${name}`, content]))
  const depot = await openTestDepot(t, placed)
  t.match((await depot.call(LISTING)).json().updates, [{ fixid: 'b', downloaded: false }])
  t.equal((await depot.import({ 'b.uxz': 'content' })).statusCode, 200)
  t.same(depot.files(), { ...placed, '7X05/uefi/b.uxz': 'content' })
  t.match((await depot.call(LISTING)).json().updates, [{ fixid: 'b', downloaded: true }])
})

t.test('a request whose task is deleted meanwhile is refused', async (t) => {
  const depot = await openTestDepot(t, {})
  const { finishUpload } = depot.imports
  Object.assign(depot.imports, {
    async finishUpload(upload: Parameters<typeof finishUpload>[0]) {
      const accepted = await finishUpload(upload)
      // Once ends it, twice forgets it.
      for (const _ of [1, 2]) await depot.call(`/tasks/${accepted.task.id}`, { method: 'DELETE' })
      return accepted
    }
  })
  equalError(t, await depot.import(A), {
    status: 409,
    id: 'FQXHMUP9003L',
    text: /^The task 1 was deleted before it ended\.$/
  })
  t.same((await depot.call(LISTING)).json().updates, [])
})

t.test('the same import twice is one package, and changes nothing', async (t) => {
  const depot = await openTestDepot(t, {})
  await depot.import(A)
  const file = path.join(depot.repositoryDirectory, 'a.uxz')
  const before = fs.statSync(file)
  const { state, message } = (await depot.import(A)).json()
  t.match({ state, message }, { state: 'complete', message: /there already: 1/ })
  t.same(depot.files(), A)
  t.match(fs.statSync(file), { ino: before.ino, mtimeMs: before.mtimeMs })
})

t.test('a package in another directory of the repository is not imported again', async (t) => {
  const placed = Object.fromEntries(Object.entries(A).map(([name, content]) => [`mirror/${name}`, content]))
  const depot = await openTestDepot(t, placed)
  t.match((await depot.import(A)).json(), { message: /there already: 1/ })
  t.same(depot.files(), placed)
})

t.test('other content under the same fixid is a conflict that names it, and changes nothing', async (t) => {
  const depot = await openTestDepot(t, A)
  for (const changed of ['a.uxz', 'a.xml', 'a.txt']) {
    const other = { ...A, [changed]: `${A[changed]}\n` }
    const answer = await depot.import({ ...other, ...packageFiles({ fixid: 'new', payload: 'x' }) })
    t.equal(answer.statusCode, 409, changed)
    t.match(answer.json().messages, [{ id: 'FQXHMUP9022L', text: new RegExp(`a \\(${changed}\\)`) }])
    t.same(depot.files(), A)
  }
  t.equal((await depot.call(LISTING)).json().updates.length, 1)
})

t.test('with replace=true the package is replaced, with all its files', async (t) => {
  const depot = await openTestDepot(t, { ...A, ...packageFiles({ fixid: 'other', payload: 'x' }) })
  const newer = packageFiles({ fixid: 'a', version: '1.01', payload: 'new content' })
  delete newer['a.chg']
  for (const query of ['?replace=true', '?Replace']) t.equal((await depot.import(newer, query)).statusCode, 200)
  t.same(depot.files(), { ...newer, ...packageFiles({ fixid: 'other', payload: 'x' }) })
  t.match((await depot.call(`${LISTING}`)).json().updates, [{ fixid: 'a', version: '1.01' }, { fixid: 'other' }])
})

t.test('a package that an export needs is not replaced', async (t) => {
  const depot = await openTestDepot(t, A)
  await depot.call('/updateRepositories/firmware?action=export', { method: 'PUT', payload: { fixids: ['a'] } })
  const answer = await depot.import({ ...A, 'a.uxz': 'other' }, '?replace=true')
  t.equal(answer.statusCode, 409)
  t.match(answer.json().messages, [{ id: 'FQXHMUP9006L', text: /a .*the export of task/ }])
  t.same(depot.files(), A)
  await depot.run('export')
  t.equal((await depot.import({ ...A, 'a.uxz': 'other' }, '?replace=true')).statusCode, 200)
})

t.test(
  'an existing file without a package is a conflict without replace, and one of another package always',
  async (t) => {
    const depot = await openTestDepot(t, { 'a.txt': 'not of a package', ...packageFiles({ fixid: 'b', payload: 'x' }) })
    const unknown = await depot.import(A)
    t.match([unknown.statusCode, unknown.json().messages], [409, [{ text: /a \(a\.txt\)/ }]])
    t.equal((await depot.import(A, '?replace=true')).statusCode, 200)
    const thief = { 'c.xml': classicXml({ fixid: 'c', payload: 'b.uxz' }), 'b.uxz': 'stolen' }
    const answer = await depot.import(thief, '?replace=true')
    t.match([answer.statusCode, answer.json().messages], [409, [{ text: /"b.uxz" belongs to another package/ }]])
    t.equal(depot.files()['b.uxz'], 'x')
  }
)

t.test('a .zip of classic packages is unpacked, with its directories', async (t) => {
  const depot = await openTestDepot(t, {})
  const files = { ...smallRepository(), '7X05/a.xml': A['a.xml'] ?? '', '7X05/a.uxz': 'content of a' }
  const answer = await depot.import({
    'updates.zip': zipOf({ ...files, 'notes/stray.pdf': 'x', '__MACOSX/._a': 'junk' })
  })
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), {
    state: 'complete',
    message: /imported: 6\. .*no package, and are left out: notes\/stray\.pdf/
  })
  t.same(depot.files(), files)
})

t.test('a .zip with the name of its package is unpacked too, also when the package exists', async (t) => {
  const depot = await openTestDepot(t, {})
  const zip = { 'a.zip': zipOf(A) }
  t.equal((await depot.import(zip)).statusCode, 200)
  t.same(depot.files(), A)
  t.match((await depot.import(zip)).json(), { message: /there already: 1/ })
})

t.test('a .zip that is the payload of a package is not unpacked', async (t) => {
  const files = {
    'z.xml': classicXml({ fixid: 'z', payload: 'z.zip', applicableMachineTypes: ['SR650 [7X05]'] }),
    'z.zip': zipOf({ 'image.bin': 'x', 'device.xml': '<device/>' })
  }
  const expected = { 'z.xml': files['z.xml'], 'z.zip': files['z.zip'].toString('latin1') }
  const both = await openTestDepot(t, {})
  t.equal((await both.import(files)).statusCode, 200)
  t.same(both.files(), expected)
  const later = await openTestDepot(t, { 'z.xml': files['z.xml'] })
  t.equal((await later.import({ 'z.zip': files['z.zip'] })).statusCode, 200)
  t.same(later.files(), expected)
})

t.test('an exported archive of payloads completes packages that are not downloaded', async (t) => {
  const depot = await openTestDepot(t, { ...packageFiles({ fixid: 'a' }), ...packageFiles({ fixid: 'b' }) })
  const archive = zipOf({ 'a.uxz': 'content of a', 'b.uxz': 'content of b' })
  t.equal((await depot.import({ 'repository20260102030405.zip': archive })).statusCode, 200)
  t.match((await depot.call(LISTING)).json().updates, [
    { fixid: 'a', downloaded: true },
    { fixid: 'b', downloaded: true }
  ])
})

t.test('a payload that does not match its metadata is refused', async (t) => {
  const depot = await openTestDepot(t, {})
  const promised = { 'p.xml': classicXml({ fixid: 'p', payload: 'p.uxz', payloadSize: '5' }) }
  for (const [content, text] of [
    ['longer', /"p.uxz" is not accepted.* 5 bytes are recorded, 6 are there/],
    ['', /"p.uxz" is not accepted.* has no content/]
  ] as const) {
    const answer = await depot.import({ ...promised, 'p.uxz': content })
    t.match([answer.statusCode, answer.json().messages], [400, [{ id: 'FQXHMUP9021L', text }]])
    t.same(depot.files(), {})
  }
})

t.test('an archive without a package in it is refused', async (t) => {
  const depot = await openTestDepot(t, {})
  for (const name of ['repository20260102030405.zip', 'x.zip']) {
    const answer = await depot.import({ [name]: zipOf({ 'settings.xml': '<settings/>', 'a.bin': 'x' }) })
    t.match([answer.statusCode, answer.json().messages], [400, [{ text: new RegExp(`no package in ${name}`) }]])
    t.same(depot.files(), {})
  }
})

t.test('names that could become other paths are refused by name, and no file is left', async (t) => {
  const depot = await openTestDepot(t, {})
  const long = `${'n'.repeat(300)}.uxz`
  for (const name of [
    '../a.uxz',
    '/etc/a.uxz',
    'dir/a.uxz',
    '..',
    'C:\\a.uxz',
    'C:a.uxz',
    '.hidden',
    'a.uxz.crdownload',
    long
  ]) {
    const answer = await depot.import({ [name]: 'x' })
    t.equal(answer.statusCode, 400, name)
    t.match(answer.json().messages, [{ id: 'FQXHMUP9021L', text: /^The file ".*" is not accepted: / }])
    t.ok(answer.json().messages[0].text.includes(JSON.stringify(name).slice(1, 8)), name)
  }
  const twice = multipart([
    { name: 'a.xml', content: 'x' },
    { name: 'a.xml', content: 'y' }
  ])
  const answer = await depot.call(IMPORT, { method: 'POST', ...twice })
  t.match([answer.statusCode, answer.json().messages], [400, [{ text: /"a.xml" was sent twice/ }]])
  t.same(depot.files(), {})
  t.same(fs.readdirSync(depot.repositoryDirectory), [])
})

t.test('a body of another type is refused with a sentence', async (t) => {
  const depot = await openTestDepot(t, {})
  const byUrl = { files: [{ url: 'http://mirror.example/a.uxz', checksum: 'abc' }] }
  const json = await depot.call(IMPORT, { method: 'POST', payload: byUrl })
  t.match(
    [json.statusCode, json.json().messages],
    [400, [{ id: 'FQXHMUP9024L', text: /mirror.example.*not supported/ }]]
  )
  const whole = filesBody(A)
  for (const [options, text] of [
    [{ payload: {} }, /not multipart/],
    [{ payload: 'text', headers: { 'content-type': 'text/plain' } }, /./],
    [{ ...whole, headers: { 'content-type': 'multipart/form-data' } }, /Boundary/i],
    [{ ...whole, headers: { 'content-type': 'multipart/form-data; boundary=other' } }, /end|no file/i],
    [{ ...whole, payload: whole.payload.subarray(0, -20) }, /end/i],
    [multipart([{ field: 'note', content: 'no file' }]), /no file/],
    [multipart([]), /no file|end/i]
  ] as const) {
    const answer = await depot.call(IMPORT, { method: 'POST', ...options })
    t.equal(answer.statusCode, 400, String(text))
    t.match(answer.json().messages, [{ text }])
    t.same(fs.readdirSync(depot.repositoryDirectory), [])
  }
})

t.test('an upload without enough space is refused', async (t) => {
  const depot = await openTestDepot(t, {}, { freeRepositoryBytes: async () => 500 })
  const answer = await depot.import(A)
  t.match([answer.statusCode, answer.json().messages], [409, [{ id: 'FQXHMUP9023L', text: /500 bytes are free/ }]])
  t.same(fs.readdirSync(depot.repositoryDirectory), [])
})

t.test('an export of everything, imported elsewhere, is the same catalog and the same archive', async (t) => {
  const source = await openTestDepot(t, { ...smallRepository(), ...packageFiles({ fixid: 'sub', payload: 'y' }) })
  const { name } = await source.export()
  const archive = await source.archiveView.read(name)
  const target = await openTestDepot(t, {})
  t.equal((await target.import({ [name]: archive })).statusCode, 200)
  t.same(target.files(), source.files())
  const listing = `${LISTING}&payload`
  t.same((await target.call(listing)).json(), (await source.call(listing)).json())
  const again = await target.export()
  t.same(await target.archiveView.read(again.name), archive)
  t.ok([UEFI, XCC].every((fixid) => `${fixid}.uxz` in target.files()))
})
