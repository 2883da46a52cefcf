/** What the depot knows of itself, in numbers: for those who watch it. */
import type { CatalogProblemCode } from '../catalog/package.ts'
import type { TaskKind, TaskState } from './task.ts'

/** True since the repository was last read. */
export interface CatalogSize {
  readonly packages: number
  readonly files: number
  /** Bytes of all files that belong to packages. */
  readonly bytes: number
  /** How many problems of each kind; kinds without any are left out. */
  readonly problems: Readonly<Partial<Record<CatalogProblemCode, number>>>
}

/** Work of one kind that has not ended. */
export interface LiveJobs {
  readonly kind: TaskKind
  /** Tasks that wait for it. */
  readonly queuedTasks: number
  readonly runningTasks: number
  /** Pieces of work that no worker has claimed yet. */
  readonly queueDepth: number
  /** When the oldest task was accepted that waits for one of these; undefined when none does. */
  readonly oldestQueuedAt: Date | undefined
}

/** How the last scan ended. */
export interface LastScan {
  readonly state: Extract<TaskState, 'completed' | 'failed'>
  readonly finishedAt: Date
  /** Of its last run. */
  readonly seconds: number
}

/** How many tasks of a kind have ended in which state. */
export interface EndedCount {
  readonly kind: TaskKind
  readonly state: Extract<TaskState, 'completed' | 'failed' | 'canceled'>
  readonly count: number
}

export interface VolumeUse {
  /** `data` holds database and archives, `repository` the firmware. */
  readonly name: 'data' | 'repository'
  readonly totalBytes: number
  readonly freeBytes: number
  /** Of the free ones, promised to exports or imports that were accepted. */
  readonly reservedBytes: number
}

/** A part of the worker that is there all the time. */
export interface WorkerPartState {
  readonly name: string
  readonly isRunning: boolean
}

export interface DepotStatistics {
  readonly catalog: CatalogSize
  /** When the repository was last read; undefined before the first time. */
  readonly readAt: Date | undefined
  readonly lastScan: LastScan | undefined
  /** One for each kind, whether or not there is any. */
  readonly live: readonly LiveJobs[]
  /** Archives that are kept for download, and their bytes. */
  readonly keptArchives: number
  readonly keptBytes: number
  readonly sessions: number
  /** Volumes that cannot be asked are left out. */
  readonly volumes: readonly VolumeUse[]
  readonly workers: readonly WorkerPartState[]
}

/** One thing that has to work for the depot to be of use. */
export interface HealthCheck {
  readonly name: 'database' | 'repository' | 'space' | 'worker' | 'closing'
  readonly isHealthy: boolean
  /** A sentence; empty when healthy. */
  readonly reason: string
}

/** For people and their programs: `GET /api/v1/status`. */
export interface DepotStatus extends DepotStatistics {
  readonly startedAt: Date
  readonly checks: readonly HealthCheck[]
  /** Of all tasks that were not forgotten. */
  readonly ended: readonly EndedCount[]
}
