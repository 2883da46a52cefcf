/** The Ruby gem about 0.6.4 exports in one go: it asks until the progress is 100, and saves what it downloads. */
import t, { type Test } from 'tap'
import { taskFailed } from '../../../src/core/problems/message.ts'
import { AUTHORIZATION, listen, type TestDepot } from '../../support/api/app.ts'
import { connect } from '../../support/api/raw-http.ts'
import { readZip } from '../../support/api/read-zip.ts'
import { openTlsDepot } from '../../support/api/tls-depot.ts'
import { smallRepository, XCC } from '../../support/packages.ts'
import { failQueued } from '../../support/worker.ts'

const FIRMWARE = '/updateRepositories/firmware'
const MAX_POLLS = 10

/** Does what the gem does, step by step; `onPoll` stands for the 30 seconds that it waits. */
async function exportFirmwareUpdates(
  t: Test,
  depot: TestDepot,
  body: string,
  onPoll: (poll: number, taskid: number) => Promise<unknown>
): Promise<{ saved: string; bytes: Buffer; polls: number } | { error: number | string }> {
  const url = await listen(depot.app)
  const common = [
    'User-Agent: LXCA via Ruby Client/0.6.4',
    `Authorization: ${AUTHORIZATION}`,
    'Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3',
    'Accept: */*',
    'Connection: close',
    `Host: ${new URL(url).host}`
  ]
  const get = async (path: string) => (await connect(t, url)).send([`GET ${path} HTTP/1.1`, ...common])
  const type = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  const accepted = await (await connect(t, url)).send(
    [`PUT ${FIRMWARE}?action=export&filetypes=all HTTP/1.1`, ...type, ...common],
    body
  )
  if (accepted.status !== 200) return { error: accepted.status }
  const { taskid } = JSON.parse(accepted.body.toString())
  let last: { progress: number; state: string; current: string } = { progress: 0, state: '', current: '' }
  let polls = 0
  while (last.progress < 100) {
    if (polls === MAX_POLLS) return { error: 'it would ask for ever' }
    const answer = await get(`${FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=${taskid}`)
    if (answer.status !== 200) return { error: answer.status }
    last = JSON.parse(answer.body.toString())
    if (last.state === 'error') return { error: 'error' }
    await onPoll(polls, taskid)
    polls += 1
  }
  const download = await get(`${FIRMWARE}?action=export&exportRepoFilename=${last.current}`)
  return { saved: last.current, bytes: download.body, polls }
}

t.test('the client saves an archive under its own name', async (t) => {
  const depot = await openTlsDepot(t, smallRepository())
  const body = JSON.stringify({ fixids: [XCC] })
  const outcome = await exportFirmwareUpdates(t, depot, body, async (poll) => poll === 1 && depot.run('export'))
  if ('error' in outcome) return t.fail(String(outcome.error))
  t.equal(outcome.polls, 3)
  t.match(outcome.saved, /^repository\d{14}\.zip$/)
  t.ok((await readZip(outcome.bytes)).has(`${XCC}.uxz`))
})

t.test('without fixids, which the client sends as null, it exports the whole repository', async (t) => {
  const depot = await openTlsDepot(t, smallRepository())
  const outcome = await exportFirmwareUpdates(t, depot, '{"fixids":null}', () => depot.run('export'))
  if ('error' in outcome) return t.fail(String(outcome.error))
  t.equal((await readZip(outcome.bytes)).size, 18)
})

t.test('the client stops at an export that fails', async (t) => {
  const depot = await openTlsDepot(t, smallRepository())
  const outcome = await exportFirmwareUpdates(t, depot, '{"fixids":[]}', () =>
    failQueued(depot, 'export', taskFailed('The disk is full.', 'Make room.'))
  )
  t.same(outcome, { error: 'error' })
})

t.test('the client stops polling when an export is canceled, and saves the JSON of the error', async (t) => {
  const depot = await openTlsDepot(t, smallRepository())
  const outcome = await exportFirmwareUpdates(t, depot, '{"fixids":[]}', async (_poll, taskid) => {
    await depot.call(`/tasks/${taskid}`, { method: 'DELETE' })
  })
  if ('error' in outcome) return t.fail(String(outcome.error))
  t.equal(outcome.saved, '')
  t.match(JSON.parse(outcome.bytes.toString()), { result: 'failed' })
})

t.test('the client stops at unknown fixids', async (t) => {
  const depot = await openTlsDepot(t, smallRepository())
  t.same(await exportFirmwareUpdates(t, depot, '{"fixids":["a"]}', async () => {}), { error: 400 })
})
