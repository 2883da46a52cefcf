/** Deletions during an import: a package that both change is imported whole or deleted whole. */
import type { Test } from 'tap'
import type { RepositoryDirectory } from '../../../../src/storage/disk/repository-directory.ts'
import { createJobStore, type JobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import type { JobLoopOptions } from '../../../../src/worker/runtime/job-loop.ts'
import { type BareDepot, contentsOf, listPackages, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { type Files, packageFiles } from '../../../support/packages.ts'
import { catalogOf, freshCatalogOf } from '../../../support/worker/package-state.ts'
import { importLoop, loopOf, makeCommands, queueImport, runQueued, startQueued } from '../../../support/worker.ts'

const OLD = packageFiles({ fixid: 'a', payload: 'old content' })
const OTHER = packageFiles({ fixid: 'other', payload: 'x' })
/** The readme and the changes file are those of the old version. */
const NEW = packageFiles({ fixid: 'a', payload: 'new content', version: '2.00' })

async function openDepot(t: Test, files: Files) {
  const depot = await makeDepot(t, files)
  await depot.scan()
  const commands = makeCommands(depot, { db: depot.connect() })
  const remove = (...fixids: string[]) =>
    commands.deletePackages({ what: { fixids }, scope: 'all', isDryRun: false, requestedBy: 'ann' })
  return { depot, commands, remove }
}

const withoutPayload = (files: Files, fixid: string) =>
  Object.fromEntries(Object.entries(files).filter(([name]) => name !== `${fixid}.uxz`))

/** Runs the import; `during` is called after its decision, and after its changes of the files. */
async function runImport(depot: BareDepot, during: () => Promise<unknown>): Promise<void> {
  const watch = (repository: RepositoryDirectory): RepositoryDirectory => ({
    ...repository,
    async change(...args) {
      await during()
      const changed = await repository.change(...args)
      await during()
      return changed
    }
  })
  await runQueued(depot, 'import', importLoop(depot, createJobStore(depot.db), watch))
}

/** The options of the job loop, with changed functions of its job store. */
function loopWith(depot: BareDepot, change: (jobs: JobStore) => Partial<JobStore>): JobLoopOptions {
  const jobs = createJobStore(depot.db)
  const changed = { ...jobs, ...change(jobs) }
  return { ...loopOf(depot, 'import'), ...importLoop(depot, changed), jobs: changed }
}

/** The catalog equals that of a depot that scans the repository for the first time. */
async function equalsFreshCatalog(t: Test, depot: BareDepot): Promise<void> {
  await runQueued(depot, 'scan')
  t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot))
}

const importing = (taskId: number) => ({
  code: 'PACKAGE_IMPORTED',
  kind: 'conflict',
  message: `The package a cannot be deleted: the import of task ${taskId} changes its files.`
})

testOnBoth('a package that an import replaces is not deleted during the import', async (t) => {
  const { depot, remove } = await openDepot(t, { ...OLD, ...OTHER })
  const taskId = await queueImport(depot, NEW, true)
  await runImport(depot, () => t.rejects(remove('other', 'a'), importing(taskId)))
  t.same(contentsOf(depot.repositoryDirectory), { ...NEW, ...OTHER })
  await equalsFreshCatalog(t, depot)
  await remove('a')
  t.same(contentsOf(depot.repositoryDirectory), OTHER, 'the package can be deleted after the import')
})

testOnBoth('a package that an import completes is not deleted during the import', async (t) => {
  const { depot, remove } = await openDepot(t, withoutPayload(OLD, 'a'))
  const taskId = await queueImport(depot, { 'a.uxz': 'the payload' })
  await runImport(depot, () => t.rejects(remove('a'), importing(taskId)))
  t.match(await listPackages(depot.db), [{ fixid: 'a', payloadState: 'present' }])
  await equalsFreshCatalog(t, depot)
})

