/** What all lanes have in common: a connection, and how they are woken, stopped and reported on. */

import { isPassingTrouble } from '../core/database-trouble.ts'
import type { Message } from '../core/message.ts'
import type { TaskKind } from '../core/task.ts'
import type { ClaimedWork } from '../core/work.ts'
import { createCatalogTurn } from '../store/catalog-turn.ts'
import { type Depot, openDepotDatabase } from '../store/database.ts'
import { createDatabaseClock } from '../store/database-clock.ts'
import { isPostgres } from '../store/dialect.ts'
import { createWorkStore, type WorkStore } from '../store/work-store.ts'
import { startLane, TaskFailure, type WorkEvent } from './lane.ts'
import { CATALOG_KINDS, type JobReport, type WorkerChannel } from './runtime/worker-channel.ts'
import type { WorkerSettings } from './settings.ts'

export interface LaneContext {
  readonly settings: WorkerSettings
  /** The lane's only connection. */
  readonly db: Depot
  readonly works: WorkStore
  /** Tells how many more bytes of archives are on the disk to stay. */
  readonly onPacked: (bytes: number) => void
}

/** What another server has canceled stops so soon, also when that has died before it told of it. */
const CHECK_INTERVAL_MS = 2_000

/** How the work of a lane is done. */
export interface PreparedLane {
  run(work: ClaimedWork, signal: AbortSignal): Promise<Message>
  /** Told when the success of the work is recorded. */
  onCompleted?(work: ClaimedWork): Promise<void>
  /** Removes what was made for work that was cancelled before its end was recorded. */
  onTooLate?(work: ClaimedWork): Promise<void>
  /** Removes what the runs of failed work have left. */
  onFailed?(work: ClaimedWork): Promise<void>
  /** Removes what is left of work that has ended without any of these. */
  sweep?(): Promise<void>
  close(): Promise<void>
}

/**
 * Turns this thread or process into a lane. It ends after a `stop`.
 * @param prepare makes what all work of the lane shares
 */
export function hostLane(
  channel: WorkerChannel,
  kinds: readonly TaskKind[],
  prepare: (context: LaneContext) => PreparedLane
): void {
  const { settings } = channel
  const db = openDepotDatabase(settings)
  const works = createWorkStore(db)
  const clock = createDatabaseClock(db)
  const { close, ...prepared } = prepare({
    settings,
    db,
    works,
    onPacked: (bytes) => channel.emit({ event: 'packed', bytes })
  })

  const lane = startLane({
    kinds,
    owner: settings.owner,
    works: { ...works, claimNext: claimAtDatabaseTime },
    turn: kinds === CATALOG_KINDS ? createCatalogTurn(db, kinds) : undefined,
    ...prepared,
    // The only server there is tells of every cancel.
    checkIntervalMs: isPostgres(db) ? CHECK_INTERVAL_MS : undefined,
    onEvent: report,
    onIdle: () => channel.emit({ event: 'idle' }),
    isPassing: isPassingTrouble,
    archiveTtlMs: settings.archiveTtlMs,
    now: clock.now
  })

  async function claimAtDatabaseTime(...claim: Parameters<WorkStore['claimNext']>) {
    await clock.sync()
    return works.claimNext(...claim)
  }

  function report(event: WorkEvent, { kind, workId, taskId, crashes }: ClaimedWork, error?: unknown): void {
    const failure = error === undefined ? {} : { failure: toFailure(error) }
    channel.emit({ event, kind, workId, taskId, crashes, ...failure })
  }

  channel.onCommand(({ command }) => {
    if (command === 'wake') lane.wake()
    else if (command === 'stop') void lane.stop()
    else if (command === 'check') void lane.check()
  })
  void lane.ended.then(async () => {
    await close()
    await db.destroy()
    channel.close()
  })
}

function toFailure(error: unknown): NonNullable<JobReport['failure']> {
  const text = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? text) : text
  return { text, stack, isExpected: error instanceof TaskFailure }
}
