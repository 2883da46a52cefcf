/** Receives the files of an import and waits for a short import to end. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { toStorageProblem } from '../../../core/problems/disk-error.ts'
import { Problem, problemOfMessage } from '../../../core/problems/problem.ts'
import type { Task, TaskReader } from '../../../core/tasks/task.ts'
import type { Services } from '../../services.ts'
import { receiveUpload } from '../../transfer/receive-upload.ts'

/** An import that takes longer continues after the answer. */
const WAIT_MS = 15_000

/** Short at first, since most imports are short; polling a task that has not changed is cheap. */
const FIRST_INTERVAL_MS = 15
const LAST_INTERVAL_MS = 50

export interface ImportUpload {
  readonly request: FastifyRequest
  readonly taskId: number | undefined
  readonly isReplacing: boolean
}

/**
 * @returns the task: ended, still running after WAIT_MS, or waiting for more files
 * @throws Problem when the import is not accepted, or fails within WAIT_MS
 */
export async function importFiles(
  { request, taskId, isReplacing }: ImportUpload,
  { commands, tasks, uploads }: Pick<Services, 'commands' | 'tasks' | 'uploads'>
): Promise<Task> {
  const requestedBy = request.userName
  const length = request.headers['content-length']
  const size = length === undefined ? undefined : Number(length)
  const upload = await commands.beginUpload({ size, taskId, requestedBy })
  const { task, isWaiting } = await receiveUpload(request.raw, uploads(upload))
    .then((files) => commands.finishUpload({ upload, files, taskId, isReplacing, requestedBy }))
    .catch(async (error) => {
      await commands.abandonUpload(upload).catch(() => {})
      throw toStorageProblem(error) ?? error
    })
  request.taskId = task.id
  if (isWaiting) return task
  const awaited = await waitForTask(tasks, task.id, WAIT_MS)
  const [message] = awaited.messages
  const refusal = awaited.state === 'failed' && message !== undefined ? problemOfMessage(message) : undefined
  if (refusal !== undefined) throw refusal
  return awaited
}

/**
 * The task once it has ended, or its state when the time is over.
 * @param id of a task that existed a moment ago
 * @throws Problem TASK_DELETED
 */
async function waitForTask(tasks: TaskReader, id: number, milliseconds: number): Promise<Task> {
  const deadline = performance.now() + milliseconds
  for (let interval = FIRST_INTERVAL_MS; ; interval = Math.min(LAST_INTERVAL_MS, interval * 1.3)) {
    const task = await tasks.findTask(id)
    if (task === undefined) throw new Problem('TASK_DELETED', `The task ${id} was deleted before it ended.`)
    if (task.finishedAt !== null || performance.now() >= deadline) return task
    await delay(interval)
  }
}
