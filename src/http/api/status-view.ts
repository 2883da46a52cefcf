/** The answer of /api/v1/status. */
import { type Static, Type } from 'typebox'
import type { DepotStatus } from '../../core/tasks/statistics.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import { HealthCheckView, readinessView } from '../bodies/health-check-view.ts'

const Time = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: `${description}; null: never.` })

const Count = (description?: string) => Type.Integer(description === undefined ? {} : { description })

const TaskCounts = Type.Object(
  {
    queued: Count(),
    running: Count(),
    completed: Count('Tasks that are still kept; so are failed and canceled.'),
    failed: Count(),
    canceled: Count(),
    queueDepth: Count('Jobs that wait for a worker; equal exports share one job.'),
    oldestQueuedSeconds: Type.Number({ description: 'How long the oldest job has waited; 0 without a waiting job.' })
  },
  { title: 'TaskCounts' }
)

export const DepotStatusView = Type.Object(
  {
    status: Type.String({ description: '`ready`, or `not ready` when a check failed.' }),
    checks: Type.Array(HealthCheckView),
    version: Type.String(),
    startedAt: Type.String({ format: 'date-time' }),
    uptimeSeconds: Count(),
    catalog: Type.Object({
      packages: Count(),
      files: Count(),
      bytes: Count(),
      problems: Count('`GET /api/v1/problems` lists them.'),
      readAt: Time('When the repository was last scanned'),
      lastScan: Type.Union(
        [
          Type.Object({
            state: Type.String({ description: '`completed` or `failed`.' }),
            finishedAt: Type.String({ format: 'date-time' }),
            seconds: Type.Number()
          }),
          Type.Null()
        ],
        { description: 'Null when no scan task is kept.' }
      )
    }),
    tasks: Type.Object({ export: TaskCounts, scan: TaskCounts, import: TaskCounts }),
    archives: Type.Object({ kept: Count('Archives that can be downloaded.'), bytes: Count() }),
    sessions: Count('Sessions that have not ended.'),
    volumes: Type.Array(
      Type.Object({
        name: Type.String({ description: '`data` or `repository`.' }),
        totalBytes: Count(),
        freeBytes: Count(),
        reservedBytes: Count('Part of the free bytes that is reserved for accepted exports and imports.')
      })
    ),
    workers: Type.Array(Type.Object({ name: Type.String(), isRunning: Type.Boolean() }), {
      description: 'The threads of the worker that always run.'
    })
  },
  { title: 'DepotStatus' }
)

export function depotStatusView(depot: DepotStatus, version: string, now: Date): Static<typeof DepotStatusView> {
  const { catalog, readAt, lastScan } = depot
  const { packages, files, bytes } = catalog
  return {
    ...readinessView(depot.checks),
    version,
    startedAt: depot.startedAt.toISOString(),
    uptimeSeconds: Math.max(0, Math.floor((now.getTime() - depot.startedAt.getTime()) / 1000)),
    catalog: {
      packages,
      files,
      bytes,
      problems: Object.values(catalog.problems).reduce((sum, count) => sum + count, 0),
      readAt: readAt?.toISOString() ?? null,
      lastScan: lastScan === undefined ? null : { ...lastScan, finishedAt: lastScan.finishedAt.toISOString() }
    },
    tasks: {
      export: taskCounts(depot, 'export', now),
      scan: taskCounts(depot, 'scan', now),
      import: taskCounts(depot, 'import', now)
    },
    archives: { kept: depot.keptArchives, bytes: depot.keptBytes },
    sessions: depot.sessions,
    volumes: depot.volumes.map(({ name, totalBytes, freeBytes, reservedBytes }) => ({
      name,
      totalBytes,
      freeBytes,
      reservedBytes
    })),
    workers: depot.workers.map(({ name, isRunning }) => ({ name, isRunning }))
  }
}

function taskCounts({ live, ended }: DepotStatus, kind: TaskKind, now: Date): Static<typeof TaskCounts> {
  const job = live.find((some) => some.kind === kind)
  const count = (state: string) => ended.find((some) => some.kind === kind && some.state === state)?.count ?? 0
  const oldest = job?.oldestQueuedAt
  return {
    queued: job?.queuedTasks ?? 0,
    running: job?.runningTasks ?? 0,
    completed: count('completed'),
    failed: count('failed'),
    canceled: count('canceled'),
    queueDepth: job?.queueDepth ?? 0,
    oldestQueuedSeconds: oldest === undefined ? 0 : Math.max(0, (now.getTime() - oldest.getTime()) / 1000)
  }
}
