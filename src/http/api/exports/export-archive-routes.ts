/** /api/v1/exports/{id}/archive: download the archive of an export, packed or not. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { OpenFile } from '../../../core/storage/open-file.ts'
import { hasEnded, type Task } from '../../../core/tasks/task.ts'
import { problemResponse } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { sendFile } from '../../transfer/send-file.ts'
import { archiveGone, CONTENT_RESPONSES, ExportParams, findExport } from './find-export.ts'

const Binary = Type.String({ format: 'binary' })

export const exportArchiveRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'tasks' | 'archives' | 'plans'>> = async (
  app,
  { tasks, archives, plans }
) => {
  app.get(
    '/api/v1/exports/:id/archive',
    {
      config: { access: 'exporter' },
      schema: {
        operationId: 'downloadArchive',
        tags: ['Exports'],
        summary: 'Download the archive of an export',
        description:
          'Whole or in part: a download that was cut goes on with `Range` and `If-Range`. It need not be packed: before that, the ' +
          'same bytes come straight from the repository, and the connection is cut when a file has changed since. Where archives are in ' +
          'S3 and the operator wants it so, the answer leads to a URL there that is valid for five minutes: follow it without your login ' +
          '(most clients do), and repeat `Range`. Requests with `If-Range` and `HEAD` are answered here, whatever the operator wants.',
        params: ExportParams,
        response: {
          200: { description: 'The archive.', content: { 'application/zip': { schema: Binary } } },
          206: { description: 'The part that `Range` asks for.', content: { 'application/zip': { schema: Binary } } },
          302: Type.Null({
            description:
              'It is packed, and can be had from S3. The URL is a secret: it has the right to download in it.',
            headers: {
              location: { type: 'string', description: 'Where it can be had.' },
              etag: { type: 'string', description: 'That of the archive here; S3 gives another one.' }
            }
          }),
          304: Type.Null({ description: 'It is the one that `If-None-Match` names.' }),
          409: problemResponse('The export has failed or was canceled, or one of its files has changed.'),
          416: problemResponse('The range begins behind the end of the archive.'),
          ...CONTENT_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const task = await findExport(tasks, request.params.id)
      app.beginTransfer('downloads', request, reply)
      const isPacked = hasEnded(task)
      const archive = isPacked ? await packedArchive(task) : await plannedArchive(task)
      await sendFile(request, reply.header('cache-control', 'private'), archive, isPacked ? archives.linkTo : undefined)
    }
  )

  /** @throws Problem EXPORT_NOT_DONE, ARCHIVE_GONE */
  async function packedArchive(task: Task): Promise<OpenFile> {
    if (task.state !== 'completed') {
      throw new Problem('EXPORT_NOT_DONE', `The export ${task.id} has no archive: it is ${task.state}.`)
    }
    const archive = await archives.open(task.archiveName)
    if (archive === undefined) throw archiveGone(task)
    return archive
  }

  /** It may have ended since it was looked at: then there is one that is packed, or there is none. */
  async function plannedArchive(task: Task): Promise<OpenFile> {
    const plan = await plans.findPlan(task.archiveName)
    if (plan !== undefined) return archives.openStreamed(plan, { name: task.archiveName, modifiedAt: task.createdAt })
    return packedArchive(await findExport(tasks, String(task.id)))
  }
}
