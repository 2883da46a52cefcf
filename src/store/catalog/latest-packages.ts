/** Which packages are the latest. */
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { isIn } from '../engine/other-rows.ts'
import type { Schema } from '../engine/schema.ts'

/**
 * Whether a package is the newest of its product line, and no other package supersedes it.
 * @param extent whether the query reads a page of the latest packages or all of them
 */
export function isLatest(eb: ExpressionBuilder<Schema, 'package'>, extent: 'page' | 'all' = 'all') {
  return eb.and([eb.not(isOutdated(eb)), eb.not(extent === 'page' ? isSupersededByLookup() : isSuperseded(eb))])
}

/** Whether another package of its product line is newer. */
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

/** Like `isSuperseded`, with one lookup for each package, for queries of few packages. */
function isSupersededByLookup() {
  const where = sql<SqlBool>`other.kind = 'superseded'`
  return isIn('package.fixid', { table: 'package_requisite', column: 'fixid', where })
}
