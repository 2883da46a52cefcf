/** A supervisor of a depot, its reports, and the threads and processes that it starts. */
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
  /** All started threads, the newest last; the first one runs commands. */
  readonly threads: readonly Worker[]
  readonly children: readonly ChildProcess[]
  /** Resolves with the first report of this event of the task, after this number of crashes. */
  reported(event: JobReport['event'], taskId: number, crashes?: number): Promise<JobReport>
  /** Resolves when the next crash is reported. */
  crashed(): Promise<void>
}

/** Starts a supervisor; the end of the test stops it. @param further of its options */
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
  const notifyWatchers = () => {
    for (const check of watchers) check()
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
      notifyWatchers()
    },
    onCrash(part, error) {
      crashes.push({ part, error })
      notifyWatchers()
    }
  })
  t.teardown(() => supervisor.stop())

  function found<Found>(find: () => Found | undefined): Promise<Found> {
    return new Promise((resolve) => {
      const check = () => {
        const result = find()
        if (result === undefined) return
        watchers.delete(check)
        resolve(result)
      }
      watchers.add(check)
      check()
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

/** The messages of a diagnostics channel of Node, from now to the end of the test. */
function collect<Thing>(t: Test, channel: string, key: string): Thing[] {
  const things: Thing[] = []
  const listener = (message: unknown) => void things.push((message as Record<string, Thing>)[key] as Thing)
  subscribe(channel, listener)
  t.teardown(() => unsubscribe(channel, listener))
  return things
}
