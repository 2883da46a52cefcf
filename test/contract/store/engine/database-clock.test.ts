import { createDatabaseClock } from '../../../../src/store/engine/database-clock.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

testOnBoth('the time is that of the database, and goes on', async (t) => {
  const { db } = await makeDepot(t)
  const clock = createDatabaseClock(db)
  await clock.sync()
  const [first, second] = [clock.now().getTime(), clock.now().getTime()]
  // Both run on this machine.
  t.ok(Math.abs(first - Date.now()) < 1_000)
  t.ok(second >= first)
})
