import { refuseIfInUse } from '../../../../src/store/catalog/live-exports.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { packageFiles } from '../../../support/packages.ts'
import { makeCommands, runQueued } from '../../../support/worker.ts'

const PACKAGES = ['a', 'b', 'c'].map((fixid) => packageFiles({ fixid, payload: `payload of ${fixid}` }))

testOnBoth('deleting a package that a live export needs is refused, and the refusal names the task', async (t) => {
  const depot = await makeDepot(t, Object.assign({}, ...PACKAGES))
  await depot.scan()
  const commands = makeCommands(depot)
  const request = (fixids: string[]) =>
    commands.requestExport({ selection: { fixids, scope: 'payloads' }, requestedBy: 'tester' })
  const { task } = await request(['a', 'b'])
  await request(['b'])
  const refused = (...fixids: string[]) => depot.db.transaction().execute((trx) => refuseIfInUse(trx, fixids))

  await t.rejects(refused('c', 'b'), {
    code: 'PACKAGE_IN_USE',
    kind: 'conflict',
    message: `The package b cannot be deleted: the export of task ${task.id} needs it.`
  })
  await t.resolves(refused('c'), 'a package that no export needs can be deleted')
  await commands.cancelTasks([task.id])
  await t.resolves(refused('a'), 'a package whose export was canceled can be deleted')
  await t.rejects(refused('b'), { code: 'PACKAGE_IN_USE' }, 'another export still needs it')
  await runQueued(depot, 'export')
  await t.resolves(refused('a', 'b', 'c'), 'a package whose export has ended can be deleted')
})
