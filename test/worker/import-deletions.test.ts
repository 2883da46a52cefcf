/** Deletions beside an import: of what an import changes either all comes, or all goes. */
import type { Test } from 'tap'
import type { RepositoryDirectory } from '../../src/files/repository-directory.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { createWorkStore, type WorkStore } from '../../src/store/work-store.ts'
import type { LaneOptions } from '../../src/worker/lane.ts'
import { type BareDepot, contentsOf, listPackages, makeDepot } from '../helpers/depot.ts'
import { testOnBoth } from '../helpers/engines.ts'
import { type Files, packageFiles } from '../helpers/packages.ts'
import { importLane, laneOf, makeDesk, queueImport, runQueued, startQueued } from '../helpers/worker.ts'
import { catalogOf, freshCatalogOf } from './package-state.ts'

const OLD = packageFiles({ fixid: 'a', payload: 'old content' })
const OTHER = packageFiles({ fixid: 'other', payload: 'x' })
/** Its readme and its changes are those of the old one. */
const NEW = packageFiles({ fixid: 'a', payload: 'new content', version: '2.00' })

async function openDepot(t: Test, files: Files) {
  const depot = await makeDepot(t, files)
  await depot.scan()
  const desk = makeDesk(depot, { db: depot.connect() })
  const remove = (...fixids: string[]) =>
    desk.deletePackages({ what: { fixids }, scope: 'all', isDryRun: false, requestedBy: 'ann' })
  return { depot, desk, remove }
}

const withoutPayload = (files: Files, fixid: string) =>
  Object.fromEntries(Object.entries(files).filter(([name]) => name !== `${fixid}.uxz`))

/** Runs the import; `during` is called when it has decided, and when it has made its changes. */
async function runImport(depot: BareDepot, during: () => Promise<unknown>): Promise<void> {
  const watched = (repository: RepositoryDirectory): RepositoryDirectory => ({
    ...repository,
    async change(...args) {
      await during()
      const changed = await repository.change(...args)
      await during()
      return changed
    }
  })
  await runQueued(depot, 'import', importLane(depot, createWorkStore(depot.db), watched))
}

/** The lane with other words with the database. */
function laneWith(depot: BareDepot, change: (works: WorkStore) => Partial<WorkStore>): LaneOptions {
  const works = createWorkStore(depot.db)
  const changed = { ...works, ...change(works) }
  return { ...laneOf(depot, 'import'), ...importLane(depot, changed), works: changed }
}

/** The same as a depot that reads the repository for the first time. */
async function isTrue(t: Test, depot: BareDepot): Promise<void> {
  await runQueued(depot, 'scan')
  t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot))
}

const importing = (taskId: number) => ({
  code: 'PACKAGE_IMPORTED',
  kind: 'conflict',
  message: `The package a cannot be deleted: the import of task ${taskId} changes its files.`
})

testOnBoth('a package that an import replaces is not deleted meanwhile', async (t) => {
  const { depot, remove } = await openDepot(t, { ...OLD, ...OTHER })
  const taskId = await queueImport(depot, NEW, true)
  await runImport(depot, () => t.rejects(remove('other', 'a'), importing(taskId)))
  t.same(contentsOf(depot.repositoryDirectory), { ...NEW, ...OTHER })
  await isTrue(t, depot)
  await remove('a')
  t.same(contentsOf(depot.repositoryDirectory), OTHER, 'afterwards it can be')
})

testOnBoth('a package that an import completes is not deleted meanwhile', async (t) => {
  const { depot, remove } = await openDepot(t, withoutPayload(OLD, 'a'))
  const taskId = await queueImport(depot, { 'a.uxz': 'the payload' })
  await runImport(depot, () => t.rejects(remove('a'), importing(taskId)))
  t.match(await listPackages(depot.db), [{ fixid: 'a', payloadState: 'present' }])
  await isTrue(t, depot)
})

