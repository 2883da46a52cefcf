import { prepareQuery } from '../../../../src/store/engine/prepared-query.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

testOnBoth('a prepared query accepts any value, and keeps its other parameters', async (t) => {
  const { db } = await makeDepot(t)
  for (const kind of ['scan', 'export', 'export'] as const) await queueTask(db, kind)
  const exportsAfter = prepareQuery(db, (id: number) =>
    db.selectFrom('task').select('id').where('kind', '=', 'export').where('id', '>', id).orderBy('id').limit(10)
  )
  t.same(await exportsAfter(0), [{ id: 2 }, { id: 3 }])
  t.same(await exportsAfter(2), [{ id: 3 }])
  t.same(await exportsAfter(3), [])
  const withName = prepareQuery(db, (name: string) => db.selectFrom('task').select('id').where('created_by', '=', name))
  t.equal((await withName('tester')).length, 3)
  t.same(await withName("x' or 1=1 --"), [])
})
