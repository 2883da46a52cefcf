/** Requests and answers of the import routes; announced-files.ts has the body of an announcement. */
import { type Static, Type } from 'typebox'
import type { Task } from '../../../core/tasks/task.ts'
import { CHANGE_ERROR_RESPONSES, errorResponse } from '../../bodies/result-body.ts'
import { StatusView, statusView } from '../tasks/status-view.ts'
import { MAX_FILES } from './announced-files.ts'

export const ImportQuery = Type.Object({
  jobid: Type.Optional(
    Type.String({
      pattern: '^[0-9]+$',
      description: 'The job that the files belong to, from the answer of …/import/validate.'
    })
  ),
  replace: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      description: 'Replace packages that the repository has with other content; without it that is a conflict.'
    })
  )
})

const UrlBody = Type.Object({
  files: Type.Optional(
    Type.Array(
      Type.Object({
        url: Type.Optional(Type.String({ maxLength: 4_096 })),
        checksum: Type.Optional(Type.String({ maxLength: 1_000 }))
      }),
      { maxItems: MAX_FILES, description: 'Refused: this server downloads nothing.' }
    )
  )
})

export type UrlBody = Static<typeof UrlBody>

export const ImportBody = {
  content: {
    'multipart/form-data': {
      schema: Type.Object({
        'uploadedfiles[]': Type.Optional(
          Type.Array(Type.String({ format: 'binary' }), { description: 'Files, in parts of any name.' })
        )
      })
    },
    'application/json': { schema: UrlBody }
  }
}

const ImportView = Type.Object(
  { ...StatusView.properties, jobid: Type.Integer({ description: 'The id of the task.' }) },
  { title: 'Import' }
)

export const IMPORT_RESPONSES = {
  200: ImportView,
  ...CHANGE_ERROR_RESPONSES,
  409: errorResponse(
    'There is not enough space, the repository has the package with other content, the job does not expect the file, or the ' +
      'task was deleted.'
  )
}

export function importView(task: Task): Static<typeof ImportView> {
  return { ...statusView(task), jobid: task.id }
}
