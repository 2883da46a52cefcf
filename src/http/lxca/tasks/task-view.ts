/** Tasks as /tasks and /jobs show them: the same facts in different members. */
import { type Static, Type } from 'typebox'
import { hasEnded, type Task, type TaskKind, type TaskState } from '../../../core/tasks/task.ts'

export const TaskView = Type.Object(
  {
    jobUID: Type.String({ description: 'The id of the task.' }),
    id: Type.String({ description: 'Equal to `jobUID`.' }),
    title: Type.String(),
    complete: Type.Boolean({ description: 'The task has ended, with any state.' }),
    status: Type.String({ description: '`Pending`, `Running`, `Complete`, `Failed`, `Cancelled`.' }),
    state: Type.String({ description: 'The state of a job: `Stopped_With_Error` for a failed task.' }),
    percentage: Type.Integer({ description: 'Percentage of the bytes; 100 when the task has ended.' }),
    progress: Type.Integer({ description: 'Equal to `percentage`.' }),
    progressMessage: Type.String(),
    createdBy: Type.String(),
    startTime: Type.String({ description: 'ISO 8601, UTC.' }),
    endTime: Type.String({ description: 'ISO 8601, UTC; empty until the task has ended.' }),
    isCancelable: Type.Boolean(),
    children: Type.Optional(Type.Array(Type.Object({}), { description: 'Always empty.' }))
  },
  { title: 'Task' }
)

export type TaskView = Static<typeof TaskView>

export const JobView = Type.Object(
  {
    id: Type.String(),
    uuid: Type.String({ description: 'Derived from the id.' }),
    category: Type.String(),
    createdBy: Type.String(),
    cancelledBy: Type.String(),
    cancelURI: Type.String(),
    isCancelable: Type.Boolean(),
    legacy: Type.Boolean(),
    typeId: Type.Integer(),
    messageBundle: Type.String(),
    messageDisplay: Type.String(),
    messageID: Type.String(),
    messageParameters: Type.Array(Type.String()),
    startTime: Type.String({ description: 'ISO 8601, UTC.' }),
    endTime: Type.String({ description: 'ISO 8601, UTC; empty until the task has ended.' }),
    status: Type.Object({
      state: Type.String({ description: '`Pending`, `Running`, `Complete`, `Stopped_With_Error`, `Cancelled`.' }),
      percentage: Type.Integer(),
      description: Type.Array(Type.String()),
      substatus: Type.Array(Type.Object({}))
    })
  },
  { title: 'Job' }
)

export type JobView = Static<typeof JobView>

/**
 * For /tasks: clients that poll it know `Failed`, and treat `Stopped_With_Error` of /jobs as a running task.
 */
const STATUS: Readonly<Record<TaskState, string>> = {
  queued: 'Pending',
  running: 'Running',
  completed: 'Complete',
  failed: 'Failed',
  canceled: 'Cancelled'
}

/** The states of jobs. */
export const JOB_STATE: Readonly<Record<TaskState, string>> = { ...STATUS, failed: 'Stopped_With_Error' }

const TITLE: Readonly<Record<TaskKind, string>> = {
  export: 'Export of firmware',
  scan: 'Scan of the repository',
  import: 'Import of firmware'
}

/** @param isCompact whether the children are omitted */
export function taskView(task: Task, isCompact: boolean): TaskView {
  const percentage = percentageOf(task)
  return {
    jobUID: String(task.id),
    id: String(task.id),
    title: TITLE[task.kind],
    complete: hasEnded(task),
    status: STATUS[task.state],
    state: JOB_STATE[task.state],
    percentage,
    progress: percentage,
    progressMessage: task.messages[0]?.text ?? '',
    createdBy: task.createdBy,
    startTime: startTime(task),
    endTime: task.finishedAt?.toISOString() ?? '',
    isCancelable: !hasEnded(task),
    ...(isCompact ? {} : { children: [] })
  }
}

export function jobView(task: Task): JobView {
  const [message] = task.messages
  return {
    id: String(task.id),
    uuid: jobUuid(task.id),
    category: 'MANAGEMENT',
    createdBy: task.createdBy,
    cancelledBy: '',
    cancelURI: `/jobs/${task.id}`,
    isCancelable: !hasEnded(task),
    legacy: false,
    typeId: -1,
    messageBundle: '',
    messageDisplay: TITLE[task.kind],
    messageID: message?.id ?? '',
    messageParameters: [],
    startTime: startTime(task),
    endTime: task.finishedAt?.toISOString() ?? '',
    status: {
      state: JOB_STATE[task.state],
      percentage: percentageOf(task),
      description: task.messages.map(({ text }) => text),
      substatus: []
    }
  }
}

/** Unique in this depot, which is all that clients need. */
export function jobUuid(id: number): string {
  return `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`
}

/** Whole percents; 100 only for tasks that have ended. */
function percentageOf(task: Task): number {
  if (hasEnded(task)) return 100
  if (task.bytesTotal === 0) return 0
  return Math.min(99, Math.floor((100 * task.bytesDone) / task.bytesTotal))
}

function startTime(task: Task): string {
  return (task.startedAt ?? task.createdAt).toISOString()
}
