import type { Database } from './database.ts'

/** The UUID of this depot: made with its database, and never changed. */
export async function readIdentity(db: Database): Promise<string> {
  const { uuid } = await db.selectFrom('identity').select('uuid').executeTakeFirstOrThrow()
  return uuid
}
