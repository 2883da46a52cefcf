/**
 * POST /files/updateRepositories/firmware/import: takes files into the repository; and …/validate, which makes room for
 * them.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { checkUploadName, quoteName } from '../../../core/import/upload-name.ts'
import { toStorageProblem } from '../../../core/problems/disk-error.ts'
import { Problem, problemOfMessage } from '../../../core/problems/problem.ts'
import type { Task } from '../../../core/tasks/task.ts'
import { CHANGE_ERROR_RESPONSES, errorResponse } from '../../bodies/result-body.ts'
import { lingerAfterAnswer } from '../../connection/linger.ts'
import { SAMPLE_FIXID } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { receiveUpload } from '../../transfer/receive-upload.ts'
import { StatusView, statusView } from '../tasks/status-view.ts'
import { parseTaskId } from '../tasks/task-id.ts'
import { waitForTask } from './wait-for-task.ts'

const MAX_FILES = 2_000

/** As clients and tables name them: most of them send no more than what a browser would. */
const TYPES: ReadonlySet<string> = new Set(
  (
    'text binary text/plain text/xml text/html application/xml application/json application/zip application/x-zip ' +
    'application/x-zip-compressed multipart/x-zip application/octet-stream application/x-compressed application/gzip ' +
    'application/x-gzip application/x-tar application/x-compressed-tar application/x-msdownload application/x-msdos-program ' +
    'application/x-dosexec application/x-executable application/x-sh'
  ).split(' ')
)

/** An import that takes longer than this goes on after the answer. */
const WAIT_MS = 15_000

const AnnouncedFile = Type.Object({
  index: Type.Optional(Type.Union([Type.Integer(), Type.String({ maxLength: 20 })])),
  name: Type.String({ maxLength: 1_000, description: 'File name, without a path.' }),
  size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes.' }),
  type: Type.Optional(
    Type.String({
      maxLength: 100,
      description: '`text`, `binary`, or a content type such as `application/x-zip-compressed`.'
    })
  )
})

const ValidateBody = Type.Object(
  { files: Type.Array(AnnouncedFile, { minItems: 1, maxItems: MAX_FILES }) },
  {
    description: 'Also accepted: `file` instead of `files`, the array alone, and one file alone.',
    examples: [{ files: [{ index: 0, name: `${SAMPLE_FIXID}.xml`, size: 4_096, type: 'text' }] }]
  }
)

const ImportQuery = Type.Object({
  jobid: Type.Optional(
    Type.String({
      pattern: '^[0-9]+$',
      description: 'The job whose files these are, as …/import/validate has named it.'
    })
  ),
  replace: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      description: 'Replace packages that are in the repository with other content; without it that is a conflict.'
    })
  )
})

const ImportBody = {
  content: {
    'multipart/form-data': {
      schema: Type.Object({
        'uploadedfiles[]': Type.Optional(
          Type.Array(Type.String({ format: 'binary' }), { description: 'Files, in parts of any name.' })
        )
      })
    },
    'application/json': {
      schema: Type.Object({
        files: Type.Optional(
          Type.Array(
            Type.Object({
              url: Type.Optional(Type.String({ maxLength: 4_096 })),
              checksum: Type.Optional(Type.String({ maxLength: 1_000 }))
            }),
            {
              maxItems: MAX_FILES,
              description: 'Is refused: this server downloads nothing.'
            }
          )
        )
      })
    }
  }
}

const ImportView = Type.Object(
  { ...StatusView.properties, jobid: Type.Integer({ description: 'The task.' }) },
  { title: 'Import' }
)

const RESPONSES = {
  200: ImportView,
  ...CHANGE_ERROR_RESPONSES,
  409: errorResponse(
    'There is no room, the repository has it with other content, the job does not wait for it, or somebody deleted the task.'
  )
}

const TAG = 'LXCA: firmware repository'

