/** Load: a long queue, slow readers, and abandoned downloads. */
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import t from 'tap'
import { basic } from '../../support/api/app.ts'
import { ONLY_DISK } from '../../support/archives.ts'
import { allowTime, IS_THOROUGH } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { ADMIN_PASSWORD, startServer, type TestServer, until } from '../../support/servers/server.ts'

// Ten thousand cancellations take PostgreSQL more than twice as long as SQLite: each statement crosses a socket.
allowTime(t, 20)

const MIB = 2 ** 20
const QUEUED = 10_000
const POLLS = 500
const IDS_PER_REQUEST = 1_000
const READERS = 300
/** Buffers and connections of all readers together. */
const MEMORY_FOR_READERS = 100 * MIB

/** Queues many exports of the existing plan, each with its own job, as different exports would have. */
function fillQueue(depot: ChaosDepot): Promise<void> {
  return depot.change([
    `with recursive number (value) as (select 1 union all select value + 1 from number where value < ${QUEUED})
      insert into job (kind, state, plan_id, packages_total, bytes_total)
      select 'export', 'queued', plan.id, 1, archive_size from number, plan`,
    `insert into task (kind, state, job_id, created_by, created_at)
      select 'export', 'live', id, 'tester', 0 from job where state = 'queued' and kind = 'export'`
  ])
}

async function cancelAll(server: TestServer, first: number): Promise<void> {
  const ids = Array.from({ length: QUEUED }, (_, index) => first + index)
  for (let start = 0; start < QUEUED; start += IDS_PER_REQUEST) {
    const body = JSON.stringify({ action: 'cancel', list: ids.slice(start, start + IDS_PER_REQUEST).map(String) })
    const response = await server.call('/tasks', { method: 'PUT', body })
    if (!response.ok) throw new Error(`The cancellation was answered with ${response.status}`)
  }
}

t.test(`with ${QUEUED} tasks in the queue the server starts, answers, and cancels them`, async (t) => {
  const depot = await makeChaosDepot(t, 2 ** 16)
  const before = await startServer(t, depot)
  const model = await before.export({ fixids: FIXIDS.slice(0, 1) })
  await before.finished(model)
  await before.stop()
  await fillQueue(depot)
  const started = performance.now()
  const server = await startServer(t, depot)
  const startMs = performance.now() - started
  const latencies: number[] = []
  for (let poll = 0; poll < POLLS; poll += 1) {
    const sentAt = performance.now()
    await server.status(poll % 2 === 0 ? 0 : 1 + poll)
    latencies.push(performance.now() - sentAt)
  }
  latencies.sort((left, right) => left - right)
  const p99 = latencies[Math.floor(0.99 * POLLS)] ?? 0
  t.comment(`start ${startMs.toFixed(0)} ms, status p99 ${p99.toFixed(1)} ms`)
  if (IS_THOROUGH) t.ok(startMs < 5_000 && p99 < 50, 'within the documented times')
  const last = await server.export({ fixids: FIXIDS.slice(0, 2) })
  await cancelAll(server, model + 2)
  t.match(await server.finished(last), { state: 'complete' }, 'the last queued export completes')
  t.match(await server.status(0), { state: 'complete', taskIds: '' }, 'the queue is empty')
})

/** The number of files below a directory that the server has open. */
function openBelow({ child }: TestServer, directory: string): number {
  const descriptors = `/proc/${child.pid}/fd`
  return fs.readdirSync(descriptors).filter((fd) => {
    try {
      return fs.readlinkSync(path.join(descriptors, fd)).startsWith(directory)
    } catch {
      return false
    }
  }).length
}

function residentBytes({ child }: TestServer): number {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
  return 1024 * Number(kilobytes)
}

const skip = fs.existsSync('/proc/self/fd') ? ONLY_DISK.skip : 'needs /proc'

t.test(
  `${READERS} slow readers and broken downloads use little memory, and leave no file open`,
  { skip },
  async (t) => {
    const depot = await makeChaosDepot(t, 24 * MIB)
    const server = await startServer(t, depot)
    const { current } = await server.finished(await server.export())
    const url = `${server.url}/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
    const before = residentBytes(server)
    const readers = await Promise.all(
      Array.from({ length: READERS }, async () => {
        const request = http.get(url, { agent: false, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
        const [response] = (await once(request, 'response')) as [http.IncomingMessage]
        // The client reads a little and then stops, so the server has to wait.
        await once(response, 'readable')
        response.read(100)
        return { request, response }
      })
    )
    t.equal(openBelow(server, fs.realpathSync(depot.archivesDirectory)), READERS)
    const grown = residentBytes(server) - before
    t.comment(`${READERS} readers: ${Math.round(grown / MIB)} MiB more`)
    t.ok(grown < MEMORY_FOR_READERS, `${grown} bytes more`)
    t.equal(
      (await server.finished(await server.export({ fixids: FIXIDS.slice(1, 3) }))).state,
      'complete',
      'an export completes meanwhile'
    )
    for (const { request } of readers) request.destroy()
    await until('all files are closed', () => openBelow(server, fs.realpathSync(depot.archivesDirectory)) === 0)
    t.equal(server.stderr(), '')
  }
)
