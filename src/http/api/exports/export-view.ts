/** Exports as the native API shows them. */
import { type Static, Type } from 'typebox'
import type { Task } from '../../../core/tasks/task.ts'

/** The states of an export; the last three are final. */
export const STATES = ['queued', 'running', 'completed', 'failed', 'canceled']

const Time = Type.Union([Type.String({ description: 'ISO 8601, UTC.' }), Type.Null()])

export const NoteView = Type.Object(
  {
    messageId: Type.String(),
    text: Type.String(),
    explanation: Type.String(),
    recovery: Type.String({ description: 'What to do about it.' })
  },
  { title: 'Note' }
)

export const ExportView = Type.Object(
  {
    id: Type.Integer({ description: 'The id of its task.' }),
    state: Type.String({
      enum: STATES,
      description: 'The last three are final.'
    }),
    packagesDone: Type.Integer(),
    packagesTotal: Type.Integer(),
    bytesDone: Type.Integer({ description: 'Durable bytes of the archive.' }),
    bytesTotal: Type.Integer({ description: 'Size of the complete archive in bytes.' }),
    percent: Type.Number({ minimum: 0, maximum: 100, description: 'Percentage of the bytes, with one decimal.' }),
    bytesPerSecond: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Average of the current run; null unless the export is running.'
    }),
    secondsLeft: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Estimated from `bytesPerSecond`; null while it is unknown.'
    }),
    archiveName: Type.String({ description: 'The name of the archive, `current` in the appliance’s API.' }),
    createdBy: Type.String(),
    createdAt: Type.String({ description: 'ISO 8601, UTC.' }),
    startedAt: Time,
    finishedAt: Time,
    messages: Type.Array(NoteView, { description: 'The outcome, and what was missing in the repository.' })
  },
  { title: 'Export' }
)

export function exportView(task: Task, now: Date): Static<typeof ExportView> {
  const { id, state, packagesDone, packagesTotal, bytesDone, bytesTotal, archiveName, createdBy } = task
  return {
    id,
    state,
    packagesDone,
    packagesTotal,
    bytesDone,
    bytesTotal,
    percent: bytesTotal === 0 ? Number(state === 'completed') * 100 : Math.floor((1000 * bytesDone) / bytesTotal) / 10,
    ...paceOf(task, now),
    archiveName,
    createdBy,
    createdAt: task.createdAt.toISOString(),
    startedAt: task.startedAt?.toISOString() ?? null,
    finishedAt: task.finishedAt?.toISOString() ?? null,
    messages: task.messages.map(noteView)
  }
}

export function noteView({ id, text, explanation, recovery }: Task['messages'][number]): Static<typeof NoteView> {
  return { messageId: id, text, explanation, recovery }
}

/** Pace of the current run; bytes from before a restart are not counted. */
function paceOf({ run, bytesDone, bytesTotal }: Task, now: Date) {
  const milliseconds = run === null ? 0 : now.getTime() - run.startedAt.getTime()
  const bytes = bytesDone - (run?.bytesBefore ?? 0)
  if (milliseconds <= 0 || bytes <= 0) return { bytesPerSecond: null, secondsLeft: null }
  const secondsLeft = Math.ceil(((bytesTotal - bytesDone) * milliseconds) / bytes / 1000)
  return { bytesPerSecond: Math.round((1000 * bytes) / milliseconds), secondsLeft }
}
