import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createImportStore } from '../../../../src/store/imports/import-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { type BareDepot, contentsOf, listPackages, makeDepot } from '../../../support/depot.ts'
import { packageFiles } from '../../../support/packages.ts'
import { zipOf } from '../../../support/raw-zip.ts'
import {
  loopOf,
  makeCommands,
  makeImportCommands,
  queueImport,
  runQueued,
  startQueued
} from '../../../support/worker.ts'

const OLD = packageFiles({ fixid: 'a', payload: 'old content' })
const NEW = {
  ...packageFiles({ fixid: 'a', payload: 'new content', version: '2.00' }),
  ...packageFiles({ fixid: 'b', payload: 'b' })
}

async function depotWithOld(t: Test): Promise<BareDepot> {
  const depot = await makeDepot(t, OLD)
  await depot.scan()
  return depot
}

/** All files of the repository, hidden ones included. */
const files = (depot: BareDepot) => contentsOf(depot.repositoryDirectory)

t.test('an import whose worker died is completed by the next worker', async (t) => {
  const depot = await depotWithOld(t)
  const taskId = await queueImport(depot, NEW, true)
  const jobs = createJobStore(depot.db)
  // It dies after its changes: they are on the disk, and its end is not recorded.
  const crash = new Error('the worker dies')
  const options = loopOf(depot, 'import')
  const dying = startQueued({
    ...options,
    jobs: { ...jobs, finish: () => Promise.reject(crash), release: async () => {} }
  })
  await t.rejects(dying.ended, crash)
  t.same(await createImportStore(depot.db).ended(true), [])
  await jobs.requeueAll()
  await runQueued(depot, 'import')
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
  const left = files(depot)
  for (const [name, content] of Object.entries(NEW)) t.equal(left[name], content, name)
  t.match(await listPackages(depot.db), [{ fixid: 'a', version: '2.00', payloadState: 'present' }, { fixid: 'b' }])
})

t.test('an import that fails after its changes is rolled back, and can be repeated', async (t) => {
  const depot = await depotWithOld(t)
  const taskId = await queueImport(depot, NEW, true)
  const jobs = createJobStore(depot.db)
  const options = loopOf(depot, 'import')
  let steps = 0
  // Fails in the middle of the scan that follows the changes.
  const run: typeof options.run = async (job, signal) => {
    const stop = new AbortController()
    signal.addEventListener('abort', () => stop.abort(signal.reason))
    const heartbeats = new Proxy(stop.signal, {
      get(target, key) {
        if (key === 'throwIfAborted') {
          return () => {
            steps += 1
            const isMade = fs.readFileSync(path.join(depot.repositoryDirectory, 'a.uxz'), 'utf8') === 'new content'
            if (isMade) throw Object.assign(new Error('killed'), { isKill: true })
          }
        }
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    return options.run(job, heartbeats)
  }
  const loop = startQueued({ ...options, run, jobs: { ...jobs, finish: async () => false } })
  await loop.ended
  t.ok(steps > 2)
  await jobs.requeueAll()
  t.equal(await runQueued(depot, 'import'), undefined)
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
  t.match(files(depot), NEW)
})

t.test('an import that is canceled while it runs rolls back its changes', async (t) => {
  const depot = await depotWithOld(t)
  const taskId = await queueImport(depot, NEW, true)
  const commands = makeCommands(depot)
  const options = loopOf(depot, 'import')
  const jobs = createJobStore(depot.db)
  const loop = startQueued({
    ...options,
    jobs: {
      ...jobs,
      // The cancellation comes before the end is recorded.
      async finish(lease, outcome) {
        await commands.cancelTasks([taskId])
        return jobs.finish(lease, outcome)
      }
    }
  })
  await loop.ended
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'canceled' })
  t.same(files(depot), OLD)
  t.match(await listPackages(depot.db), [{ fixid: 'a', version: '1.00' }])
  t.same(fs.readdirSync(depot.repositoryDirectory).sort(), Object.keys(OLD).sort())
})

t.test('an import that is canceled before it runs leaves nothing', async (t) => {
  const depot = await depotWithOld(t)
  const taskId = await queueImport(depot, NEW, true)
  await makeCommands(depot).cancelTasks([taskId])
  await makeImportCommands(depot).sweepImports()
  await runQueued(depot, 'import')
  t.same(fs.readdirSync(depot.repositoryDirectory).sort(), Object.keys(OLD).sort())
})

t.test('a repository that cannot be changed stays as it was', async (t) => {
  const depot = await makeDepot(t, { 'sub/keep.txt': 'x' })
  await depot.scan()
  // A directory that cannot be created: a link that leads out of the repository has its name.
  fs.symlinkSync(depot.archivesDirectory, path.join(depot.repositoryDirectory, 'out'))
  const taskId = await queueImport(depot, {
    'updates.zip': zipOf({
      ...packageFiles({ fixid: 'a', payload: 'x' }),
      'out/b.xml': packageFiles({ fixid: 'b' })['b.xml'] ?? ''
    })
  })
  await runQueued(depot, 'import')
  t.match(await createTaskStore(depot.db).findTask(taskId), {
    state: 'failed',
    messages: [{ id: 'FQXHMUP9021L', text: /leads out/ }]
  })
  t.same(fs.readdirSync(depot.archivesDirectory), [])
  t.same(fs.readdirSync(depot.repositoryDirectory).sort(), ['out', 'sub'])
})

t.test('an archive of thousands of files is imported, and its counters are correct', async (t) => {
  const depot = await makeDepot(t)
  const all = Object.assign(
    {},
    ...Array.from({ length: 600 }, (_, index) => packageFiles({ fixid: `p${index}`, payload: `${index}` }))
  )
  const taskId = await queueImport(depot, { 'all.zip': zipOf(all) })
  await runQueued(depot, 'import')
  const task = await createTaskStore(depot.db).findTask(taskId)
  t.match(task, { state: 'completed', packagesDone: 600, packagesTotal: 600 })
  t.equal(task?.bytesDone, task?.bytesTotal)
  t.equal((await listPackages(depot.db)).length, 600)
  t.equal(Object.keys(files(depot)).length, 2400)
})
