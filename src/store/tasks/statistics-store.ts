/**
 * Numbers about the depot. Whoever watches it asks all the time: these queries read what is live, what an index has, or
 * what has changed since the last time. The one that reads all packages and files is for whoever knows that they have
 * changed.
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
    /** Changes with every scan that has changed the catalog, or found that it has not changed. */
    async readAt(): Promise<Date | undefined> {
      const row = await db.selectFrom('catalog').select('read_at').executeTakeFirstOrThrow()
      return row.read_at === null ? undefined : new Date(row.read_at)
    },

    /** Reads all of the catalog: some ten milliseconds for a hundred thousand files. */
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

    /** One for each kind. */
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

    /** Of those that were not forgotten. */
    async lastScan(): Promise<LastScan | undefined> {
      // Each of them is one step in the index of states.
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

    /** The number of the task that has ended last, and how the tasks have ended that did so after that one. */
    async endedSince(after: number): Promise<{ last: number; counts: EndedCount[] }> {
      const rows = await db
        .selectFrom('task')
        .select(['kind', 'state'])
        .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.max<number>('end_number').as('last')])
        .where('end_number', '>', after)
        // The index to be taken is that of the numbers, and not that of the states.
        .groupBy([groupOf('kind'), groupOf('state')])
        .execute()
      return { last: Math.max(after, ...rows.map((row) => row.last)), counts: rows.map(toEndedCount) }
    },

    /** Of all tasks that were not forgotten: from the index alone. */
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

    /** Archives that can be downloaded, and their bytes. */
    async keptArchives(): Promise<{ count: number; bytes: number }> {
      return (
        db
          .selectFrom('plan')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .select(sql<number>`coalesce(sum(archive_size), 0)`.as('bytes'))
          // The condition of the index of digests, which leaves out all archives that are gone.
          .where('archive_state', 'in', ['pending', 'kept'])
          .where('archive_state', '=', 'kept')
          .executeTakeFirstOrThrow()
      )
    },

    /** Those that were used since. */
    async sessionsSince(time: Date): Promise<number> {
      const row = await db
        .selectFrom('session')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('last_used_at', '>', time.getTime())
        .executeTakeFirstOrThrow()
      return row.count
    },

    /** Whether the work still has to be done: then whoever dropped it has lost it to somebody else. */
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