testOnBoth('other packages are deleted during an import', async (t) => {
  const { depot, remove } = await openDepot(t, { ...OLD, ...OTHER })
  const taskId = await queueImport(depot, NEW, true)
  const deleted = ['other']
  await runImport(depot, async () => {
    for (const fixid of deleted.splice(0)) await remove(fixid)
  })
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
  t.same(contentsOf(depot.repositoryDirectory), NEW)
  t.match(await listPackages(depot.db), [{ fixid: 'a', version: '2.00' }])
  await equalsFreshCatalog(t, depot)
})

testOnBoth('a cleanup skips packages that an import changes', async (t) => {
  const { depot, commands } = await openDepot(t, {
    ...packageFiles({ fixid: 'a' }),
    ...packageFiles({ fixid: 'b', payload: 'x' }),
    ...packageFiles({ fixid: 'c', payload: 'x', supersedes: ['a', 'b'] })
  })
  const unused = async () =>
    (await commands.deletePackages({ what: 'unused', scope: 'all', isDryRun: true, requestedBy: 'ann' })).fixids
  t.same(await unused(), ['a', 'b'])
  await queueImport(depot, { 'a.uxz': 'the payload' })
  await runImport(depot, async () => t.same(await unused(), ['b']))
  t.same(await unused(), ['a', 'b'])
})

for (const [what, files, isReplacing] of [
  ['replaces', NEW, true],
  ['completes', { 'a.uxz': 'new content' }, false]
] as const) {
  testOnBoth(
    `a package that was deleted before an import which ${what} it has decided is imported whole`,
    async (t) => {
      const { depot, remove } = await openDepot(t, isReplacing ? OLD : withoutPayload(OLD, 'a'))
      const taskId = await queueImport(depot, files, isReplacing)
      const deleted = ['a']
      const options = loopWith(depot, (jobs) => ({
        async saveTotals(...args) {
          for (const fixid of deleted.splice(0)) await remove(fixid)
          return jobs.saveTotals(...args)
        }
      }))
      await startQueued(options).ended
      t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
      t.match(await listPackages(depot.db), [{ fixid: 'a', payloadState: 'present' }])
      t.match(contentsOf(depot.repositoryDirectory), { 'a.xml': /fixid/, ...files })
      await equalsFreshCatalog(t, depot)
    }
  )
}

testOnBoth('a package whose changes a canceled import takes back is not deleted meanwhile', async (t) => {
  const { depot, commands, remove } = await openDepot(t, OLD)
  const taskId = await queueImport(depot, NEW, true)
  const options = loopWith(depot, (jobs) => ({
    // One client cancels the import before it finishes, and another one deletes the package.
    async finish(...args) {
      await commands.cancelTasks([taskId])
      await t.rejects(remove('a'), {
        code: 'PACKAGE_IMPORTED',
        message: `The package a cannot be deleted: the import of task ${taskId}, which was canceled, is reverting its changes.`
      })
      return jobs.finish(...args)
    }
  }))
  await startQueued(options).ended
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'canceled' })
  t.same(contentsOf(depot.repositoryDirectory), OLD)
  await equalsFreshCatalog(t, depot)
  await remove('a')
  await equalsFreshCatalog(t, depot)
  t.same(contentsOf(depot.repositoryDirectory), {}, 'the package can be deleted after the import')
})

testOnBoth('a canceled import whose worker has died does not block deletions permanently', async (t) => {
  const { depot, commands, remove } = await openDepot(t, OLD)
  const taskId = await queueImport(depot, NEW, true)
  const crash = new Error('the worker dies')
  const dying = loopWith(depot, () => ({
    async finish() {
      await commands.cancelTasks([taskId])
      throw crash
    },
    release: () => Promise.reject(crash)
  }))
  await t.rejects(startQueued(dying).ended, crash)
  await t.rejects(remove('a'), { code: 'PACKAGE_IMPORTED' })
  t.equal(await createJobStore(depot.db).isWaiting(['scan', 'import']), true, 'a job is waiting')
  await runQueued(depot, 'import')
  t.equal(await createJobStore(depot.db).isWaiting(['scan', 'import']), false)
  await remove('a')
  await equalsFreshCatalog(t, depot)
})
