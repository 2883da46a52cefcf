/** /api/v1/packages and /api/v1/problems: what the repository holds, and what is wrong with it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { PackageFilter, PackageSummary } from '../../core/catalog.ts'
import { Problem } from '../../core/problem.ts'
import { SAMPLE_FIXID, SAMPLE_MACHINE_TYPE } from '../samples.ts'
import type { Services } from '../services.ts'
import { parseCursor, toCursor } from './cursor.ts'
import { PROBLEM_RESPONSES, problemResponse } from './problem-body.ts'

const DEFAULT_LIMIT = '100'

const PageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1000)$',
      examples: ['10'],
      description: 'a number from 1 to 1000; without it a page has 100 items.'
    })
  ),
  cursor: Type.Optional(Type.String({ maxLength: 8_192, description: '`next` of the page before.' }))
}

const Next = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` of the next page; null after the last.'
})

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

const FileView = Type.Object({
  path: Type.String({ description: 'In the repository.' }),
  role: Type.String(),
  size: Type.Integer({ description: 'Bytes.' }),
  crc32: Type.String({ description: 'Eight hexadecimal digits.' }),
  sha256: Type.String(),
  modifiedAt: Type.String({ description: 'ISO 8601, UTC.' })
})

const summary = {
  fixid: Type.String(),
  kind: Type.String({ description: '`update` or `system-pack`.' }),
  name: Type.String(),
  version: Type.String(),
  buildNumber: Type.String(),
  category: Type.String(),
  severity: Type.String(),
  releaseDate: Type.String(),
  payloadState: Type.String({ description: '`present`, `missing`, or `none` for a pack without files of its own.' }),
  size: Type.Integer({ description: 'Bytes of all its files.' }),
  machineTypes: Type.Array(Type.String())
}

const PackageView = Type.Object(summary, { title: 'PackageSummary' })

const PackageDetail = Type.Object(
  {
    ...summary,
    description: Type.String(),
    updateType: Type.String(),
    rebootRequired: Type.String(),
    members: Type.Array(Type.String(), { description: 'The fixids of a system pack’s members.' }),
    requisites: Type.Array(Type.Object({ fixid: Type.String(), kind: Type.String() })),
    files: Type.Array(FileView)
  },
  { title: 'Package' }
)

const PackagePage = Type.Object({ packages: Type.Array(PackageView), next: Next }, { title: 'PackagePage' })

const ProblemPage = Type.Object(
  {
    problems: Type.Array(
      Type.Object({
        path: Type.String({ description: 'In the repository.' }),
        code: Type.String({ description: 'The kind of problem.' }),
        text: Type.String({ description: 'A sentence with the particulars.' })
      })
    ),
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
        params: Type.Object({
          fixid: Type.String({
            minLength: 1,
            maxLength: 255,
            examples: [SAMPLE_FIXID],
            description: 'The fixid of a package.'
          })
        }),
        response: { 200: PackageDetail, 404: problemResponse('There is no such package.'), ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const { fixid } = request.params
      const found = await catalog.findPackage(fixid)
      if (found === undefined) throw new Problem('PACKAGE_UNKNOWN', `There is no package ${JSON.stringify(fixid)}.`)
      return detailView(found)
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

/** A full page may be the last one too; then the next one is empty. */
function nextOf<Item>(page: readonly Item[], limit: string, position: (item: Item) => string[]): string | null {
  const last = page.at(-1)
  return last === undefined || page.length < Number(limit) ? null : toCursor(position(last))
}

function summaryView(item: PackageSummary): Static<typeof PackageView> {
  const { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size } = item
  const machineTypes = [...item.machineTypes]
  return { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size, machineTypes }
}

function detailView(item: PackageSummary): Static<typeof PackageDetail> {
  const { description, updateType, rebootRequired, members, requisites, files } = item
  return {
    ...summaryView(item),
    description,
    updateType,
    rebootRequired,
    members: [...members],
    requisites: requisites.map(({ fixid, kind }) => ({ fixid, kind })),
    files: files.map(({ path, role, size, crc32, sha256, modifiedAt }) => ({
      path,
      role,
      size,
      crc32: crc32.toString(16).padStart(8, '0'),
      sha256,
      modifiedAt: new Date(modifiedAt * 1000).toISOString()
    }))
  }
}
