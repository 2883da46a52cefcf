/** Deletion of packages: which packages and files it removes, and the change of the catalog. */
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { FileScope } from '../../core/catalog/package.ts'
import { isAmong } from '../engine/dialect.ts'
import { isNotIn } from '../engine/other-rows.ts'
import type { Schema } from '../engine/schema.ts'
import { isLatest } from './latest-packages.ts'
import { changing } from './live-imports.ts'

export interface DeletedFile {
  readonly path: string
  readonly size: number
}

export type DeletionStore = ReturnType<typeof createDeletionStore>

/** The ones of these paths that are in the catalog. */
export async function knownFiles(db: Kysely<Schema>, paths: readonly string[]): Promise<Set<string>> {
  const rows = await db.selectFrom('file').select('path').where(isAmong('path', paths)).execute()
  return new Set(rows.map((row) => row.path))
}

/** How many deletions have been committed. */
export async function countDeletions(db: Kysely<Schema>): Promise<number> {
  const { deletions } = await db.selectFrom('catalog').select('deletions').executeTakeFirstOrThrow()
  return deletions
}

/** @param trx a transaction that takes the write lock with `begin`, so that the catalog cannot change in between */
export function createDeletionStore(trx: Kysely<Schema>) {
  return {
    /**
     * Takes the write lock, and marks the catalog as outdated: the next scan publishes it again, and a running scan
     * that has walked the repository before walks it again.
     */
    async begin(): Promise<void> {
      await trx
        .updateTable('catalog')
        .set((eb) => ({ is_current: 0, deletions: eb('deletions', '+', 1) }))
        .execute()
    },

    /**
     * Removes the packages that a package outside the set lists as members, until no such package is left.
     * @param named packages that are never removed
     */
    async withoutShared(ids: ReadonlySet<number>, named: ReadonlySet<number>): Promise<Set<number>> {
      const deleted = new Set(ids)
      for (;;) {
        const rows = await trx
          .selectFrom('package_member as member')
          .innerJoin('package', 'package.fixid', 'member.fixid')
          .select('package.id')
          .distinct()
          .where(isAmong('package.id', deleted))
          .where((eb) => eb.not(isAmong('member.package_id', deleted)))
          .execute()
        const shared = rows.map((row) => row.id).filter((id) => !named.has(id))
        if (shared.length === 0) return deleted
        for (const id of shared) deleted.delete(id)
      }
    },

    /**
     * Packages that are not the latest, and that no system pack lists, no other package requires, no live export needs,
     * and no import changes.
     */
    async unused(): Promise<Set<number>> {
      const rows = await trx
        .selectFrom('package')
        .select('package.id')
        .where((eb) => eb.not(isLatest(eb)))
        .where(isNotIn('package.fixid', { table: 'package_member', column: 'fixid' }))
        .where(
          isNotIn('package.fixid', {
            table: 'package_requisite',
            column: 'fixid',
            where: sql<SqlBool>`other.kind <> 'superseded'`
          })
        )
        .where('package.fixid', 'not in', (eb) => eb.selectFrom(changing(trx).as('change')).select('change.fixid'))
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('plan')
                .innerJoin('plan_entry as entry', 'entry.plan_id', 'plan.id')
                .innerJoin('file', 'file.path', 'entry.path')
                .innerJoin('package_file as own', 'own.file_id', 'file.id')
                .select('plan.id')
                .where('plan.archive_state', '=', 'pending')
                .whereRef('own.package_id', '=', 'package.id')
            )
          )
        )
        .execute()
      return new Set(rows.map((row) => row.id))
    },

    /** The fixids of these packages, sorted. */
    async fixids(ids: Iterable<number>): Promise<string[]> {
      const rows = await trx.selectFrom('package').select('fixid').where(isAmong('id', ids)).orderBy('fixid').execute()
      return rows.map((row) => row.fixid)
    },

    /** The files of the scope that belong to these packages only. */
    async files(ids: Iterable<number>, scope: FileScope): Promise<DeletedFile[]> {
      const all = [...ids]
      return trx
        .selectFrom('file')
        .select(['path', 'size'])
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('package_file as own')
            .select('own.file_id')
            .where(isAmong('own.package_id', all))
            .$if(scope === 'payloads', (query) => query.where('own.role', '=', 'payload'))
        )
        .where(
          isNotIn('file.id', {
            table: 'package_file',
            column: 'file_id',
            where: sql<SqlBool>`not (${isAmong('other.package_id', all)})`
          })
        )
        .orderBy('path')
        .execute()
    },

    /** Updates the catalog to what the next scan will find. */
    async delete(ids: Iterable<number>, files: readonly DeletedFile[], scope: FileScope): Promise<void> {
      const all = [...ids]
      const paths = files.map(({ path }) => path)
      // The metadata of a V3 package can be in its payload file: without it the package does not exist.
      const query = trx.deleteFrom('package').where(isAmong('id', all))
      await (scope === 'all' ? query : query.where(isAmong('metadata_path', paths))).execute()
      await trx
        .deleteFrom('package_file')
        .where('file_id', 'in', (eb) => eb.selectFrom('file').select('file.id').where(isAmong('file.path', paths)))
        .execute()
      await trx
        .updateTable('package')
        .set({ payload_state: 'missing', fingerprint: '' })
        .where(isAmong('id', all))
        .where('payload_state', '=', 'present')
        .where(
          isNotIn('package.id', {
            table: 'package_file',
            column: 'package_id',
            where: sql<SqlBool>`other.role = 'payload'`
          })
        )
        .execute()
      await trx
        .deleteFrom('file')
        .where(isNotIn('file.id', { table: 'package_file', column: 'file_id' }))
        .execute()
      await trx.deleteFrom('file_index').where(isAmong('path', paths)).execute()
    }
  }
}