export const importRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { commands, tasks, uploads }) => {
  // The files are taken from the stream: nothing may read it before.
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, {}))

  app.addHook('onSend', async (request, reply) => {
    if (request.raw.readableEnded) return
    // The rest of the body is in the way of another request.
    reply.header('connection', 'close')
    lingerAfterAnswer(request.raw)
  })

  for (const { name, hide } of [
    { name: 'validate', hide: false },
    { name: 'validation', hide: true }
  ]) {
    app.post(
      `/files/updateRepositories/firmware/import/${name}`,
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'announceImport',
          hide,
          tags: [TAG],
          summary: 'Make room for files that are going to be imported',
          description:
            'Checks names, types and room. The room is kept for an hour under the `jobid` of the answer; the job begins when all ' +
            'files that were announced have been sent with it.',
          body: ValidateBody,
          response: RESPONSES
        },
        async preValidation(request) {
          request.body = announcedFiles(request.body) as Static<typeof ValidateBody>
        }
      },
      async (request) => {
        const { files } = request.body
        checkAnnouncement(files)
        const task = await commands.announceImport({ files, requestedBy: request.userName })
        request.taskId = task.id
        return importView(task)
      }
    )
  }

  app.post(
    '/files/updateRepositories/firmware/import',
    {
      config: { access: 'operator' },
      schema: {
        operationId: 'importFiles',
        tags: [TAG],
        summary: 'Import packages',
        description:
          'Send the files of classic packages (payload, .xml, .txt, .chg), in one request or in several; packages that are one ' +
          '.zip; archives that an export has made; or a .zip of classic packages. A package comes into the repository whole or ' +
          'not at all. A file whose metadata has not come yet is kept for an hour. The answer comes when the packages are in the ' +
          'catalog, or after some seconds; then follow the task with the status call.',
        consumes: ['multipart/form-data', 'application/json'],
        querystring: ImportQuery,
        body: ImportBody,
        response: RESPONSES
      }
    },
    async (request, reply) => {
      const body = request.body as Static<(typeof ImportBody.content)['application/json']['schema']> | undefined
      if (!isMultipart(request)) throw notMultipart(body?.files)
      const { jobid, replace } = request.query
      const taskId = jobid === undefined || Number(jobid) === 0 ? undefined : parseTaskId(jobid)
      const isReplacing = replace === 'true'
      app.beginTransfer('uploads', request, reply)
      return importView(await importFiles({ request, taskId, isReplacing }, { commands, tasks, uploads }))
    }
  )
}

interface ImportCall {
  readonly request: FastifyRequest
  readonly taskId: number | undefined
  readonly isReplacing: boolean
}

/** @throws Problem when the import was not accepted, or has failed already */
async function importFiles(
  { request, taskId, isReplacing }: ImportCall,
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
  const ended = await waitForTask(tasks, task.id, WAIT_MS)
  const [message] = ended.messages
  const refusal = ended.state === 'failed' && message !== undefined ? problemOfMessage(message) : undefined
  if (refusal !== undefined) throw refusal
  return ended
}

function importView(task: Task): Static<typeof ImportView> {
  return { ...statusView(task), jobid: task.id }
}

function isMultipart(request: FastifyRequest): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
}

/** A client of another kind asks the server to fetch the files itself. */
function notMultipart(files: readonly { readonly url?: string }[] | undefined): Problem {
  const url = files?.find((file) => file.url !== undefined)?.url
  return url === undefined
    ? new Problem('UPLOAD_BROKEN', 'The body is not multipart/form-data.')
    : new Problem('IMPORT_BY_URL', `The file ${quoteName(url)} is not fetched: an import by URL is not supported.`)
}

/** The one form of what clients send: a list under `files` or `file`, a list alone, or one file alone. */
function announcedFiles(body: unknown): unknown {
  if (Array.isArray(body)) return { files: body.map(withNumber) }
  if (typeof body !== 'object' || body === null) return body
  const { files, file } = body as { files?: unknown; file?: unknown }
  const given = files ?? file ?? ('name' in body ? body : undefined)
  return given === undefined ? body : { files: [given].flat().map(withNumber) }
}

/** Some clients write numbers as texts. */
function withNumber(file: unknown): unknown {
  if (typeof file !== 'object' || file === null || !('size' in file)) return file
  const { size } = file
  return typeof size === 'string' && /^\d{1,15}$/.test(size) ? { ...file, size: Number(size) } : file
}

/** @throws Problem IMPORT_REFUSED */
function checkAnnouncement(files: readonly Static<typeof AnnouncedFile>[]): void {
  const names = new Set<string>()
  for (const { name, type } of files) {
    checkUploadName(name)
    if (names.has(name)) throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is announced twice.`)
    names.add(name)
    if (type === undefined || TYPES.has(type.trim().toLowerCase())) continue
    throw new Problem(
      'IMPORT_REFUSED',
      `The file ${quoteName(name)} has the type ${quoteName(type)}, which is not accepted.`
    )
  }
}
