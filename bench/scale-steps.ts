/**
 * Measurements for the law of scale: larger repositories, exports of more files, longer queues.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { BenchContext } from './bench.ts'
import { FILES_PER_PACKAGE, typicalRecipe, writeCorpus } from './corpus.ts'
import { type Follower, startFollower } from './follow-status.ts'
import type { Series, Step } from './growth.ts'
import { watchMemory } from './memory.ts'
import { median, prepareRun } from './rounds.ts'
import { runProcess } from './run-process.ts'
import { type Server, startServer } from './server.ts'

const GIGABYTES = [1, 2, 5, 10, 25]
const QUICK_GIGABYTES = [0.1, 0.2, 0.5]
const ENTRIES = [1, 10, 100, 1_000, 10_000, 100_000]
const TASKS = [1, 10, 100, 1_000, 10_000]
const EXPORTS_OF_A_USER = 1_000
/** Beside the repository and the archive of it. */
const SPARE_BYTES = 5e9
/** Concurrent requests while a queue is filled. */
const REQUESTS = 16

/** @returns the measurements, and the steps for which the disk has not enough space */
export async function measureBytes(context: BenchContext): Promise<{ series: Series; leftOut: readonly number[] }> {
  const directory = path.join(context.workspace.directory, 'typical')
  fs.mkdirSync(directory)
  const steps: Step[] = []
  const leftOut: number[] = []
  let bytes = 0
  await withServer(context, directory, async (server, follower) => {
    for (const [index, gigabytes] of (context.isQuick ? QUICK_GIGABYTES : GIGABYTES).entries()) {
      const { bavail, bsize } = fs.statfsSync(directory)
      if (2e9 * gigabytes - bytes + SPARE_BYTES > bavail * bsize) {
        leftOut.push(gigabytes)
        continue
      }
      process.stderr.write(`  scale: ${gigabytes} GB\n`)
      bytes += writeCorpus(directory, typicalRecipe(gigabytes * 1e9 - bytes), `s${index}`).bytes
      // Otherwise the disk would still write it during the measurement of the export.
      await runProcess(context.workspace, { file: 'sync', args: [] })
      await server.readAgain()
      await server.waitUntilIdle()
      steps.push(await measureBesideCopies(context, server, follower, bytes, directory))
    }
  })
  fs.rmSync(directory, { recursive: true })
  return { series: { name: 'bytes', unit: 'GB', perUnit: 1e9, steps }, leftOut }
}

/** In rotation: the speed of a virtual machine's disk varies by a factor. */
async function measureBesideCopies(
  context: BenchContext,
  server: Server,
  follower: Follower,
  bytes: number,
  directory: string
): Promise<Step> {
  const rounds: Step[] = []
  // The other half is for the files that are read.
  const atHand = Math.min(bytes, os.freemem() / 2)
  for (let round = 0; round < context.rounds; round += 1) {
    await prepareRun(context.workspace, atHand)
    const step = await measureExports(context, server, follower, bytes, { all: true })
    await prepareRun(context.workspace, atHand)
    rounds.push({ ...step, copySeconds: await timeCopy(context, directory) })
  }
  const medianOf = (value: (step: Step) => number) => median(rounds.map(value))
  return {
    size: bytes,
    seconds: medianOf(({ seconds }) => seconds),
    copySeconds: medianOf(({ copySeconds = 0 }) => copySeconds),
    rssBytes: Math.max(...rounds.map(({ rssBytes }) => rssBytes)),
    p50: medianOf(({ p50 }) => p50),
    p99: medianOf(({ p99 }) => p99),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0)
  }
}

async function timeCopy({ workspace }: BenchContext, directory: string): Promise<number> {
  const output = path.join(workspace.directory, 'copy')
  const copy = await runProcess(workspace, { file: 'cp', args: ['-r', directory, output] })
  const sync = await runProcess(workspace, { file: 'sync', args: [] })
  fs.rmSync(output, { recursive: true })
  return copy.seconds + sync.seconds
}

export async function measureEntries(context: BenchContext): Promise<Series> {
  const { directory, packages, files } = context.corpus('catalog')
  const steps: Step[] = []
  await withServer(context, directory, async (server, follower) => {
    for (const entries of ENTRIES.filter((count) => count <= files)) {
      process.stderr.write(`  scale: ${entries} entries\n`)
      // Fewer than a package has are payloads, of which each has one.
      const isWhole = entries >= 10 * FILES_PER_PACKAGE
      const count = isWhole ? entries / FILES_PER_PACKAGE : entries
      const fixids = packages.slice(0, count).map(({ fixid }) => fixid)
      const selection = { fixids, files: isWhole ? 'all' : 'payloads' }
      steps.push(await measureExports(context, server, follower, entries, selection))
    }
  })
  return { name: 'entries', unit: 'entries', perUnit: 1, steps }
}

