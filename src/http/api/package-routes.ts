/** /api/v1/packages and /api/v1/problems: what the repository holds, and what is wrong with it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { PackageFilter } from '../../core/catalog.ts'
import { SAMPLE_MACHINE_TYPE } from '../samples.ts'
import type { Services } from '../services.ts'
import { parseCursor } from './cursor.ts'
import { findPackage, PackageParams } from './find-package.ts'
import { CatalogProblemView, detailView, PackageDetail, PackageView, summaryView } from './package-view.ts'
import { DEFAULT_LIMIT, Next, nextOf, PageQuery } from './page.ts'
import { PROBLEM_RESPONSES, problemResponse } from './problem-body.ts'

const PackageQuery = Type.Object({
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      examples: ['xcc'],
      description: 'A part of the fixid, the name or the category, in any case.'
    })
  ),
  kind: Type.Optional(
    Type.String({ enum: ['update', 'system-pack'], examples: ['update'], description: 'Updates, or system packs.' })
  ),
  machineType: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9]{4}$',
      examples: [SAMPLE_MACHINE_TYPE],
      description: 'a machine type of four characters, such as 7X05'
    })
  ),
  latest: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      examples: ['true'],
      description: '`true`: only the newest of each product line.'
    })
  ),
  downloaded: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      examples: ['true'],
      description: 'Whether the payload is in the repository.'
    })
  ),
  ...PageQuery
})

const PackagePage = Type.Object({ packages: Type.Array(PackageView), next: Next }, { title: 'PackagePage' })

const ProblemPage = Type.Object(
  {
    problems: Type.Array(CatalogProblemView),
    next: Next
  },
  { title: 'CatalogProblemPage' }
)

export const packageRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'catalog'>> = async (app, { catalog }) => {
  app.get(
    '/api/v1/packages',
    {
      schema: {
        operationId: 'searchPackages',
        tags: ['Catalog'],
        summary: 'Search packages',
        description: 'By fixid, a page at a time: ask again with `next` as `cursor` until it is null.',
        querystring: PackageQuery,
        response: { 200: PackagePage, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const [after = ''] = cursor === undefined ? [] : parseCursor(cursor, 1)
      const page = await catalog.packagePage(filterOf(request.query), after, Number(limit))
      return { packages: page.map(summaryView), next: nextOf(page, limit, ({ fixid }) => [fixid]) }
    }
  )

  app.get(
    '/api/v1/packages/:fixid',
    {
      schema: {
        operationId: 'getPackage',
        tags: ['Catalog'],
        summary: 'Look at a package',
        description: 'With its files, each with a link to download it, and with what is wrong with it.',
        params: PackageParams,
        response: { 200: PackageDetail, 404: problemResponse('There is no such package.'), ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const found = await findPackage(catalog, request.params.fixid)
      return detailView(found, await catalog.problemsOf(found.fixid))
    }
  )

  app.get(
    '/api/v1/problems',
    {
      schema: {
        operationId: 'listProblems',
        tags: ['Catalog'],
        summary: 'List what is wrong in the repository',
        description:
          'Found by the last reading of the directory. A problem never keeps other packages from being used.',
        querystring: Type.Object(PageQuery),
        response: { 200: ProblemPage, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const after = cursor === undefined ? ['', '', ''] : parseCursor(cursor, 3)
      const problems = await catalog.problemPage(after, Number(limit))
      return { problems, next: nextOf(problems, limit, ({ path, code, text }) => [path, code, text]) }
    }
  )
}

function filterOf(query: Static<typeof PackageQuery>): PackageFilter {
  const { q, kind, machineType, latest, downloaded } = query
  return {
    ...(q === undefined ? {} : { search: q }),
    ...(kind === undefined ? {} : { kind: kind as 'update' | 'system-pack' }),
    ...(machineType === undefined ? {} : { machineTypes: [machineType.toUpperCase()] }),
    ...(downloaded === undefined ? {} : { isDownloaded: downloaded === 'true' }),
    latestOnly: latest === 'true'
  }
}
