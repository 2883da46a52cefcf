/**
 * The thread that accepts and cancels work, writes sessions, users and the audit trail, keeps the leases of this process alive, and sweeps the archives. Planning a large
 * export takes a moment and a commit waits for the disk: both would keep the thread that answers requests from answering. And
 * no packing, however busy, can keep this thread from showing that the process lives.
 */
import fs from 'node:fs'
import { isPassingTrouble } from '../core/database-trouble.ts'
import { createArchiveDirectory } from '../files/archive-directory.ts'
import { createIncomingDirectory } from '../files/incoming-directory.ts'
import { putAside } from '../files/put-aside.ts'
import { createArchiveStore } from '../store/archive-store.ts'
import { createCatalogStore } from '../store/catalog-store.ts'
import { openDepotDatabase } from '../store/database.ts'
import { createSessionDesk } from '../store/session-store.ts'
import { createUserDesk } from '../store/user-desk.ts'
import { createWorkStore } from '../store/work-store.ts'
import { createImportDesk } from './accept-import.ts'
import { createAuditBatch } from './audit-batch.ts'
import { answerDeskCommand } from './desk-messages.ts'
import { deskPort } from './desk-port.ts'
import { BEAT_INTERVAL_MS, createLeaseWatch } from './lease-watch.ts'
import { freeRepositoryBytes } from './repository-room.ts'
import { SWEEP_INTERVAL_MS, sweepArchives } from './sweep-archives.ts'
import { createTaskDesk } from './task-desk.ts'

const port = deskPort()
const { settings } = port
const db = openDepotDatabase(settings)
const archives = createArchiveDirectory(settings.archivesDirectory)
const archiveStore = createArchiveStore(db)
const watch = createLeaseWatch(createWorkStore(db), settings.owner, () => performance.now())
const tasks = createTaskDesk({
  db,
  archives,
  freeBytes() {
    const { bavail, bsize } = fs.statfsSync(settings.archivesDirectory)
    return bavail * bsize
  },
  putAside: (paths) => putAside(settings.repositoryDirectory, paths),
  archiveTtlMs: settings.archiveTtlMs,
  userLimits: settings.userLimits,
  now: () => new Date()
})
const catalog = createCatalogStore(db)
const { sweepImports, ...imports } = createImportDesk({
  db,
  incoming: createIncomingDirectory(settings.repositoryDirectory),
  freeRepositoryBytes: () => freeRepositoryBytes(settings, catalog),
  userLimits: settings.userLimits,
  now: () => new Date()
})
const audit = createAuditBatch(db)
const desk = { ...tasks, ...imports, ...createSessionDesk(db), ...createUserDesk(db), recordEvent: audit.recordEvent }

/** What the desk does one after the other: it has one connection, and transactions on it must not mix. */
let last: Promise<unknown> = Promise.resolve()

function inTurn(work: () => Promise<unknown>): void {
  last = last.then(work)
}

/** What is done again and again may fail now and then; a bug ends the thread. */
function regularly(milliseconds: number, work: () => Promise<unknown>): NodeJS.Timeout {
  const attempt = () => work().catch(tolerate)
  inTurn(attempt)
  return setInterval(() => inTurn(attempt), milliseconds)
}

function tolerate(error: unknown): void {
  const code = String((error as NodeJS.ErrnoException).code)
  const isSystemError = /^E[A-Z]+$/.test(code)
  if (!isSystemError && !isPassingTrouble(error)) throw error
}

const sweep = async () => {
  await sweepArchives(archiveStore, archives, new Date())
  await sweepImports()
}
const timers = [regularly(BEAT_INTERVAL_MS, () => watch.beat()), regularly(SWEEP_INTERVAL_MS, sweep)]
port.onCommand((command) => {
  if (command.request.method === 'recordEvent') {
    // It goes along with what comes before its turn.
    void answerDeskCommand(desk, command)
    inTurn(audit.flush)
    return
  }
  inTurn(() => answerDeskCommand(desk, command))
  // A part that waits for its next run has no lane that would remove it.
  if (command.request.method === 'cancelTasks' || command.request.method === 'deleteTasks')
    inTurn(() => sweep().catch(tolerate))
})
port.onStop(() => {
  for (const timer of timers) clearInterval(timer)
  inTurn(async () => {
    await db.destroy()
    port.close()
  })
})
