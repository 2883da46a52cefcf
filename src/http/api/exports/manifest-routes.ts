/** What an export holds: the archive itself, its manifest, and the digests of its files. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Plan, PlanEntry } from '../../../core/export/export.ts'
import { Problem } from '../../../core/problems/problem.ts'
import type { OpenFile } from '../../../core/storage/open-file.ts'
import { hasEnded, type Task } from '../../../core/tasks/task.ts'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { attachmentOf } from '../../transfer/content-disposition.ts'
import { arrayText, objectText, textStream } from '../../transfer/json-stream.ts'
import { sendFile } from '../../transfer/send-file.ts'
import { ExportParams, findExport } from './find-export.ts'

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

const RESPONSES = {
  404: problemResponse('There is no such export.'),
  410: problemResponse('The archive is not kept any more, or will never be.'),
  ...PROBLEM_RESPONSES
}

const Binary = Type.String({ format: 'binary' })

export const exportContentRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'tasks' | 'archives' | 'plans'>> = async (
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
          ...RESPONSES
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
        response: { 200: Manifest, ...RESPONSES }
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
          ...RESPONSES
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

  /** @throws Problem EXPORT_NOT_DONE, ARCHIVE_GONE */
  async function packedArchive(task: Task): Promise<OpenFile> {
    if (task.state !== 'completed') {
      throw new Problem('EXPORT_NOT_DONE', `The export ${task.id} has no archive: it is ${task.state}.`)
    }
    const archive = await archives.open(task.archiveName)
    if (archive === undefined) throw isGone(task)
    return archive
  }

  /** It may have ended since it was looked at: then there is one that is packed, or there is none. */
  async function plannedArchive(task: Task): Promise<OpenFile> {
    const plan = await plans.findPlan(task.archiveName)
    if (plan !== undefined) return archives.openStreamed(plan, { name: task.archiveName, modifiedAt: task.createdAt })
    return packedArchive(await findExport(tasks, String(task.id)))
  }

  /** @throws Problem ARCHIVE_GONE */
  async function planOf(task: Task): Promise<Plan> {
    const plan = await plans.findPlan(task.archiveName)
    if (plan === undefined) throw isGone(task)
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

function isGone({ id, state }: Task): Problem {
  const text = state === 'completed' ? 'is not kept any more' : `does not exist: it is ${state}`
  return new Problem('ARCHIVE_GONE', `The archive of the export ${id} ${text}.`)
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