/** @param settings of the server, in addition to those of every server of the bench */
export async function measureTasks(
  context: BenchContext,
  settings?: Readonly<Record<string, string>>
): Promise<Series> {
  const { directory, packages } = context.corpus('catalog')
  const fixids = packages.map(({ fixid }) => fixid)
  const steps: Step[] = []
  const measure = async (server: Server, follower: Follower) => {
    const users = await addUsers(server, fixids.length)
    for (const tasks of TASKS.filter((count) => count < fixids.length)) {
      process.stderr.write(`  scale: ${tasks} tasks\n`)
      steps.push(await measureQueue(context, server, follower, fixids.slice(0, tasks), users))
    }
  }
  await withServer(context, directory, measure, settings)
  return { name: 'queued tasks', unit: 'tasks', perUnit: 1, steps }
}

/** Number of users for all these exports: each may have 1,000 that have not ended. */
function addUsers(server: Server, exports: number): Promise<string[]> {
  const count = Math.ceil(exports / EXPORTS_OF_A_USER)
  return Promise.all(Array.from({ length: count }, (_, index) => server.addExporter(`exporter-${index}`)))
}

/** With a server that has scanned the directory, and a poller. */
async function withServer(
  { workspace }: BenchContext,
  directory: string,
  measure: (server: Server, follower: Follower) => Promise<void>,
  settings: Readonly<Record<string, string>> = {}
): Promise<void> {
  const server = await startServer(workspace, directory, settings)
  await server.waitUntilIdle()
  const follower = startFollower(workspace, server)
  await measure(server, follower)
  await follower.stop()
  await server.stop()
}

/** Repeats the same export, so that short exports are polled long enough. */
async function measureExports(
  { isQuick }: BenchContext,
  server: Server,
  follower: Follower,
  size: number,
  selection: object
): Promise<Step> {
  const times: number[] = []
  const memory = watchMemory(server.pid)
  const began = performance.now()
  await follower.lap()
  do {
    const started = performance.now()
    const { id } = await server.call<{ id: number }>('POST', '/api/v1/exports', selection)
    follower.follow(id)
    await server.waitForTask(id)
    times.push((performance.now() - started) / 1000)
    server.removeArchives()
  } while (performance.now() - began < (isQuick ? 500 : 4_000))
  memory.stop()
  const { p50, p99 } = await follower.lap()
  return tell({ size, seconds: median(times), rssBytes: memory.peakBytes, p50, p99, failed: 0 })
}

/** Asks for an export of each package, and follows the last of them until all are done. */
async function measureQueue(
  { isQuick }: BenchContext,
  server: Server,
  follower: Follower,
  fixids: readonly string[],
  users: readonly string[]
): Promise<Step> {
  const times: number[] = []
  const memory = watchMemory(server.pid)
  const began = performance.now()
  const failedBefore = await countFailed(server)
  await follower.lap()
  do {
    const started = performance.now()
    const waiting = [...fixids]
    let last = 0
    const request = async () => {
      for (let fixid = waiting.pop(); fixid !== undefined; fixid = waiting.pop()) {
        const id = await server.requestExport([fixid], users[waiting.length % users.length])
        last = Math.max(last, id)
        follower.follow(id)
      }
    }
    await Promise.all(Array.from({ length: REQUESTS }, request))
    // A failure is counted below.
    await server.waitForTask(last).catch(() => {})
    await server.waitUntilIdle()
    times.push((performance.now() - started) / 1000)
    server.removeArchives()
  } while (performance.now() - began < (isQuick ? 500 : 4_000))
  memory.stop()
  const { p50, p99 } = await follower.lap()
  const failed = (await countFailed(server)) - failedBefore
  return tell({ size: fixids.length, seconds: median(times), rssBytes: memory.peakBytes, p50, p99, failed })
}

async function countFailed(server: Server): Promise<number> {
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ state: 'failed', limit: '1000', ...(cursor !== '' && { cursor }) })
    const page: { exports: object[]; next: string | null } = await server.call('GET', `/api/v1/exports?${query}`)
    count += page.exports.length
    cursor = page.next
  }
  return count
}

/** Prints progress: the tables are printed only after all measurements. */
function tell(step: Step): Step {
  process.stderr.write(
    `    ${step.seconds.toFixed(2)} s, status p99 ${step.p99.toFixed(1)} ms, ${step.failed} failed\n`
  )
  return step
}
