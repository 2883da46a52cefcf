/** The names of archives: which are used, and by which plans. */
import type { Kysely } from 'kysely'
import type { ArchiveState } from '../../core/storage/archive-file.ts'
import { isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

/** An archive that exists or has existed. */
export interface KnownArchive {
  readonly digest: string
  readonly state: ArchiveState
  readonly keptUntil: Date | null
}

/** @param db the connection or a transaction */
export function createArchiveNames(db: Kysely<Schema>) {
  return {
    /** The archive of this name, in any state. */
    async findArchive(name: string): Promise<KnownArchive | undefined> {
      const row = await db
        .selectFrom('plan')
        .select(['digest', 'archive_state', 'kept_until'])
        .where('archive_name', '=', name)
        .executeTakeFirst()
      return (
        row && {
          digest: row.digest,
          state: row.archive_state as ArchiveState,
          keptUntil: row.kept_until === null ? null : new Date(row.kept_until)
        }
      )
    },

    /** The name of a plan's archive. */
    async nameOf(planId: number): Promise<string> {
      const row = await db.selectFrom('plan').select('archive_name').where('id', '=', planId).executeTakeFirstOrThrow()
      return row.archive_name ?? ''
    },

    async isNameTaken(name: string): Promise<boolean> {
      const row = await db.selectFrom('plan').select('id').where('archive_name', '=', name).executeTakeFirst()
      return row !== undefined
    },

    /** How many archives have a name that begins with this prefix, followed by a digit or a dot. */
    async countNames(prefix: string): Promise<number> {
      const row = await db
        .selectFrom('plan')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('archive_name', '>=', prefix)
        // ':' is the character after '9'.
        .where('archive_name', '<', `${prefix}:`)
        .executeTakeFirstOrThrow()
      return row.count
    },

    /** The ones of these names whose archive is pending or kept, with its state. */
    async ownedNames(names: readonly string[]): Promise<Map<string, Extract<ArchiveState, 'pending' | 'kept'>>> {
      const rows = await db
        .selectFrom('plan')
        .select(['archive_name', 'archive_state'])
        .where(isAmong('archive_name', names))
        .where('archive_state', 'in', ['pending', 'kept'])
        .execute()
      return new Map(rows.map((row) => [row.archive_name ?? '', row.archive_state as 'pending' | 'kept']))
    }
  }
}
