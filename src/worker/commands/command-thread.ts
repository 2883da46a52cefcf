/**
 * The thread that runs commands: it accepts and cancels jobs, writes sessions, users and the audit trail, sends the
 * heartbeats of this server, and sweeps the archives. Planning a large export takes a moment and a commit waits for the
 * disk: both would keep the thread that answers requests from answering. And no packing, however busy, can delay the
 * heartbeats of this thread.
 */

import { isTransientDatabaseError } from '../../core/problems/database-error.ts'
import { StorageError } from '../../core/problems/storage-error.ts'
import { isSystemError } from '../../core/problems/system-error.ts'
import { ownerToShow } from '../../core/storage/storage-config.ts'
import { createIncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { openOwnArchives } from '../../storage/open-archive-storage.ts'
import { createSessionCommands } from '../../store/accounts/session-store.ts'
import { createUserCommands } from '../../store/accounts/user-writer.ts'
import { createCatalogStore } from '../../store/catalog/catalog-store.ts'
import { openDepotDatabase } from '../../store/engine/database.ts'
import { createDatabaseClock } from '../../store/engine/database-clock.ts'
import { createArchiveStore } from '../../store/tasks/archive-store.ts'
import { HEARTBEAT_INTERVAL_MS } from '../cluster/heartbeat.ts'
import { connectHeartbeat } from '../cluster/heartbeat-connection.ts'
import { removeAbandonedUploads } from '../import/remove-leftovers.ts'
import type { CommandCall, Commands } from '../runtime/command-client.ts'
import { freeRepositoryBytes } from '../runtime/repository-space.ts'
import { threadChannel } from '../runtime/worker-channel.ts'
import { answerCall } from './answer-call.ts'
import { createAuditBatch } from './audit-batch.ts'
import { createCommandQueue } from './command-queue.ts'
import { createImportCommands } from './import-commands.ts'
import { SWEEP_INTERVAL_MS, sweepArchives } from './sweep-archives.ts'
import { createTaskCommands } from './task-commands.ts'

const channel = threadChannel()
const { settings } = channel
const db = openDepotDatabase(settings)
const clock = createDatabaseClock(db)
const archives = openOwnArchives(settings)
const repository = createRepositoryDirectory(settings.repositoryDirectory, ownerToShow(settings))
const archiveStore = createArchiveStore(db)
const heartbeat = connectHeartbeat(settings, archives.isRemote)
const tasks = createTaskCommands({
  db,
  archives,
  freeBytes: () => archives.freeBytes(),
  stageDeletion: repository.stageDeletion,
  archiveTtlMs: settings.archiveTtlMs,
  userLimits: settings.userLimits,
  now: clock.now
})
const catalog = createCatalogStore(db)
const { sweepImports, ...imports } = createImportCommands({
  db,
  owner: settings.owner,
  incoming: createIncomingDirectory(settings.repositoryDirectory),
  freeRepositoryBytes: () => freeRepositoryBytes(settings, catalog),
  userLimits: settings.userLimits,
  now: clock.now
})
const audit = createAuditBatch(db)
const commands: Commands = {
  ...tasks,
  ...imports,
  ...createSessionCommands(db),
  ...createUserCommands(db),
  recordEvent: audit.recordEvent
}

const queue = createCommandQueue()

function runRegularly(milliseconds: number, run: () => unknown): NodeJS.Timeout {
  run()
  return setInterval(run, milliseconds)
}

/** The next repetition may succeed. A bug ends the thread. */
function tolerate(error: unknown): void {
  if (!isSystemError(error) && !isTransientDatabaseError(error) && !(error instanceof StorageError)) throw error
}

let sweeps: Promise<unknown> = Promise.resolve()
let waitingSweeps = 0
let isStopping = false

/** Sweeps run one after the other; a sweep that waits for its start serves all requests of that time. */
function sweep(): void {
  if (waitingSweeps > 0) return
  waitingSweeps += 1
  sweeps = sweeps
    .then(async () => {
      waitingSweeps -= 1
      if (isStopping) return
      await sweepArchives(archiveStore, archives, clock.now(), queue.outcomeOf)
      await queue.outcomeOf(sweepImports)
      if (heartbeat === undefined) return
      await queue.outcomeOf(() => removeAbandonedUploads(db, settings.repositoryDirectory, false))
    })
    .catch((error) => {
      // A stop closes the database and the connections of the storage.
      if (!isStopping) tolerate(error)
    })
}

function sendHeartbeat(): void {
  void heartbeat?.beat().catch(tolerate)
  queue.add(() => clock.sync().catch(tolerate))
}

const timers = [runRegularly(SWEEP_INTERVAL_MS, sweep)]
if (heartbeat !== undefined) timers.push(runRegularly(HEARTBEAT_INTERVAL_MS, sendHeartbeat))
channel.onCommand((command) => {
  if (command.command === 'call') onCall(command)
  else if (command.command === 'stop') stop()
})

function onCall(call: CommandCall): void {
  const answer = () => answerCall(commands, call, channel.emit)
  if (call.name === 'recordEvent') {
    // A transaction that is already in the queue appends the record.
    void answer()
    queue.add(audit.flush)
    return
  }
  queue.add(answer)
  // A canceled job that waited for its next run has no worker that removes its part of an archive.
  if (call.name === 'cancelTasks' || call.name === 'deleteTasks') queue.add(async () => sweep())
}

function stop(): void {
  isStopping = true
  for (const timer of timers) clearInterval(timer)
  queue.add(async () => {
    await heartbeat?.close()
    archives.close()
    await db.destroy()
    channel.close()
  })
}
