import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createSecureServer } from '../../../src/http/connection/secure-server.ts'
import { createStatisticsStore } from '../../../src/store/tasks/statistics-store.ts'
import { keepBriefly } from '../../../src/telemetry/keep-briefly.ts'
import type { DepotMetrics } from '../../../src/telemetry/metrics.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { createStatistics } from '../../../src/telemetry/statistics.ts'
import { type BareDepot, makeDepot } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeCertificate, replaceable } from '../../support/servers/certificates.ts'
import { makeCommands, runQueued } from '../../support/worker.ts'

const NOW = new Date('2026-01-05T09:30:00Z')
const EVERYTHING = { fixids: [], scope: 'all' } as const

/** The numbers of a depot as they are at this moment: what is kept for a second is not kept here. */
function metricsOf(
  depot: BareDepot,
  workers = [{ name: 'commands', isRunning: true }]
): { metrics: DepotMetrics; now: () => Promise<Map<string, number>> } {
  const store = createStatisticsStore(depot.db)
  const statistics = () =>
    createStatistics({ ...depot, sessionTimeoutMs: 60_000, workers: () => workers, now: () => NOW })()
  const metrics = createMetrics({ version: '1.2.3', store, lastEndNumber: 0, statistics, now: () => NOW, keptMs: 0 })
  return {
    metrics,
    async now() {
      const samples = (await metrics.read()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return new Map(
        samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
      )
    }
  }
}

async function scannedDepot(t: Test): Promise<BareDepot> {
  const files = {
    ...packageFiles({ fixid: 'a', payload: 'aaa' }),
    ...packageFiles({ fixid: 'b', payload: 'bb' }),
    'lonely.exe': 'x'
  }
  const depot = await makeDepot(t, files)
  await depot.scan()
  return depot
}

t.test('the catalog, the volumes and the parts of the worker are told', async (t) => {
  const depot = await scannedDepot(t)
  const { now } = metricsOf(depot, [
    { name: 'commands', isRunning: true },
    { name: 'export 1', isRunning: false }
  ])
  const samples = await now()
  t.equal(samples.get('fixdepot_catalog_packages'), 2)
  t.ok((samples.get('fixdepot_catalog_files') ?? 0) >= 4)
  t.ok((samples.get('fixdepot_catalog_bytes') ?? 0) > 5)
  t.equal([...samples.keys()].filter((name) => name.startsWith('fixdepot_catalog_problems{')).length, 1)
  t.ok((samples.get('fixdepot_catalog_read_timestamp_seconds') ?? 0) > 1e9)
  for (const volume of ['data', 'repository']) {
    const size = samples.get(`fixdepot_volume_size_bytes{volume="${volume}"}`) ?? 0
    t.ok(size >= (samples.get(`fixdepot_volume_free_bytes{volume="${volume}"}`) ?? 0) && size > 0)
  }
  t.equal(samples.get('fixdepot_worker_up{part="commands"}'), 1)
  t.equal(samples.get('fixdepot_worker_up{part="export 1"}'), 0)
  t.equal(samples.get(`fixdepot_build_info{version="1.2.3",node="${process.versions.node}"}`), 1)
  t.ok([...samples.keys()].some((name) => name.startsWith('nodejs_eventloop_lag_')))
})

t.test(
  'an export is seen while it waits, with its age and the room that it was promised, and when it has ended',
  async (t) => {
    const depot = await scannedDepot(t)
    const { now } = metricsOf(depot)
    const commands = makeCommands(depot, { now: () => new Date(NOW.getTime() - 90_000) })
    await commands.requestExport({ selection: EVERYTHING, requestedBy: 'a' })
    await commands.requestExport({ selection: EVERYTHING, requestedBy: 'b' })
    const waiting = await now()
    t.equal(waiting.get('fixdepot_tasks{kind="export",state="queued"}'), 2)
    t.equal(waiting.get('fixdepot_queue_depth{kind="export"}'), 1, 'equal exports are one piece of work')
    t.equal(waiting.get('fixdepot_queue_oldest_age_seconds{kind="export"}'), 90)
    t.equal(waiting.get('fixdepot_queue_oldest_age_seconds{kind="scan"}'), 0)
    t.ok((waiting.get('fixdepot_volume_reserved_bytes{volume="data"}') ?? 0) > 0)
    t.equal(waiting.get('fixdepot_archives_kept'), 0)

    await runQueued(depot, 'export')
    const done = await now()
    t.equal(done.get('fixdepot_tasks_ended_total{kind="export",state="completed"}'), 2)
    t.equal(done.get('fixdepot_tasks{kind="export",state="queued"}'), 0)
    t.equal(done.get('fixdepot_volume_reserved_bytes{volume="data"}'), 0)
    t.equal(done.get('fixdepot_archives_kept'), 1)
    t.ok((done.get('fixdepot_archives_kept_bytes') ?? 0) > 5)

    const { task } = await commands.requestScan('a')
    await commands.cancelTasks([task.id])
    const later = await now()
    t.equal(later.get('fixdepot_tasks_ended_total{kind="export",state="completed"}'), 2, 'each is counted once')
    t.equal(later.get('fixdepot_tasks_ended_total{kind="scan",state="canceled"}'), 1)
  }
)

t.test('a failed scan is told, and the catalog is counted anew when it was published anew', async (t) => {
  const depot = await scannedDepot(t)
  const { now } = metricsOf(depot)
  const commands = makeCommands(depot)
  t.notOk((await now()).has('fixdepot_scan_last_success'), 'there was none yet')
  await commands.requestScan('a')
  await runQueued(depot, 'scan')
  t.equal((await now()).get('fixdepot_scan_last_success'), 1)
  await commands.requestScan('a')
  await runQueued(depot, 'scan', {
    run: async () => {
      throw new Error('no disk')
    }
  })
  t.equal((await now()).get('fixdepot_scan_last_success'), 0)
})

t.test('runs are timed by how they ended, and a lease that was lost is not a task that was canceled', async (t) => {
  const depot = await scannedDepot(t)
  const { metrics, now } = metricsOf(depot)
  const commands = makeCommands(depot)
  const { task } = await commands.requestExport({ selection: EVERYTHING, requestedBy: 'a' })
  const { job_id: jobId } = await depot.db
    .selectFrom('task')
    .select('job_id')
    .where('id', '=', task.id)
    .executeTakeFirstOrThrow()
  const report = { kind: 'export', jobId, taskId: task.id, crashes: 0 } as const
  const lost = async () => (await now()).get('fixdepot_lease_losses_total{kind="export"}')
  metrics.onReport({ ...report, event: 'started' })
  metrics.onReport({ ...report, event: 'dropped' })
  await now()
  t.equal(await lost(), 1, 'the work still has to be done')
  await commands.cancelTasks([task.id])
  metrics.onReport({ ...report, event: 'started' })
  metrics.onReport({ ...report, event: 'dropped' })
  await now()
  t.equal(await lost(), 1)
  metrics.onCrash('export')
  metrics.onPacked(4096)
  const samples = await now()
  t.equal(samples.get('fixdepot_run_duration_seconds_count{kind="export",result="dropped"}'), 2)
  t.equal(samples.get('fixdepot_worker_crashes_total{part="export"}'), 1)
  t.equal(samples.get('fixdepot_packed_bytes_total'), 4096)
})

t.test('uploads are counted by how they end', async (t) => {
  const { metrics, now } = metricsOf(await makeDepot(t))
  const uploads = metrics.countUploads(() => ({
    async receive(name) {
      if (name === 'broken') throw new Error('cut')
      return { name, size: 7, crc32: 0, sha256: '' }
    }
  }))
  const nothing = (async function* () {})()
  await uploads('u').receive('whole', nothing)
  await t.rejects(uploads('u').receive('broken', nothing))
  const samples = await now()
  t.equal(samples.get('fixdepot_uploaded_files_total{result="completed"}'), 1)
  t.equal(samples.get('fixdepot_uploaded_files_total{result="failed"}'), 1)
  t.equal(samples.get('fixdepot_uploaded_bytes_total'), 7)
  t.equal(samples.get('fixdepot_uploads_in_progress'), 0)
})

t.test('what many ask for within a second is made once, and a failure is not kept', async (t) => {
  let [time, made] = [0, 0]
  const ask = keepBriefly(
    async () => {
      made += 1
      if (made === 3) throw new Error('once')
      return made
    },
    1_000,
    () => time
  )
  t.same(await Promise.all([ask(), ask(), ask()]), [1, 1, 1])
  time = 999
  t.equal(await ask(), 1)
  time = 1_000
  t.equal(await ask(), 2)
  time = 2_000
  await t.rejects(ask())
  t.equal(await ask(), 4)
})

t.test('connections and their bytes are counted while they are open; of TLS, what is inside of it', async (t) => {
  const certificate = await makeCertificate()
  const answer: http.RequestListener = (request, response) => {
    request.resume().on('end', () => response.end('x'.repeat(100_000)))
  }
  for (const [client, server] of [
    [http, http.createServer(answer)],
    [https, createSecureServer(replaceable(certificate), answer)]
  ] as const) {
    const { metrics, now } = metricsOf(await makeDepot(t))
    metrics.watch(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const agent = new client.Agent({ keepAlive: true })
    t.teardown(() => {
      agent.destroy()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const request = client.request({ port, host: '127.0.0.1', method: 'POST', agent, ca: certificate.cert })
    request.end('y'.repeat(50_000))
    const [response] = await once(request, 'response')
    await response.toArray()
    const open = await now()
    t.equal(open.get('fixdepot_http_connections'), 1)
    const [sent, received] = [
      open.get('fixdepot_http_sent_bytes_total'),
      open.get('fixdepot_http_received_bytes_total')
    ]
    t.ok(sent !== undefined && sent > 100_000 && sent < 102_000, `${sent}`)
    t.ok(received !== undefined && received > 50_000 && received < 52_000, `${received}`)
    const [connection] = [...Object.values(agent.freeSockets)].flat()
    const closed = once(connection as NodeJS.EventEmitter, 'close')
    agent.destroy()
    await closed
    while ((await now()).get('fixdepot_http_connections') !== 0) await new Promise(setImmediate)
    t.equal((await now()).get('fixdepot_http_sent_bytes_total'), sent, 'nothing is counted twice')
  }
})
