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
          'Whole or in part: `Range` and `If-Range` resume a download. Before the archive is packed, the same bytes are streamed from ' +
          'the repository, and the connection is cut if a file has changed. If archives are in S3 and the operator has enabled ' +
          'redirects, the answer redirects to a URL of S3 that is valid for five minutes: follow it without your login (as most ' +
          'clients do) and repeat `Range`. Requests with `If-Range` and `HEAD` are never redirected.',
        params: ExportParams,
        response: {
          200: { description: 'The archive.', content: { 'application/zip': { schema: Binary } } },
          206: { description: 'The part of `Range`.', content: { 'application/zip': { schema: Binary } } },
          302: Type.Null({
            description:
              'The archive is packed, and S3 has it. The URL is a secret: it includes the permission to download.',
            headers: {
              location: { type: 'string', description: 'The URL of the archive.' },
              etag: { type: 'string', description: 'The `ETag` of the archive on this server; S3 has another one.' }
            }
          }),
          304: Type.Null({ description: 'The archive is the one of `If-None-Match`.' }),
          409: problemResponse('The export failed or was canceled, or one of its files has changed.'),
          416: problemResponse('The `Range` starts after the end of the archive.'),
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

  /** If the export has ended since it was read, its archive is packed, or does not exist. */
  async function plannedArchive(task: Task): Promise<OpenFile> {
    const plan = await plans.findPlan(task.archiveName)
    if (plan !== undefined) return archives.openStreamed(plan, { name: task.archiveName, modifiedAt: task.createdAt })
    return packedArchive(await findExport(tasks, String(task.id)))
  }
}
