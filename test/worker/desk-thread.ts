/** A thread with the desk of a depot, whose clock stands still, and no lane. */
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase } from '../../src/store/database.ts'
import { answerDeskCommand } from '../../src/worker/desk-messages.ts'
import { createTaskDesk } from '../../src/worker/task-desk.ts'

const { databaseFile, now } = workerData
const desk = createTaskDesk({
  db: openDatabase({ file: databaseFile }),
  archives: { hasWhole: () => false },
  freeBytes: () => 2 ** 50,
  archiveTtlMs: 1000,
  now: () => new Date(now)
})
parentPort?.on('message', (command) => void answerDeskCommand(desk, command))
