/**
 * POST /files/updateRepositories/firmware/import imports files into the repository; …/validate announces them and
 * reserves space.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { quoteName } from '../../../core/import/upload-name.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { closeAfterUnreadBody } from '../../connection/unread-body.ts'
import type { Services } from '../../services.ts'
import { parseTaskId } from '../tasks/task-id.ts'
import { AnnouncedFiles, checkAnnouncement, normaliseAnnouncement } from './announced-files.ts'
import { IMPORT_RESPONSES, ImportBody, ImportQuery, importView, type UrlBody } from './import-schemas.ts'
import { importFiles } from './import-upload.ts'

const TAGS = ['LXCA: firmware repository']

const ANNOUNCE_URLS = [
  { url: '/files/updateRepositories/firmware/import/validate', hide: false },
  { url: '/files/updateRepositories/firmware/import/validation', hide: true }
]

export const importRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { commands, tasks, uploads }) => {
  // The files are read from the raw stream: no parser may consume it.
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, {}))
  app.addHook('onSend', async (request, reply) => closeAfterUnreadBody(request, reply))

  for (const { url, hide } of ANNOUNCE_URLS) {
    app.post(
      url,
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'announceImport',
          hide,
          tags: TAGS,
          summary: 'Reserve space for files to import',
          description:
            'Checks names, types and space. The space is reserved for an hour under the `jobid` of the answer; the job starts ' +
            'when all announced files have been sent with it.',
          body: AnnouncedFiles,
          response: IMPORT_RESPONSES
        },
        async preValidation(request) {
          request.body = normaliseAnnouncement(request.body) as Static<typeof AnnouncedFiles>
        }
      },
      async (request) => {
        const { files } = request.body
        checkAnnouncement(request.body)
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
        tags: TAGS,
        summary: 'Import packages',
        description:
          'Send the files of classic packages (payload, .xml, .txt, .chg), in one or several requests; packages that are one ' +
          '.zip; archives of exports; or a .zip of classic packages. A package is imported completely or not at all. A file whose ' +
          'metadata is still missing is kept for an hour. The answer comes when the packages are in the catalog, or after 15 ' +
          'seconds; then follow the task with the status call.',
        consumes: ['multipart/form-data', 'application/json'],
        querystring: ImportQuery,
        body: ImportBody,
        response: IMPORT_RESPONSES
      }
    },
    async (request, reply) => {
      if (!isMultipart(request)) throw notMultipart(request.body as UrlBody | undefined)
      const { jobid, replace } = request.query
      const taskId = jobid === undefined || Number(jobid) === 0 ? undefined : parseTaskId(jobid)
      app.beginTransfer('uploads', request, reply)
      return importView(
        await importFiles({ request, taskId, isReplacing: replace === 'true' }, { commands, tasks, uploads })
      )
    }
  )
}

function isMultipart(request: FastifyRequest): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
}

/** Some clients send URLs for the server to fetch. */
function notMultipart(body: UrlBody | undefined): Problem {
  const url = body?.files?.find((file) => file.url !== undefined)?.url
  return url === undefined
    ? new Problem('UPLOAD_BROKEN', 'The body is not multipart/form-data.')
    : new Problem('IMPORT_BY_URL', `The file ${quoteName(url)} is not fetched: an import by URL is not supported.`)
}
