/** A supervisor over a depot, all that it tells, and the threads and processes that it starts. */
import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { enableCompileCache } from 'node:module'
import type { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { createJobStore } from '../../../src/store/tasks/job-store.ts'
import { type Supervisor, type SupervisorOptions, startSupervisor } from '../../../src/worker/runtime/supervisor.ts'
import type { JobReport } from '../../../src/worker/runtime/worker-channel.ts'
import type { WorkerPart } from '../../../src/worker/runtime/worker-slot.ts'
import type { BareDepot } from '../depot.ts'

// As in the server: with it a thread starts in half the time.
const { directory } = enableCompileCache()
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory

export interface Supervised extends Supervisor {
  readonly reports: readonly JobReport[]
  readonly crashes: readonly { readonly part: WorkerPart; readonly error: unknown }[]
  /** All that were ever started, the newest last; the first one runs commands. */
  readonly threads: readonly Worker[]
  readonly children: readonly ChildProcess[]
  /** The first report that says this of a task after so many crashes, as soon as there is one. */
  reported(event: JobReport['event'], taskId: number, crashes?: number): Promise<JobReport>
  /** Resolves with the next crash that is told, at the moment at which it is told. */
  crashed(): Promise<void>
}

/** Starts a supervisor; it is stopped with the test at the latest. @param further of its options */
export async function supervise(
  t: Test,
  depot: BareDepot,
  exportThreads = 1,
  catalogIdleMs?: number,
  further: Pick<SupervisorOptions, 'hasOthers' | 'notifications'> = {}
): Promise<Supervised> {
  const reports: JobReport[] = []
  const crashes: { part: WorkerPart; error: unknown }[] = []
  const watchers = new Set<() => void>()
  const told = () => {
    for (const look of watchers) look()
  }
  const threads = collect<Worker>(t, 'worker_threads', 'worker')
  const children = collect<ChildProcess>(t, 'child_process', 'process')
  const supervisor = await startSupervisor({
    settings: {
      dataDirectory: depot.dataDirectory,
      databaseFile: depot.databaseFile,
      databaseUrl: depot.databaseUrl,
      repositoryDirectory: depot.repositoryDirectory,
      archivesDirectory: depot.archivesDirectory,
      owner: depot.owner,
      archiveTtlMs: depot.archiveTtlMs,
      userLimits: depot.userLimits
    },
    jobs: createJobStore(depot.db),
    exportThreads,
    ...(catalogIdleMs !== undefined && { catalogIdleMs }),
    ...further,
    onReport(report) {
      reports.push(report)
      told()
    },
    onCrash(part, error) {
      crashes.push({ part, error })
      told()
    }
  })
  t.teardown(() => supervisor.stop())

  function found<Found>(find: () => Found | undefined): Promise<Found> {
    return new Promise((resolve) => {
      const look = () => {
        const result = find()
        if (result === undefined) return
        watchers.delete(look)
        resolve(result)
      }
      watchers.add(look)
      look()
    })
  }

  return {
    ...supervisor,
    reports,
    crashes,
    threads,
    children,
    reported: (event, taskId, crashes) =>
      found(() =>
        reports.find(
          (report) =>
            report.event === event && report.taskId === taskId && report.crashes === (crashes ?? report.crashes)
        )
      ),
    async crashed() {
      const known = crashes.length
      await found(() => crashes[known])
    }
  }
}

/** What Node tells on a channel of its own, from now to the end of the test. */
function collect<Thing>(t: Test, channel: string, key: string): Thing[] {
  const things: Thing[] = []
  const listener = (message: unknown) => void things.push((message as Record<string, Thing>)[key] as Thing)
  subscribe(channel, listener)
  t.teardown(() => unsubscribe(channel, listener))
  return things
}
