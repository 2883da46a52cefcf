/** /api/v1/exports/{id}/manifest and …/SHA256SUMS: the files in the archive of an export, and their digests. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Plan, PlanEntry } from '../../../core/export/plan.ts'
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
        path: Type.String({ description: 'The path in the archive.' }),
        size: Type.Integer({ description: 'Bytes.' }),
        packedSize: Type.Integer({
          description: 'Bytes of the file in the archive; equal to `size`, since every file is stored.'
        }),
        crc32: Type.String({ description: 'Eight hexadecimal digits.' }),
        sha256: Type.String(),
        modifiedAt: Type.String({ description: 'ISO 8601, UTC.' }),
        fixid: Type.String({ description: 'The package of the file.' })
      }),
      { description: 'The files in archive order.' }
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
        summary: 'List the files in the archive of an export',
        description: 'Available from the acceptance of the export, as long as the archive is kept.',
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
        summary: 'List the digests of the files in the archive of an export',
        description: 'For `sha256sum -c` in the directory of the unpacked archive.',
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

  /** Streams the entries page by page. If the plan is deleted meanwhile, the answer is cut, since it is incomplete. */
  async function* lines(plan: Plan, text: (entry: PlanEntry) => string, separator: string): AsyncGenerator<string> {
    let count = 0
    for await (const page of plans.entryPages(plan.id)) {
      count += page.length
      yield page.map(text).join(separator)
    }
    if (count !== plan.entryCount) throw new Error(`The plan has only ${count} of ${plan.entryCount} entries`)
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

/** The format of coreutils. Names in archives have no characters that need escaping. */
function sumLine({ sha256, path }: PlanEntry): string {
  return `${sha256}  ${path}\n`
}
