/** Which packages a filter lets through, as a condition of a query over the catalog. */
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { PackageFilter } from '../core/catalog.ts'
import { isLatest } from './latest-packages.ts'
import type { Schema } from './schema.ts'

export function fits(eb: ExpressionBuilder<Schema, 'package'>, filter: PackageFilter) {
  const { kind, machineTypes, latestOnly = false, search, isDownloaded } = filter
  return eb.and([
    ...(kind === undefined ? [] : [eb('package.kind', '=', kind)]),
    ...(machineTypes === undefined ? [] : [isForAny(eb, machineTypes)]),
    ...(latestOnly ? [isLatest(eb)] : []),
    ...(search === undefined ? [] : [mentions(search)]),
    ...(isDownloaded === undefined ? [] : [eb('package.payload_state', isDownloaded ? '<>' : '=', 'missing')])
  ])
}

/** `instr` takes the text as it is: nothing in it stands for anything else. */
function mentions(search: string) {
  const part = search.toLowerCase()
  return sql<SqlBool>`instr(lower(package.fixid || ' ' || package.name || ' ' || package.category), ${part}) > 0`
}

function isForAny(eb: ExpressionBuilder<Schema, 'package'>, machineTypes: readonly string[]) {
  return eb(
    'package.id',
    'in',
    eb
      .selectFrom('package_machine_type')
      .select('package_machine_type.package_id')
      .where(sql<SqlBool>`machine_type in (select value from json_each(${JSON.stringify(machineTypes)}))`)
  )
}
