import type { Depot } from './database.ts'
import { durableTransaction } from './durable-transaction.ts'

/** The hash of the password that was made for this user, if one was. */
export async function findPasswordHash(db: Depot, userName: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('credential')
    .select('password_hash')
    .where('user_name', '=', userName)
    .executeTakeFirst()
  return row?.password_hash
}

export async function savePasswordHash(db: Depot, userName: string, hash: string): Promise<void> {
  const row = { user_name: userName, password_hash: hash }
  await durableTransaction(db, (trx) => trx.insertInto('credential').values(row).execute())
}
