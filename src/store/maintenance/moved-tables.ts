/**
 * The tables that are moved with a depot, in an order in which rows come after the rows that they refer to: all tables
 * except `server` and `upload`, which describe processes, and none runs during a move.
 */
import type { Selectable } from 'kysely'
import { FROM_THE_START } from '../../core/tasks/job.ts'
import type { JobTable, Schema } from '../engine/schema.ts'

/** A row of any table. */
export type AnyRow = Readonly<Record<string, unknown>>

export interface MovedTable {
  readonly name: keyof Schema
  /** The columns that identify a row; rows are moved in their order. */
  readonly key: readonly string[]
  /** The row in the target, if it differs. */
  readonly toMoved?: (row: AnyRow) => AnyRow
}

export const MOVED_TABLES: readonly MovedTable[] = [
  { name: 'catalog', key: ['id'] },
  { name: 'file_index', key: ['path'] },
  { name: 'package', key: ['id'] },
  { name: 'file', key: ['id'] },
  { name: 'package_file', key: ['package_id', 'file_id'] },
  { name: 'package_machine_type', key: ['machine_type', 'package_id'] },
  { name: 'package_member', key: ['package_id', 'position'] },
  { name: 'package_requisite', key: ['package_id', 'position'] },
  { name: 'package_property', key: ['package_id', 'name', 'position'] },
  { name: 'catalog_problem', key: ['path', 'code', 'text'] },
  { name: 'plan', key: ['id'] },
  { name: 'plan_entry', key: ['plan_id', 'position'] },
  { name: 'job', key: ['id'], toMoved: (row) => requeued(row as unknown as Selectable<JobTable>) },
  { name: 'import_job', key: ['job_id'] },
  { name: 'import_file', key: ['job_id', 'name'] },
  { name: 'import_change', key: ['job_id', 'position'] },
  { name: 'import_package', key: ['job_id', 'fixid'] },
  { name: 'task', key: ['id'] },
  { name: 'task_count', key: ['ended'] },
  { name: 'task_message', key: ['task_id', 'position'] },
  { name: 'user', key: ['id'] },
  { name: 'token', key: ['id'] },
  { name: 'login_failure', key: ['key'] },
  { name: 'session', key: ['id'] },
  { name: 'identity', key: ['id'] },
  { name: 'audit', key: ['number'] }
]

/** Tables whose ids the database generates, and never twice. */
export const NUMBERED_TABLES = ['package', 'file', 'plan', 'job', 'task', 'user'] as const satisfies (keyof Schema)[]

/** Partial archives are not moved: exports restart from the beginning. */
function requeued(row: Selectable<JobTable>): AnyRow {
  if (row.state !== 'queued' && row.state !== 'running') return { ...row }
  const { offset, position, crc32 } = FROM_THE_START
  return {
    ...row,
    state: 'queued',
    lease_owner: null,
    checkpoint_offset: offset,
    checkpoint_position: position,
    checkpoint_crc32: crc32
  }
}
