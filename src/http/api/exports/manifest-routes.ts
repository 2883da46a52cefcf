/** /api/v1/exports/{id}/manifest and …/SHA256SUMS: the files in the archive of an export, and their digests. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Plan, PlanEntry } from '../../../core/export/export.ts'
import type { Task } from '../../../core/tasks/task.ts'
import type { Services } from '../../services.ts'
import { attachmentOf } from '../../transfer/content-disposition.ts'
import { arrayText, objectText, textStream } from '../../transfer/json-stream.ts'
import { archiveGone, CONTENT_RESPONSES, ExportParams, findExport } from './find-export.ts'

const Manifest = Type.Object(
  {
    exportId: Type.Integer(),
    archiveName: Type.String(),
    archiveSize: Type.Integer({ description: 'Bytes.' }),
    digest: Type.String({ description: 'Equal for equal archives; the `ETag` of the download.' }),
    packages: Type.Integer(),
    files: Type.Array(
      Type.Object({
        path: Type.String({ description: 'In the archive.' }),
        size: Type.Integer({ description: 'Bytes.' }),
        packedSize: Type.Integer({
          description: 'Bytes of its content in the archive: equal to `size`, since every file is stored.'
        }),
        crc32: Type.String({ description: 'Eight hexadecimal digits.' }),
        sha256: Type.String(),
        modifiedAt: Type.String({ description: 'ISO 8601, UTC.' }),
        fixid: Type.String({ description: 'The package it came with.' })
      }),
      { description: 'In their order in the archive.' }
    )
  },
  { title: 'Manifest' }
)

export const manifestRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'tasks' | 'plans'>> = async (
  app,
  { tasks, plans }
) => {
  app.get(
    '/api/v1/exports/:id/manifest',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'getManifest',
        tags: ['Exports'],
        summary: 'List what is in the archive of an export',
        description: 'Known from the moment in which the export is accepted, as long as the archive is kept.',
        params: ExportParams,
        response: { 200: Manifest, ...CONTENT_RESPONSES }
      }
    },
    async (request, reply) => {
      const task = await findExport(tasks, request.params.id)
      const plan = await planOf(task)
      const { archiveName, id } = task
      const { archiveSize, digest, packageCount } = plan
      const head = { exportId: id, archiveName, archiveSize, digest, packages: packageCount }
      const files = arrayText(lines(plan, fileText, ','))
      return reply.type('application/json; charset=utf-8').send(textStream(objectText({ ...head, files })) as never)
    }
  )

  app.get(
    '/api/v1/exports/:id/SHA256SUMS',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'getSha256Sums',
        tags: ['Exports'],
        summary: 'The digests of the files in the archive of an export',
        description: 'For `sha256sum -c`, in the directory into which the archive was unpacked.',
        params: ExportParams,
        response: {
          200: { description: 'A line for each file.', content: { 'text/plain': { schema: Type.String() } } },
          ...CONTENT_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const task = await findExport(tasks, request.params.id)
      const plan = await planOf(task)
      reply.header('content-disposition', attachmentOf('SHA256SUMS'))
      return reply.type('text/plain; charset=utf-8').send(textStream(lines(plan, sumLine, '')) as never)
    }
  )

  /** @throws Problem ARCHIVE_GONE */
  async function planOf(task: Task): Promise<Plan> {
    const plan = await plans.findPlan(task.archiveName)
    if (plan === undefined) throw archiveGone(task)
    return plan
  }

  /**
   * A page of entries at a time. An archive that ceases to be kept meanwhile cuts the answer: it would not be whole.
   */
  async function* lines(plan: Plan, text: (entry: PlanEntry) => string, separator: string): AsyncGenerator<string> {
    let count = 0
    for await (const page of plans.entryPages(plan.id)) {
      count += page.length
      yield page.map(text).join(separator)
    }
    if (count !== plan.entryCount) throw new Error(`Only ${count} of ${plan.entryCount} entries of a plan are there`)
  }
}

function fileText({ path, size, crc32, sha256, modifiedAt, fixid }: PlanEntry): string {
  return JSON.stringify({
    path,
    size,
    packedSize: size,
    crc32: crc32.toString(16).padStart(8, '0'),
    sha256,
    modifiedAt: new Date(modifiedAt * 1000).toISOString(),
    fixid
  })
}

/** As coreutils writes it. Names in archives have none of the characters that it would have to escape. */
function sumLine({ sha256, path }: PlanEntry): string {
  return `${sha256}  ${path}\n`
}
