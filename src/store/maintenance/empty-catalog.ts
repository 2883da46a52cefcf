import type { Database } from '../engine/database.ts'
import { writeTransaction } from '../engine/transactions.ts'

/** Empties the catalog and the file index; tasks and archives remain. */
export async function emptyCatalog(db: Database): Promise<void> {
  await writeTransaction(db, async (trx) => {
    await trx.updateTable('catalog').set({ read_at: null, is_current: 0 }).execute()
    for (const table of ['package', 'file', 'catalog_problem', 'file_index'] as const) {
      await trx.deleteFrom(table).execute()
    }
  })
}
