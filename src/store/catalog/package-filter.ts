/** A package filter as a condition of a query over the catalog. */
import { type ExpressionBuilder, sql } from 'kysely'
import type { PackageFilter } from '../../core/catalog/catalog.ts'
import { contains, isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'
import { isLatest } from './latest-packages.ts'

/** @param extent whether the query reads a page of the matching packages or all of them */
export function matches(
  eb: ExpressionBuilder<Schema, 'package'>,
  filter: PackageFilter,
  extent: 'page' | 'all' = 'all'
) {
  const { kind, machineTypes, latestOnly = false, search, isDownloaded } = filter
  return eb.and([
    ...(kind === undefined ? [] : [eb('package.kind', '=', kind)]),
    ...(machineTypes === undefined ? [] : [isForAny(eb, machineTypes)]),
    ...(latestOnly ? [isLatest(eb, extent)] : []),
    ...(search === undefined ? [] : [mentions(search)]),
    ...(isDownloaded === undefined ? [] : [eb('package.payload_state', isDownloaded ? '<>' : '=', 'missing')])
  ])
}

function mentions(search: string) {
  const part = search.toLowerCase()
  return contains(sql`lower(package.fixid || ' ' || package.name || ' ' || package.category)`, part)
}

function isForAny(eb: ExpressionBuilder<Schema, 'package'>, machineTypes: readonly string[]) {
  return eb(
    'package.id',
    'in',
    eb
      .selectFrom('package_machine_type')
      .select('package_machine_type.package_id')
      .where(isAmong('machine_type', machineTypes))
  )
}
