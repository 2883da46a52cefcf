import { createDatabaseClock } from '../../../../src/store/engine/database-clock.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

testOnBoth('the time is the time of the database, and does not go back', async (t) => {
  const { db } = await makeDepot(t)
  const clock = createDatabaseClock(db)
  await clock.sync()
  const [first, second] = [clock.now().getTime(), clock.now().getTime()]
  // Both clocks are of this machine.
  t.ok(Math.abs(first - Date.now()) < 1_000)
  t.ok(second >= first)
})
