/** /api/v1/packages and /api/v1/problems: the packages of the repository, and its problems. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { DEFAULT_LIMIT, Next, nextOf, PageQuery, parseCursor } from '../page.ts'
import { FilterQuery, filterOfQuery, findPackage, PackageParams } from './package-parameters.ts'
import { CatalogProblemView, detailView, PackageDetail, PackageView, summaryView } from './package-view.ts'

const PackageQuery = Type.Object({ ...FilterQuery, ...PageQuery })

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
      config: { access: 'viewer' },
      schema: {
        operationId: 'searchPackages',
        tags: ['Catalog'],
        summary: 'Search packages',
        description: 'Sorted by fixid, in pages: repeat with `next` as `cursor` until it is null.',
        querystring: PackageQuery,
        response: { 200: PackagePage, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const [after = ''] = cursor === undefined ? [] : parseCursor(cursor, 1)
      const page = await catalog.packagePage(filterOfQuery(request.query), after, Number(limit))
      return { packages: page.map(summaryView), next: nextOf(page, limit, ({ fixid }) => [fixid]) }
    }
  )

  app.get(
    '/api/v1/packages/:fixid',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'getPackage',
        tags: ['Catalog'],
        summary: 'Get a package',
        description: 'With its files, their download links, and its problems.',
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
      config: { access: 'viewer' },
      schema: {
        operationId: 'listProblems',
        tags: ['Catalog'],
        summary: 'List the problems of the repository',
        description:
          'Found by the last scan of the directory. A problem of one package does not affect other packages.',
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
