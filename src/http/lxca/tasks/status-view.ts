/** The answer of the status call. */
import { type Static, Type } from 'typebox'
import { type Message, OPERATION_SUCCEEDED } from '../../../core/problems/message.ts'
import type { LiveTotals, Task, TaskKind, TaskState } from '../../../core/tasks/task.ts'
import { MessageView, messageView } from '../../bodies/result-body.ts'

const counters = {
  current: Type.String({ description: 'Name of the archive; empty without an archive.' }),
  downloadednum: Type.Integer({ description: 'Completed packages.' }),
  downloadedsize: Type.Integer({ description: 'Completed bytes; exact at any time.' }),
  progress: Type.Integer({ description: '0 queued, 50 running, 100 ended.' }),
  state: Type.String({ description: '`created`, `running`, `complete`, `error` or `canceled`.' }),
  taskIds: Type.String({
    description: 'The id of the task; with taskid=0 the comma-separated ids of all running tasks.'
  }),
  total: Type.Integer({ description: 'All packages.' }),
  totalsize: Type.Integer({ description: 'All bytes; for an export, the exact size of the archive.' }),
  status: Type.String({ description: 'The state in words: `Pending`, `Running`, `Complete`, `Failed`, `Cancelled`.' }),
  message: Type.String({ description: 'The text of the first message.' })
}

const errorMsg = Type.Object({
  result: Type.String({ description: '`informational`, `success` or `failure`.' }),
  messages: Type.Array(MessageView)
})

export const StatusView = Type.Object(
  { ...counters, updates: Type.Array(Type.Object({ ...counters, errorMsg })), errorMsg },
  {
    title: 'Status',
    description: 'The progress of a task.',
    examples: [
      {
        current: 'repository20260105093000.zip',
        downloadednum: 3,
        downloadedsize: 67_108_864,
        progress: 50,
        state: 'running',
        taskIds: '2',
        total: 7,
        totalsize: 180_224_512,
        status: 'Running',
        message: 'The export is running.',
        updates: [],
        errorMsg: { result: 'informational', messages: [] }
      }
    ]
  }
)

export type StatusView = Static<typeof StatusView>
type SingleStatus = Omit<StatusView, 'updates'>

const WIRE: Readonly<Record<TaskState, { state: string; progress: number; status: string; result: string }>> = {
  queued: { state: 'created', progress: 0, status: 'Pending', result: 'informational' },
  running: { state: 'running', progress: 50, status: 'Running', result: 'informational' },
  completed: { state: 'complete', progress: 100, status: 'Complete', result: 'informational' },
  // 100 also for errors: clients poll while progress is less than 100, and not all of them know these states.
  failed: { state: 'error', progress: 100, status: 'Failed', result: 'failure' },
  canceled: { state: 'canceled', progress: 100, status: 'Cancelled', result: 'informational' }
}

/** The status of one task. */
export function statusView(task: Task): StatusView {
  return { ...singleStatus(task), updates: [] }
}

/** One object for all tasks that have not ended: sums of their counters, and the tasks in `updates`. */
export function combinedStatusView(tasks: readonly Task[], totals: LiveTotals): StatusView {
  const { state, progress, status, result } = WIRE[combinedState(totals)]
  const messages = totals.count === 0 ? [OPERATION_SUCCEEDED] : [runningTasks(totals.count)]
  return {
    current: tasks.length === 1 ? (tasks[0]?.archiveName ?? '') : '',
    downloadednum: totals.packagesDone,
    downloadedsize: totals.bytesDone,
    progress,
    state,
    taskIds: tasks.map((task) => task.id).join(','),
    total: totals.packagesTotal,
    totalsize: totals.bytesTotal,
    status,
    message: messages[0]?.text ?? '',
    updates: tasks.map(singleStatus),
    errorMsg: { result, messages: messages.map(messageView) }
  }
}

/** The state of the task with the least progress: `queued` if any task is queued. */
function combinedState({ count, queued }: LiveTotals): TaskState {
  if (count === 0) return 'completed'
  return queued > 0 ? 'queued' : 'running'
}

function singleStatus(task: Task): SingleStatus {
  const { state, progress, status, result } = WIRE[task.state]
  const hasArchive = task.state === 'queued' || task.state === 'running' || task.state === 'completed'
  const messages = progress === 100 ? task.messages : [runningTask(task), ...task.messages]
  return {
    current: hasArchive ? task.archiveName : '',
    downloadednum: task.packagesDone,
    downloadedsize: task.bytesDone,
    progress,
    state,
    taskIds: String(task.id),
    total: task.packagesTotal,
    totalsize: task.bytesTotal,
    status,
    message: messages[0]?.text ?? '',
    errorMsg: { result, messages: messages.map(messageView) }
  }
}

const NOUNS: Readonly<Record<TaskKind, string>> = {
  export: 'The export',
  scan: 'The scan of the repository',
  import: 'The import'
}

function runningTask(task: Task): Message {
  const doing = task.state === 'queued' ? 'waits to be started' : 'is running'
  return {
    id: 'FQXHMUP9104I',
    text: `${NOUNS[task.kind]} ${doing}.`,
    explanation: '',
    recovery: 'Information only; no action is required.'
  }
}

function runningTasks(count: number): Message {
  return {
    id: 'FQXHMUP9104I',
    text: `Tasks that have not ended: ${count}.`,
    explanation: '',
    recovery: 'Information only; no action is required.'
  }
}
