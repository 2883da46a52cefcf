/** Which packages are the newest of their kind. */
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { isIn } from '../engine/other-rows.ts'
import type { Schema } from '../engine/schema.ts'

/**
 * Neither is there a newer one of its product line, nor does another package supersede it.
 * @param extent a page of those that are, or all of them
 */
export function isLatest(eb: ExpressionBuilder<Schema, 'package'>, extent: 'page' | 'all' = 'all') {
  return eb.and([eb.not(isOutdated(eb)), eb.not(extent === 'page' ? isSupersededOne() : isSuperseded(eb))])
}

/** Another package of its product line is newer. */
function isOutdated(eb: ExpressionBuilder<Schema, 'package'>) {
  return eb.exists(
    eb
      .selectFrom('package as newer')
      .select('newer.id')
      .whereRef('newer.product_line', '=', 'package.product_line')
      .where(
        sql<SqlBool>`(newer.version_key, newer.release_date, newer.fixid) >
          (package.version_key, package.release_date, package.fixid)`
      )
  )
}

function isSuperseded(eb: ExpressionBuilder<Schema, 'package'>) {
  return eb.exists(
    eb
      .selectFrom('package_requisite')
      .select('package_requisite.fixid')
      .whereRef('package_requisite.fixid', '=', 'package.fixid')
      .where('package_requisite.kind', '=', 'superseded')
  )
}

/** The same for few packages. */
function isSupersededOne() {
  const where = sql<SqlBool>`other.kind = 'superseded'`
  return isIn('package.fixid', { table: 'package_requisite', column: 'fixid', where })
}
