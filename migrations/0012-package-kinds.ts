import type { Kysely } from 'kysely'

/** System packs are few, and listed by themselves. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema.createIndex('package_by_kind').on('package').columns(['kind', 'fixid']).execute()
  })
}
