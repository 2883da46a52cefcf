/** Tasks as /tasks and /jobs show them: the same words, other places. */
import { type Static, Type } from 'typebox'
import { hasEnded, type Task, type TaskKind, type TaskState } from '../../../core/tasks/task.ts'

export const TaskView = Type.Object(
  {
    jobUID: Type.String({ description: 'The number of the task.' }),
    id: Type.String({ description: 'The same.' }),
    title: Type.String(),
    complete: Type.Boolean({ description: 'It has ended, in whatever way.' }),
    status: Type.String({ description: '`Pending`, `Running`, `Complete`, `Failed`, `Cancelled`.' }),
    state: Type.String({ description: 'As a job has it: `Stopped_With_Error` for one that has failed.' }),
    percentage: Type.Integer({ description: 'Of the bytes; 100 when it has ended.' }),
    progress: Type.Integer({ description: 'The same.' }),
    progressMessage: Type.String(),
    createdBy: Type.String(),
    startTime: Type.String({ description: 'ISO 8601, UTC.' }),
    endTime: Type.String({ description: 'The same; empty while it has not ended.' }),
    isCancelable: Type.Boolean(),
    children: Type.Optional(Type.Array(Type.Object({}), { description: 'Tasks have none here.' }))
  },
  { title: 'Task' }
)

export type TaskView = Static<typeof TaskView>

export const JobView = Type.Object(
  {
    id: Type.String(),
    uuid: Type.String({ description: 'Made of the id.' }),
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
    endTime: Type.String({ description: 'The same; empty while it has not ended.' }),
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
 * Clients that follow /tasks until it ends know `Failed`, and take the longer word of /jobs for something that still
 * runs.
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
  scan: 'Reading of the repository',
  import: 'Import of firmware'
}

/** @param isCompact leaves the children out */
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

/** A job of these numbers exists once in a depot, and that is all that anybody asks for by this. */
export function jobUuid(id: number): string {
  return `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`
}

/** Whole percents, and 100 for nothing that has not ended. */
function percentageOf(task: Task): number {
  if (hasEnded(task)) return 100
  if (task.bytesTotal === 0) return 0
  return Math.min(99, Math.floor((100 * task.bytesDone) / task.bytesTotal))
}

function startTime(task: Task): string {
  return (task.startedAt ?? task.createdAt).toISOString()
}
