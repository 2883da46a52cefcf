/**
 * What is moved with a depot from one database to another, in an order in which rows come after those they refer to:
 * all tables but `server` and `upload`, which tell of processes, and of these none runs.
 */
import type { Selectable } from 'kysely'
import { FROM_THE_START } from '../../core/tasks/job.ts'
import type { JobTable, Schema } from '../engine/schema.ts'

/** A row as any table has it. */
export type AnyRow = Readonly<Record<string, unknown>>

export interface MovedTable {
  readonly name: keyof Schema
  /** Columns that name a row, in whose order rows are moved. */
  readonly key: readonly string[]
  /** The row as it is on the other side, where it differs. */
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

/** Whose numbers are given by the database, and never twice. */
export const NUMBERED_TABLES = ['package', 'file', 'plan', 'job', 'task', 'user'] as const satisfies (keyof Schema)[]

/** Parts of archives stay where they are: who goes on with an export on the other side does so from its start. */
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
