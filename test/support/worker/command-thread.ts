/** A command thread of a depot, with a constant clock. */
import { workerData } from 'node:worker_threads'
import { DEFAULT_PROTECTION } from '../../../src/core/accounts/protection.ts'
import { createSessionCommands } from '../../../src/store/accounts/session-store.ts'
import { createUserCommands } from '../../../src/store/accounts/user-writer.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { answerCall } from '../../../src/worker/commands/answer-call.ts'
import { createTaskCommands } from '../../../src/worker/commands/task-commands.ts'
import type { Commands } from '../../../src/worker/runtime/command-client.ts'
import { threadChannel } from '../../../src/worker/runtime/worker-channel.ts'

const { databaseFile, databaseUrl, now } = workerData
const db = openDepotDatabase({ databaseFile, databaseUrl })
const tasks = createTaskCommands({
  db,
  archives: { isRemote: false, hasWhole: async () => false },
  freeBytes: () => 2 ** 50,
  stageDeletion() {
    throw new Error('This thread deletes nothing')
  },
  archiveTtlMs: 1000,
  userLimits: DEFAULT_PROTECTION.userLimits,
  now: () => new Date(now)
})
const noImport = async () => {
  throw new Error('This thread imports nothing')
}
const imports = {
  announceImport: noImport,
  beginUpload: noImport,
  finishUpload: noImport,
  abandonUpload: noImport
}
const commands: Commands = {
  ...tasks,
  ...imports,
  ...createSessionCommands(db),
  ...createUserCommands(db),
  recordEvent: async () => {}
}
const channel = threadChannel()
channel.onCommand((call) => {
  if (call.command === 'call') void answerCall(commands, call, channel.emit)
})
