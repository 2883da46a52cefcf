/** Which contents are packed deflated. What is not worth it is remembered too, so that it is not tried with every scan. */
import { type Kysely, sql } from 'kysely'
import type { Deflated } from '../core/deflation.ts'
import { bulkInsert } from './bulk-insert.ts'
import { toDeflated } from './deflated-columns.ts'
import { indexTemporary, isAmong } from './dialect.ts'
import { writeTransaction } from './durable-transaction.ts'
import { isNotIn } from './other-rows.ts'
import type { ScanSchema } from './scan-schema.ts'
import { countRows } from './table-statistics.ts'

/** A content that nobody has judged yet, and a file that has it. */
export interface UnjudgedFile {
  readonly path: string
  readonly size: number
  readonly crc32: number
  readonly sha256: string
}

export interface Judgement {
  readonly sha256: string
  /** Undefined: it is stored. */
  readonly deflated: Deflated | undefined
}

export type DeflationStore = ReturnType<typeof createDeflationStore>

export function createDeflationStore(db: Kysely<ScanSchema>) {
  return {
    /**
     * The next files by their SHA-256, one of each content.
     * @param where those that this scan has found, or those of the catalog
     */
    async unjudgedPage(
      where: 'found_file' | 'file',
      minBytes: number,
      after: string,
      limit: number
    ): Promise<UnjudgedFile[]> {
      if (where === 'found_file' && after === '') await indexContents(db)
      return db
        .selectFrom(where)
        .select(['sha256', 'size', 'crc32'])
        .select((eb) => eb.fn.min<string>('path').as('path'))
        .where('size', '>=', minBytes)
        .where('sha256', '>', after)
        .where(isNotIn(`${where}.sha256`, { table: 'deflation', column: 'sha256' }))
        .groupBy(['sha256', 'size', 'crc32'])
        .orderBy('sha256')
        .limit(limit)
        .execute()
    },

    async save(judgements: readonly Judgement[]): Promise<void> {
      const rows = judgements.map(({ sha256, deflated }) => ({
        sha256,
        deflated_size: deflated?.size ?? null,
        deflated_crc32: deflated?.crc32 ?? null
      }))
      await bulkInsert(
        db,
        'deflation',
        ['sha256', 'deflated_size', 'deflated_crc32'],
        rows,
        sql`on conflict do nothing`
      )
    },

    /** Bytes of all deflated forms. */
    async usedBytes(): Promise<number> {
      const row = await db
        .selectFrom('deflation')
        .select((eb) => eb.fn.sum<number | null>('deflated_size').as('bytes'))
        .executeTakeFirstOrThrow()
      return row.bytes ?? 0
    },

    /** The deflated forms that plans are made with. */
    async deflated(): Promise<{ sha256: string; deflated: Deflated }[]> {
      const rows = await db
        .selectFrom('deflation')
        .selectAll()
        .where('deflated_size', 'is not', null)
        .orderBy('sha256')
        .execute()
      return rows.flatMap(toKeys)
    },

    /** The deflated forms that archives need which are not packed yet, or are read without being packed. */
    async planned(): Promise<{ sha256: string; deflated: Deflated }[]> {
      const rows = await db
        .selectFrom('plan_entry')
        .innerJoin('plan', 'plan.id', 'plan_entry.plan_id')
        .select(['plan_entry.sha256', 'plan_entry.deflated_size', 'plan_entry.deflated_crc32'])
        .distinct()
        .where('plan.archive_state', 'in', ['pending', 'direct'])
        .where('plan_entry.deflated_size', 'is not', null)
        .execute()
      return rows.flatMap(toKeys)
    },

    /** No plan is made with these any more. */
    async forget(sha256s: readonly string[]): Promise<void> {
      if (sha256s.length === 0) return
      // A plan that is being made uses them, or does not know them any more.
      await writeTransaction(db, (trx) => trx.deleteFrom('deflation').where(isAmong('sha256', sha256s)).execute())
    },

    /** Forgets the contents that the catalog has no more, or all of them. */
    async forgetUnused(which: 'unknown' | 'all'): Promise<void> {
      await writeTransaction(db, (trx) =>
        trx
          .deleteFrom('deflation')
          .$if(which === 'unknown', (query) =>
            query.where(isNotIn('deflation.sha256', { table: 'file', column: 'sha256' }))
          )
          .execute()
      )
    }
  }
}

/** Without it all files would be sorted for each page. */
async function indexContents(db: Kysely<ScanSchema>): Promise<void> {
  await indexTemporary('found_file_by_content', 'found_file', ['sha256', 'size', 'crc32']).execute(db)
  await countRows(db, ['found_file', 'deflation'])
}

interface KeyRow {
  readonly sha256: string
  readonly deflated_size: number | null
  readonly deflated_crc32: number | null
}

function toKeys(row: KeyRow): { sha256: string; deflated: Deflated }[] {
  const { deflated } = toDeflated(row)
  return deflated === undefined ? [] : [{ sha256: row.sha256, deflated }]
}
