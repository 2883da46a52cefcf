import t from 'tap'
import { findPasswordHash, savePasswordHash } from '../../src/store/credential-store.ts'
import { makeDepot } from '../helpers/depot.ts'

t.test('a hash is found again for its user only', async (t) => {
  const { db, connect } = await makeDepot(t)
  t.equal(await findPasswordHash(db, 'admin'), undefined)
  await savePasswordHash(db, 'admin', 'sha256$salt$digest')
  t.equal(await findPasswordHash(connect(), 'admin'), 'sha256$salt$digest')
  t.equal(await findPasswordHash(db, 'Admin'), undefined)
})

t.test('a hash that was saved is never replaced', async (t) => {
  const { db } = await makeDepot(t)
  await savePasswordHash(db, 'admin', 'first')
  await t.rejects(savePasswordHash(db, 'admin', 'second'), /UNIQUE/)
  t.equal(await findPasswordHash(db, 'admin'), 'first')
})
