import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createIncomingDirectory } from '../../../../src/storage/disk/incoming-directory.ts'
import { createImportCommands } from '../../../../src/worker/commands/import-commands.ts'
import { ANNOUNCEMENT_TTL_MS } from '../../../../src/worker/import/remove-leftovers.ts'
import { IMPORT, openTestDepot, USER } from '../../../support/api/app.ts'
import { filesBody } from '../../../support/api/multipart.ts'
import { packageFiles } from '../../../support/packages.ts'

const A = packageFiles({ fixid: 'a', payload: 'content of a' })
const VALIDATE = `${IMPORT}/validate`
const announced = (files: Record<string, string | Buffer> = A) =>
  Object.entries(files).map(([name, content], index) => ({ index, name, size: content.length, type: 'text/plain' }))
const post = (payload: object | unknown[]) => ({ method: 'POST' as const, payload })
const status = (taskid: number) => `/updateRepositories/firmware/status?taskid=${taskid}`

t.test('files are announced in all forms that clients use, under both names of the call', async (t) => {
  const depot = await openTestDepot(t, {})
  const file = { index: 0, name: 'repo.zip', type: 'application/x-zip-compressed', size: 123 }
  const forms = [
    { files: [file] },
    { file: [file] },
    { file },
    [file],
    file,
    { ...file, size: '123', index: '0' },
    { Files: [file] }
  ]
  for (const url of [VALIDATE, `${IMPORT}/validation`]) {
    for (const form of forms) {
      const answer = await depot.call(url, post(form))
      t.equal(answer.statusCode, 200, JSON.stringify(form))
      const body = answer.json()
      t.match(body, { state: 'created', progress: 0, totalsize: 123, downloadedsize: 0, current: '' })
      t.equal(String(body.jobid), body.taskIds)
      t.match((await depot.call(`/jobs/${body.jobid}`)).json(), { status: { state: 'Pending' } })
    }
  }
})

t.test('a file that cannot be imported is refused by name', async (t) => {
  const depot = await openTestDepot(t, {})
  const file = { name: 'a.xml', size: 1 }
  for (const [body, text] of [
    [{}, /files is missing/],
    [[], /files/],
    [{ files: [{ size: 1 }] }, /name is missing/],
    [{ files: [{ name: 'a.xml' }] }, /size is missing/],
    [{ files: [{ ...file, size: -1 }] }, /size/],
    [{ files: [{ ...file, size: 1.5 }] }, /size/],
    [{ files: [{ ...file, name: '../a.xml' }] }, /"\.\.\/a\.xml" is not accepted/],
    [{ files: [{ ...file, name: '' }] }, /has no name/],
    [{ files: [file, file] }, /"a.xml" is announced twice/],
    [{ files: [{ ...file, type: 'image/png' }] }, /"a.xml" has the type "image\/png"/]
  ] as const) {
    const answer = await depot.call(VALIDATE, post(body as object))
    t.match([answer.statusCode, answer.json().messages], [400, [{ text }]], JSON.stringify(body))
  }
  t.same(fs.readdirSync(depot.repositoryDirectory), [])
  t.same((await depot.call('/tasks')).json(), [])
})

t.test('the job starts when all its files have arrived, in one request or in several', async (t) => {
  const depot = await openTestDepot(t, {})
  const { jobid } = (await depot.call(VALIDATE, post({ files: announced() }))).json()
  const send = (names: string[]) =>
    depot.import(Object.fromEntries(names.map((name) => [name, A[name] ?? ''])), `?jobid=${jobid}`)
  const first = (await send(['a.uxz', 'a.txt'])).json()
  t.match(first, { jobid, state: 'created', progress: 0 })
  t.match((await send(['a.txt'])).json(), { state: 'created' }, 'a file may be sent again')
  t.notOk(fs.existsSync(path.join(depot.repositoryDirectory, 'a.uxz')))
  t.match((await send(['a.xml', 'a.chg'])).json(), { jobid, state: 'complete', progress: 100 })
  t.same(depot.files(), A)
  const late = await send(['a.txt'])
  t.match([late.statusCode, late.json().messages], [409, [{ id: 'FQXHMUP9026L', text: /does not wait for files/ }]])
})

t.test('a job accepts only the announced files, and only from the user who announced them', async (t) => {
  const depot = await openTestDepot(t, {})
  const { jobid } = (await depot.call(VALIDATE, post({ files: announced() }))).json()
  const unannounced = await depot.import({ 'b.xml': 'x' }, `?jobid=${jobid}`)
  t.match([unannounced.statusCode, unannounced.json().messages], [409, [{ text: /"b.xml" was not announced/ }]])
  const { db, repositoryDirectory, userLimits } = depot
  const options = {
    db,
    owner: 'another server',
    freeRepositoryBytes: async () => 1e9,
    userLimits,
    now: () => new Date()
  }
  const commands = createImportCommands({ ...options, incoming: createIncomingDirectory(repositoryDirectory) })
  await t.rejects(commands.beginUpload({ size: 1, taskId: jobid, requestedBy: 'another' }), {
    code: 'IMPORT_JOB_UNUSABLE',
    message: /another user's/
  })
  await t.resolves(commands.beginUpload({ size: 1, taskId: jobid, requestedBy: USER }))
  const unknown = await depot.import(A, '?jobid=999')
  t.match([unknown.statusCode, unknown.json().messages], [409, [{ text: /999/ }]])
})

t.test('announced space is reserved until the job expires, and then its task has failed', async (t) => {
  let now = new Date('2026-03-04T05:06:07Z')
  const depot = await openTestDepot(t, {}, { freeRepositoryBytes: async () => 1_000, now: () => now })
  const big = { files: [{ name: 'a.zip', size: 900 }] }
  const { jobid } = (await depot.call(VALIDATE, post(big))).json()
  const second = await depot.call(VALIDATE, post(big))
  t.match(
    [second.statusCode, second.json().messages],
    [
      409,
      [{ id: 'FQXHMUP9023L', text: 'The files have 900 bytes; 1000 bytes are free, and 900 of them are reserved.' }]
    ]
  )
  t.equal((await depot.call(IMPORT, { method: 'POST', ...filesBody(A) })).statusCode, 409)
  now = new Date(now.getTime() + ANNOUNCEMENT_TTL_MS)
  const late = await depot.import({ 'a.zip': 'x' }, `?jobid=${jobid}`)
  t.match([late.statusCode, late.json().messages], [409, [{ text: /waited too long/ }]])
  t.equal((await depot.call(VALIDATE, post(big))).statusCode, 200)
  await depot.imports.sweepImports()
  t.match((await depot.call(status(jobid))).json(), { state: 'error', message: /not been sent in time/ })
  t.equal(fs.readdirSync(path.join(depot.repositoryDirectory, '.fixdepot-incoming')).length, 1)
})

t.test('an announced import can be canceled, and releases its space', async (t) => {
  const depot = await openTestDepot(t, {}, { freeRepositoryBytes: async () => 1_000 })
  const { jobid } = (await depot.call(VALIDATE, post({ name: 'a.zip', size: 900 }))).json()
  t.equal((await depot.call(`/tasks/${jobid}`, { method: 'DELETE' })).statusCode, 200)
  t.match((await depot.call(status(jobid))).json(), { state: 'canceled' })
  t.equal((await depot.call(VALIDATE, post({ name: 'a.zip', size: 900 }))).statusCode, 200)
  await depot.imports.sweepImports()
  t.equal(fs.readdirSync(path.join(depot.repositoryDirectory, '.fixdepot-incoming')).length, 1)
})
