/** /api/v1/packages/{fixid}/…: the files of a package. Only files that the catalog lists are opened. */
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

/** Browsers must not run files of the repository, whatever their type. */
const NEVER_RUN = { 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' }

/** Clients must revalidate: a file can change, and a request with If-None-Match is cheap. */
const REVALIDATE = { 'cache-control': 'private, no-cache' }

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
    description: 'A path from `files` of the package.'
  })
})

const BINARY = { 'application/octet-stream': { schema: Type.String({ format: 'binary' }) } }

/** Errors of files that the catalog lists. */
const FILE_RESPONSES = {
  409: problemResponse('The file has changed since the last scan of the repository.'),
  410: problemResponse('The file was removed since the last scan of the repository.'),
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
            'As plain text in UTF-8, for any encoding of the file; HTML is also sent as plain text. If a package has several such ' +
            'files, plain text takes precedence over HTML.',
          params: PackageParams,
          response: {
            200: { description: 'The text.', content: { 'text/plain': { schema: Type.String() } } },
            404: problemResponse(`There is no such package, or it has no ${noun}.`),
            ...FILE_RESPONSES,
            409: problemResponse(
              'The file has changed since the last scan of the repository, or is too large to be shown as text.'
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
          'The unchanged file, with its SHA-256 as `ETag`. `Range` is supported, so `curl -C -` resumes a download.',
        params: PackageParams,
        querystring: PathQuery,
        response: {
          200: { description: 'The file.', content: BINARY },
          206: { description: 'A part of the file.', content: BINARY },
          304: Type.Null({
            description: 'The file has not changed since `If-None-Match` or `If-Modified-Since`.'
          }),
          404: problemResponse('There is no such package, or it has no such file.'),
          416: problemResponse('The `Range` starts after the end of the file.'),
          ...FILE_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const found = await findPackage(catalog, request.params.fixid)
      app.beginTransfer('downloads', request, reply)
      const opened = await files.open(listedFile(found, request.query.path))
      await sendFile(request, reply.headers({ ...NEVER_RUN, ...REVALIDATE }), opened)
    }
  )
}

function textFile({ fixid, files }: PackageSummary, role: FileRole, noun: string): PackageFile {
  const candidates = files.filter((file) => file.role === role)
  const found = candidates.find(({ path }) => !/\.html?$/i.test(path)) ?? candidates[0]
  if (found === undefined) throw new Problem('FILE_UNKNOWN', `The package ${fixid} has no ${noun}.`)
  return found
}

/** The path is only compared; the opened path is the one of the catalog. */
function listedFile({ fixid, files }: PackageSummary, path: string): PackageFile {
  const found = files.find((file) => file.path === path)
  if (found === undefined) {
    const shown = JSON.stringify(path.slice(0, MAX_SHOWN))
    throw new Problem('FILE_UNKNOWN', `The package ${fixid} has no file ${shown}.`)
  }
  return found
}
