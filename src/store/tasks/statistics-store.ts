/**
 * Statistics of the depot. They are polled: the queries read live rows, an index, or what has changed since the last
 * query. Only `catalogSize` reads all packages and files; it is called after the catalog has changed.
 */
import { sql } from 'kysely'
import type { CatalogProblemCode } from '../../core/catalog/package.ts'
import type { CatalogSize, EndedCount, LastScan, LiveJobs } from '../../core/tasks/statistics.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { groupOf } from '../engine/dialect.ts'

const KINDS: readonly TaskKind[] = ['export', 'scan', 'import']

export type StatisticsStore = ReturnType<typeof createStatisticsStore>

export function createStatisticsStore(db: Database) {
  return {
    /** The time of the last scan that was published, with or without a change of the catalog. */
    async readAt(): Promise<Date | undefined> {
      const row = await db.selectFrom('catalog').select('read_at').executeTakeFirstOrThrow()
      return row.read_at === null ? undefined : new Date(row.read_at)
    },

    /** Reads the whole catalog: about 10 ms for 100,000 files. */
    async catalogSize(): Promise<CatalogSize> {
      const count = (table: 'package' | 'catalog_problem') =>
        db.selectFrom(table).select((eb) => eb.fn.countAll<number>().as('count'))
      const { count: packages } = await count('package').executeTakeFirstOrThrow()
      const files = await db
        .selectFrom('file')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .select(sql<number>`coalesce(sum(size), 0)`.as('bytes'))
        .executeTakeFirstOrThrow()
      const problems = await count('catalog_problem').select('code').groupBy('code').orderBy('code').execute()
      return {
        packages,
        files: files.count,
        bytes: files.bytes,
        problems: Object.fromEntries(problems.map((row) => [row.code as CatalogProblemCode, row.count]))
      }
    },

    /** The live tasks and jobs, one entry for each kind. */
    async liveJobs(): Promise<LiveJobs[]> {
      const rows = await db
        .selectFrom('task')
        .innerJoin('job', 'job.id', 'task.job_id')
        .select(['task.kind', 'job.state'])
        .select((eb) => [
          eb.fn.countAll<number>().as('tasks'),
          eb.fn.count<number>('job.id').distinct().as('jobs'),
          eb.fn.min<number>('task.created_at').as('oldest')
        ])
        .where('task.state', '=', 'live')
        .groupBy(['task.kind', 'job.state'])
        .execute()
      return KINDS.map((kind) => {
        const [queued, open, running] = ['queued', 'open', 'running'].map((state) =>
          rows.find((row) => row.kind === kind && row.state === state)
        )
        return {
          kind,
          queuedTasks: (queued?.tasks ?? 0) + (open?.tasks ?? 0),
          runningTasks: running?.tasks ?? 0,
          queueDepth: queued?.jobs ?? 0,
          oldestQueuedAt: queued && new Date(queued.oldest)
        }
      })
    },

    /** The last scan whose task still exists. */
    async lastScan(): Promise<LastScan | undefined> {
      // Each query is one lookup in the index of states.
      const lastOf = (state: LastScan['state']) =>
        db
          .selectFrom('task')
          .select((eb) => eb.fn.max<number | null>('id').as('id'))
          .where('state', '=', state)
          .where('kind', '=', 'scan')
          .executeTakeFirstOrThrow()
      const id = Math.max((await lastOf('completed')).id ?? 0, (await lastOf('failed')).id ?? 0)
      const row = await db
        .selectFrom('task')
        .innerJoin('job', 'job.id', 'task.job_id')
        .select(['task.state', 'task.finished_at', 'job.run_started_at'])
        .where('task.id', '=', id)
        .executeTakeFirst()
      if (row?.finished_at == null) return undefined
      const seconds = (row.finished_at - (row.run_started_at ?? row.finished_at)) / 1000
      return { state: row.state as LastScan['state'], finishedAt: new Date(row.finished_at), seconds }
    },

    /** The greatest end number, and the outcomes of the tasks with a greater end number than `after`. */
    async endedSince(after: number): Promise<{ last: number; counts: EndedCount[] }> {
      const rows = await db
        .selectFrom('task')
        .select(['kind', 'state'])
        .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.max<number>('end_number').as('last')])
        .where('end_number', '>', after)
        // Makes SQLite use the index of end numbers instead of the index of states.
        .groupBy([groupOf('kind'), groupOf('state')])
        .execute()
      return { last: Math.max(after, ...rows.map((row) => row.last)), counts: rows.map(toEndedCount) }
    },

    /** The outcomes of all tasks that still exist, read from the index only. */
    async ended(): Promise<EndedCount[]> {
      const rows = await db
        .selectFrom('task')
        .select(['kind', 'state'])
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('state', 'in', ['completed', 'failed', 'canceled'])
        .groupBy(['state', 'kind'])
        .execute()
      return rows.map(toEndedCount)
    },

    /** Number and bytes of the archives that can be downloaded. */
    async keptArchives(): Promise<{ count: number; bytes: number }> {
      return (
        db
          .selectFrom('plan')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .select(sql<number>`coalesce(sum(archive_size), 0)`.as('bytes'))
          // The condition of the partial index of digests, which has no rows of removed archives.
          .where('archive_state', 'in', ['pending', 'kept'])
          .where('archive_state', '=', 'kept')
          .executeTakeFirstOrThrow()
      )
    },

    /** Number of sessions that were used since this time. */
    async sessionsSince(time: Date): Promise<number> {
      const row = await db
        .selectFrom('session')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('last_used_at', '>', time.getTime())
        .executeTakeFirstOrThrow()
      return row.count
    },

    /** Whether the job has not ended: then a worker that stopped it has lost it to another one. */
    async isLive(jobId: number): Promise<boolean> {
      const row = await db
        .selectFrom('job')
        .select('id')
        .where('id', '=', jobId)
        .where('state', '<>', 'ended')
        .executeTakeFirst()
      return row !== undefined
    }
  }
}

function toEndedCount({ kind, state, count }: { kind: string; state: string; count: number }): EndedCount {
  return { kind: kind as TaskKind, state: state as EndedCount['state'], count }
}
