import { findPasswordHash, removePasswordHashes } from '../../src/store/credential-store.ts'
import { makeDepot } from '../helpers/depot.ts'
import { testOnBoth } from '../helpers/engines.ts'

testOnBoth('the hash that a former version has kept is found for its user only, until it is removed', async (t) => {
  const { db, connect } = await makeDepot(t)
  t.equal(await findPasswordHash(db, 'admin'), undefined)
  await db.insertInto('credential').values({ user_name: 'admin', password_hash: 'sha256$salt$digest' }).execute()
  t.equal(await findPasswordHash(connect(), 'admin'), 'sha256$salt$digest')
  t.equal(await findPasswordHash(db, 'Admin'), undefined)
  await removePasswordHashes(db)
  t.equal(await findPasswordHash(db, 'admin'), undefined)
})
