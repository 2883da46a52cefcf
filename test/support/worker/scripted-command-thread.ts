/** A command thread that does what the name of the user says. */

import type { User } from '../../../src/core/accounts/user.ts'
import { taskAccepted } from '../../../src/core/problems/message.ts'
import { Problem } from '../../../src/core/problems/problem.ts'
import type { Task } from '../../../src/core/tasks/task.ts'
import { answerCall } from '../../../src/worker/commands/answer-call.ts'
import type { Commands } from '../../../src/worker/runtime/command-client.ts'
import { threadChannel } from '../../../src/worker/runtime/worker-channel.ts'

const scripts: Readonly<Record<string, () => unknown>> = {
  problem() {
    throw new Problem('REPOSITORY_UNAVAILABLE', 'The repository directory cannot be read: EIO.', {
      cause: new Error('a secret cause')
    })
  },
  error() {
    throw new RangeError('a bug of a command')
  },
  text() {
    throw 'only a text'
  },
  death: () => process.exit(1),
  silence: () => new Promise(() => {})
}

function taskFor(createdBy: string): Task {
  return {
    id: createdBy.length,
    kind: 'scan',
    state: 'queued',
    packagesDone: 0,
    packagesTotal: 0,
    bytesDone: 0,
    bytesTotal: 2 ** 40,
    archiveName: '',
    createdBy,
    createdAt: new Date('2026-04-05T06:07:08.009Z'),
    startedAt: null,
    finishedAt: null,
    run: null,
    messages: []
  }
}

const userOf = (name: string): User => ({
  name,
  role: 'viewer',
  createdAt: new Date(0),
  passwordChangedAt: new Date(0)
})

const commands: Commands = {
  async requestExport({ selection, requestedBy }) {
    return { task: { ...taskFor(requestedBy), archiveName: JSON.stringify(selection) }, notes: [] }
  },
  planDownload: async ({ fixids }) => ({
    id: 1,
    digest: 'd',
    packageCount: fixids.length,
    entryCount: 0,
    directoryOffset: 0,
    archiveSize: 22
  }),
  planExport: async ({ fixids }) => ({
    packageCount: fixids.length,
    entryCount: 0,
    archiveSize: 22,
    withoutPayload: { count: 0, first: [] },
    missingMembers: { count: 0, first: [] },
    missingRequisites: { count: 0, first: [] },
    freeBytes: 100,
    reservedBytes: 0,
    isShared: false
  }),
  async requestScan(requestedBy) {
    await scripts[requestedBy]?.()
    const task = taskFor(requestedBy)
    return { task, notes: [taskAccepted(task.id)] }
  },
  cancelTasks: async (taskIds) => taskIds.map((taskId) => ({ taskId, isCanceledNow: taskId % 2 === 1 })),
  deleteTasks: async () => {},
  deletePackages: async () => ({ fixids: [], fileCount: 0, bytes: 0, taskId: 1 }),
  announceImport: async ({ requestedBy }) => taskFor(requestedBy),
  beginUpload: async ({ requestedBy }) => `upload of ${requestedBy}`,
  finishUpload: async ({ requestedBy }) => ({ task: taskFor(requestedBy), isWaiting: false }),
  abandonUpload: async () => {},
  openSession: async () => {},
  endSession: async (id) => id === 'known',
  recordUse: async () => {},
  addUser: async (user) => userOf(user.name),
  changeUser: async (change) => userOf(change.name),
  removeUser: async () => {},
  rehashPassword: async () => {},
  addToken: async () => {},
  removeToken: async () => false,
  recordTokenUse: async () => {},
  recordFailures: async () => {},
  recordEvent: async () => {}
}

const channel = threadChannel()
channel.onCommand((call) => {
  if (call.command === 'call') void answerCall(commands, call, channel.emit)
})
