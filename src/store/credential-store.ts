/** How former versions kept the password that they had made. */
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

/** Once there are users, nobody looks for them. */
export async function removePasswordHashes(db: Depot): Promise<void> {
  await durableTransaction(db, (trx) => trx.deleteFrom('credential').execute())
}
