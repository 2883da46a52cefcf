/** The requests of the Ruby gem xclarity_client 0.6.9, and what its callers read from the answers. */
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen } from '../../support/api/app.ts'
import { connect, type RawAnswer } from '../../support/api/raw-http.ts'
import { readZip } from '../../support/api/read-zip.ts'
import { openTlsDepot } from '../../support/api/tls-depot.ts'
import { type Files, NIC, OLD_UEFI, PACK, smallRepository, UEFI, XCC } from '../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'
const DATE = 'Date: Mon, 05 Jan 2026 09:30:00 GMT'

/** Each request has a connection of its own, as each service object of the gem does. */
async function startRuby(t: Test, files: Files = smallRepository()) {
  const depot = await openTlsDepot(t, files)
  const url = await listen(depot.app)
  const host = `Host: ${new URL(url).host}`
  const agent = 'User-Agent: LXCA via Ruby Client/0.6.9 (ManageIQ/master)'
  const common = [agent, `Authorization: ${AUTHORIZATION}`]
  const send = async (lines: string[], body: string | Buffer = '') => (await connect(t, url)).send(lines, body)
  const sendJson = (method: string, path: string, body: string) => {
    const type = 'Content-Type: application/json'
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    return send([`${method} ${path} HTTP/1.1`, ...common, type, DATE, length, host], body)
  }
  return {
    depot,
    get: (path: string) => send([`GET ${path} HTTP/1.1`, ...common, DATE, host]),
    put: (path: string, body = '') => sendJson('PUT', path, body),
    post: (path: string, body: string) => sendJson('POST', path, body),
    /** One part of the fixed name upload_file, as the gem's multipart library writes it. */
    upload: (path: string, name: string, content: Buffer) => {
      const boundary = '-----------RubyMultipartPost-5b7c2e1d9a'
      const head =
        `--${boundary}\r\nContent-Disposition: form-data; name="upload_file"; filename="${name}"\r\n` +
        `Content-Length: ${content.length}\r\nContent-Type: application/x-zip-compressed\r\n` +
        'Content-Transfer-Encoding: binary\r\n\r\n'
      const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n\r\n`)])
      return send(
        [
          `POST ${path} HTTP/1.1`,
          ...common,
          `Content-Type: multipart/form-data; boundary=${boundary}`,
          DATE,
          `Content-Length: ${body.length}`,
          host
        ],
        body
      )
    },
    download: (path: string) =>
      send([
        `GET ${path} HTTP/1.1`,
        'Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3',
        'Accept: */*',
        'User-Agent: Ruby',
        `Authorization: ${AUTHORIZATION}`,
        host
      ])
  }
}

const json = ({ body }: RawAnswer) => JSON.parse(body.toString())

t.test('discover_update_repo finds the member of its key in one object', async (t) => {
  const { get } = await startRuby(t)
  for (const key of ['supportedMts', 'size', 'lastRefreshed', 'importDir', 'publicKeys', 'updates', 'updatesByMt']) {
    const answer = await get(`${FIRMWARE}?key=${key}`)
    t.equal(answer.status, 200, key)
    const body = json(answer)
    t.notOk(Array.isArray(body))
    t.ok(key in body && 'status' in body, key)
  }
  const { updates } = json(await get(`${FIRMWARE}?key=updates`))
  t.same(
    updates.map(({ fixid }: { fixid: string }) => fixid),
    [NIC, OLD_UEFI, UEFI, XCC]
  )
})

t.test('updates_info_by_machine_types lists each type that it names', async (t) => {
  const { get } = await startRuby(t)
  const updates = json(await get(`${FIRMWARE}?key=updatesByMt&with=all&payload&mt=7X05,7X01`)).updatesByMt
  t.match(updates, { state: 'complete', progress: 100, updates: [{ mt: '7X05' }, { mt: '7X01' }] })
  t.equal(updates.updates[0].updates.length, 3)
  const packs = json(await get(`${FIRMWARE}/uxsps?key=uxspsByMt&with=all&payload&mt=7X05`)).uxspsByMt
  t.match(packs.updates, [{ mt: '7X05', uxsps: [{ fixid: PACK }] }])
})

t.test('read_update_repo sends an empty body as JSON, and gets the number of a task', async (t) => {
  const { put } = await startRuby(t)
  const answer = await put(`${FIRMWARE}?action=read`)
  t.equal(answer.status, 200)
  t.match(json(answer), { result: 'success', taskid: Number })
})

t.test('export, track_task_status and download end with the archive on the disk', async (t) => {
  const { depot, put, get, download } = await startRuby(t)
  const accepted = await put(`${FIRMWARE}?action=export&filetypes=all`, JSON.stringify({ fixids: [UEFI, XCC] }))
  t.equal(accepted.status, 200)
  const { taskid } = json(accepted)
  const status = async () => json(await get(`${FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=${taskid}`))
  t.match(await status(), { progress: 0, errorMsg: { result: 'informational' } })
  await depot.run('export')
  const { current, progress, state } = await status()
  t.match({ progress, state }, { progress: 100, state: 'complete' })

  const answer = await download(`${FIRMWARE}?action=export&exportRepoFilename=${current}`)
  t.equal(answer.status, 200)
  t.match(answer.headers, { 'content-type': 'application/zip', 'content-length': String(answer.body.length) })
  t.notOk('content-encoding' in answer.headers, 'the client saves what comes, as it comes')
  t.ok(answer.body.equals(await depot.archiveView.read(current)))
  t.equal((await readZip(answer.body)).size, 8)
})

t.test('an export of payloads has only the payloads', async (t) => {
  const { depot, put, get, download } = await startRuby(t)
  const accepted = json(await put(`${FIRMWARE}?action=export&filetypes=payloads`, JSON.stringify({ fixids: [XCC] })))
  await depot.run('export')
  const { current } = json(await get(`${FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=${accepted.taskid}`))
  const { body } = await download(`${FIRMWARE}?action=export&exportRepoFilename=${current}`)
  t.same([...(await readZip(body)).keys()], [`${XCC}.uxz`])
})

t.test('an export of all without fixids is the whole repository', async (t) => {
  const { depot, put } = await startRuby(t)
  const accepted = json(await put(`${FIRMWARE}?action=export&filetypes=all`, '{"fixids":[]}'))
  t.match(await depot.tasks.findTask(accepted.taskid), { packagesTotal: 5 })
})

t.test('validate_import_updaterepo and import_updaterepo bring an export into another depot', async (t) => {
  const source = await startRuby(t)
  const accepted = json(await source.put(`${FIRMWARE}?action=export&filetypes=all`, '{"fixids":[]}'))
  await source.depot.run('export')
  const { current } = json(await source.get(`${FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=${accepted.taskid}`))
  const { body } = await source.download(`${FIRMWARE}?action=export&exportRepoFilename=${current}`)

  const target = await startRuby(t, {})
  const flat = { index: 0, name: current, type: 'application/x-zip-compressed', size: body.length }
  const validated = await target.post(`/files${FIRMWARE}/import/validate`, JSON.stringify(flat))
  t.equal(validated.status, 200)
  t.match(json(validated), { jobid: Number, state: 'created', progress: 0 })
  // It does not send the number on.
  const imported = await target.upload(`/files${FIRMWARE}/import`, current, body)
  t.equal(imported.status, 200)
  t.match(json(imported), { state: 'complete', progress: 100, jobid: Number })
  t.same(target.depot.files(), source.depot.files())
  const refused = await target.upload(`/files${FIRMWARE}/import`, current, body.subarray(0, -30))
  t.equal(refused.status, 400)
  t.match(json(refused), { result: 'failed', messages: [{ text: /cut off/ }] })
})

t.test('delete_update_repo deletes payloads and packages', async (t) => {
  const { depot, put } = await startRuby(t)
  const payloads = await put(`${FIRMWARE}?action=delete&filetypes=payloads`, JSON.stringify({ fixids: [XCC] }))
  t.match([payloads.status, json(payloads)], [200, { result: 'success', taskid: Number }])
  t.notOk(`${XCC}.uxz` in depot.files())
  const all = await put(`${FIRMWARE}?action=delete&filetypes=all`, JSON.stringify({ fixids: [XCC] }))
  t.match([all.status, json(all)], [200, { result: 'success', taskid: Number }])
  t.notOk(`${XCC}.xml` in depot.files())
})

t.test('the refusal that Chef prints is JSON with a reason', async (t) => {
  const { put, get } = await startRuby(t)
  for (const [answer, status, text] of [
    [await put(`${FIRMWARE}?action=refresh&with=all`, '{"mt":["7X05"],"os":"","type":"catalog"}'), 409, /no upstream/],
    [
      await put(`${FIRMWARE}?action=acquire&with=payloads`, '{"mt":["7X05"],"fixids":["a"],"type":"latest"}'),
      409,
      /no upstream/
    ],
    [await put(`${FIRMWARE}?action=delete&filetypes=all`, '{"fixids":[]}'), 400, /fixids/],
    [await put(`${FIRMWARE}?action=export&filetypes=all`, '{"fixids":["a"]}'), 400, /: a\.$/],
    [await get(`${FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=99`), 400, /no task 99/],
    [await get(`${FIRMWARE}?action=export&exportRepoFilename=`), 400, /exportRepoFilename/]
  ] as const) {
    t.equal(answer.status, status)
    t.match(json(answer), { result: 'failed', messages: [{ id: /^FQXHMUP9/, text }] })
  }
})