testOnBoth('other packages are deleted beside an import', async (t) => {
  const { depot, remove } = await openDepot(t, { ...OLD, ...OTHER })
  const taskId = await queueImport(depot, NEW, true)
  const doomed = ['other']
  await runImport(depot, async () => {
    for (const fixid of doomed.splice(0)) await remove(fixid)
  })
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
  t.same(contentsOf(depot.repositoryDirectory), NEW)
  t.match(await listPackages(depot.db), [{ fixid: 'a', version: '2.00' }])
  await isTrue(t, depot)
})

testOnBoth('a cleanup passes by what an import changes', async (t) => {
  const { depot, desk } = await openDepot(t, {
    ...packageFiles({ fixid: 'a' }),
    ...packageFiles({ fixid: 'b', payload: 'x' }),
    ...packageFiles({ fixid: 'c', payload: 'x', supersedes: ['a', 'b'] })
  })
  const unused = async () =>
    (await desk.deletePackages({ what: 'unused', scope: 'all', isDryRun: true, requestedBy: 'ann' })).fixids
  t.same(await unused(), ['a', 'b'])
  await queueImport(depot, { 'a.uxz': 'the payload' })
  await runImport(depot, async () => t.same(await unused(), ['b']))
  t.same(await unused(), ['a', 'b'])
})

for (const [what, files, isReplacing] of [
  ['replaces', NEW, true],
  ['completes', { 'a.uxz': 'new content' }, false]
] as const) {
  testOnBoth(`a package that was deleted while an import which ${what} it was deciding comes in whole`, async (t) => {
    const { depot, remove } = await openDepot(t, isReplacing ? OLD : withoutPayload(OLD, 'a'))
    const taskId = await queueImport(depot, files, isReplacing)
    const doomed = ['a']
    const options = laneWith(depot, (works) => ({
      async saveTotals(...args) {
        for (const fixid of doomed.splice(0)) await remove(fixid)
        return works.saveTotals(...args)
      }
    }))
    await startQueued(options).ended
    t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'completed' })
    t.match(await listPackages(depot.db), [{ fixid: 'a', payloadState: 'present' }])
    t.match(contentsOf(depot.repositoryDirectory), { 'a.xml': /fixid/, ...files })
    await isTrue(t, depot)
  })
}

testOnBoth('what a canceled import is taking back is not deleted meanwhile', async (t) => {
  const { depot, desk, remove } = await openDepot(t, OLD)
  const taskId = await queueImport(depot, NEW, true)
  const options = laneWith(depot, (works) => ({
    // Somebody is faster, and somebody else deletes what was canceled.
    async finish(...args) {
      await desk.cancelTasks([taskId])
      await t.rejects(remove('a'), {
        code: 'PACKAGE_IMPORTED',
        message: `The package a cannot be deleted: the import of task ${taskId}, which was canceled, takes back its changes.`
      })
      return works.finish(...args)
    }
  }))
  await startQueued(options).ended
  t.match(await createTaskStore(depot.db).findTask(taskId), { state: 'canceled' })
  t.same(contentsOf(depot.repositoryDirectory), OLD)
  await isTrue(t, depot)
  await remove('a')
  await isTrue(t, depot)
  t.same(contentsOf(depot.repositoryDirectory), {}, 'afterwards it can be')
})

testOnBoth('a canceled import whose worker has died keeps nobody from deleting for good', async (t) => {
  const { depot, desk, remove } = await openDepot(t, OLD)
  const taskId = await queueImport(depot, NEW, true)
  const crash = new Error('the worker dies')
  const dying = laneWith(depot, () => ({
    async finish() {
      await desk.cancelTasks([taskId])
      throw crash
    },
    release: () => Promise.reject(crash)
  }))
  await t.rejects(startQueued(dying).ended, crash)
  await t.rejects(remove('a'), { code: 'PACKAGE_IMPORTED' })
  t.equal(await createWorkStore(depot.db).isWaiting(['scan', 'import']), true, 'a lane is asked for')
  await runQueued(depot, 'import')
  t.equal(await createWorkStore(depot.db).isWaiting(['scan', 'import']), false)
  await remove('a')
  await isTrue(t, depot)
})
