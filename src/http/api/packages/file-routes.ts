/** /api/v1/packages/{fixid}/…: the files of a package. Only what the catalog lists is looked for on the disk. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { PackageSummary } from '../../../core/catalog/catalog.ts'
import type { FileRole, PackageFile } from '../../../core/catalog/package.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import { SAMPLE_FIXID } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { sendFile } from '../../transfer/send-file.ts'
import { findPackage, PackageParams } from './package-parameters.ts'
import { textOfFile } from './text-of-file.ts'

/** No browser may run what somebody has put into the repository, whatever it takes it for. */
const NEVER_RUN = { 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' }

/** Asked for with If-None-Match a file that has not changed costs nothing; without asking nobody knows. */
const CACHE_BUT_ASK = { 'cache-control': 'private, no-cache' }

const MAX_SHOWN = 255

const TEXTS = [
  { url: 'readme', operationId: 'getPackageReadme', noun: 'readme', role: 'readme' },
  { url: 'changes', operationId: 'getPackageChanges', noun: 'change history', role: 'change-history' }
] as const

const PathQuery = Type.Object({
  path: Type.String({
    minLength: 1,
    maxLength: 4_096,
    examples: [`${SAMPLE_FIXID}.uxz`],
    description: 'A path that the package lists in `files`.'
  })
})

const BINARY = { 'application/octet-stream': { schema: Type.String({ format: 'binary' }) } }

/** What can be wrong with a file that the catalog lists. */
const FILE_RESPONSES = {
  409: problemResponse('The file is another one than when the repository was last read.'),
  410: problemResponse('The file has been removed since the repository was last read.'),
  ...PROBLEM_RESPONSES
}

export const fileRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'catalog' | 'files'>> = async (
  app,
  { catalog, files }
) => {
  for (const { url, operationId, noun, role } of TEXTS) {
    app.get(
      `/api/v1/packages/:fixid/${url}`,
      {
        config: { access: 'viewer' },
        schema: {
          operationId,
          tags: ['Catalog'],
          summary: `Read the ${noun} of a package`,
          description:
            'As text, whatever the encoding of the file is; also HTML is sent as plain text. Where a package has several such ' +
            'files, a plain text counts more than HTML.',
          params: PackageParams,
          response: {
            200: { description: 'The text.', content: { 'text/plain': { schema: Type.String() } } },
            404: problemResponse(`There is no such package, or it has no ${noun}.`),
            ...FILE_RESPONSES,
            409: problemResponse(
              'The file is another one than when the repository was last read, or larger than is shown as text.'
            )
          }
        }
      },
      async (request, reply) => {
        const found = await findPackage(catalog, request.params.fixid)
        const text = await textOfFile(files, textFile(found, role, noun))
        return reply.headers(NEVER_RUN).type('text/plain; charset=utf-8').send(text)
      }
    )
  }

  app.get(
    '/api/v1/packages/:fixid/file',
    {
      config: { access: 'exporter' },
      schema: {
        operationId: 'downloadPackageFile',
        tags: ['Catalog'],
        summary: 'Download a file of a package',
        description:
          'The file as it is, with its SHA-256 as `ETag`. It can be asked for in parts (`Range`), which is how `curl -C -` goes ' +
          'on with a download that was cut.',
        params: PackageParams,
        querystring: PathQuery,
        response: {
          200: { description: 'The file.', content: BINARY },
          206: { description: 'A part of the file.', content: BINARY },
          304: Type.Null({
            description: 'The file is the one that `If-None-Match` or `If-Modified-Since` tells of.'
          }),
          404: problemResponse('There is no such package, or it has no such file.'),
          416: problemResponse('The `Range` begins behind the end of the file.'),
          ...FILE_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const found = await findPackage(catalog, request.params.fixid)
      app.beginTransfer('downloads', request, reply)
      const opened = await files.open(listedFile(found, request.query.path))
      await sendFile(request, reply.headers({ ...NEVER_RUN, ...CACHE_BUT_ASK }), opened)
    }
  )
}

function textFile({ fixid, files }: PackageSummary, role: FileRole, noun: string): PackageFile {
  const candidates = files.filter((file) => file.role === role)
  const found = candidates.find(({ path }) => !/\.html?$/i.test(path)) ?? candidates[0]
  if (found === undefined) throw new Problem('FILE_UNKNOWN', `The package ${fixid} has no ${noun}.`)
  return found
}

/** The path is compared and nothing else: what is opened is the path that the catalog has. */
function listedFile({ fixid, files }: PackageSummary, path: string): PackageFile {
  const found = files.find((file) => file.path === path)
  if (found === undefined) {
    const shown = JSON.stringify(path.slice(0, MAX_SHOWN))
    throw new Problem('FILE_UNKNOWN', `The package ${fixid} has no file ${shown}.`)
  }
  return found
}
