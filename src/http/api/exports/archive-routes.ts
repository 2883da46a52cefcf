/** /api/v1/archive: streams a selection as an archive, without a task and without disk space. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Selection } from '../../../core/export/export.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { sendFile } from '../../transfer/send-file.ts'
import { FilterQuery, filterOfQuery } from '../packages/package-parameters.ts'

const Flag = (description: string) => Type.Optional(Type.String({ enum: ['true', 'false'], description }))

const ArchiveQuery = Type.Object({
  fixids: Type.Optional(
    Type.String({
      // An empty item is ambiguous.
      pattern: '^[^,]+(,[^,]+)*$',
      maxLength: 12_000,
      description: 'the comma-separated fixids of packages'
    })
  ),
  all: Type.Optional(Type.String({ enum: ['true'], description: 'The whole repository.' })),
  ...FilterQuery,
  files: Type.Optional(
    Type.String({
      enum: ['all', 'payloads'],
      description: '`all` files of a package (default), or only its `payloads`.'
    })
  ),
  withRequisites: Flag('`true`: also the packages that the selected ones require, directly or indirectly.')
})

const BINARY = { 'application/zip': { schema: Type.String({ format: 'binary' }) } }

export const archiveRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'commands' | 'archives' | 'catalog'>> = async (
  app,
  { commands, archives, catalog }
) => {
  app.get(
    '/api/v1/archive',
    {
      config: { access: 'exporter' },
      schema: {
        operationId: 'downloadSelection',
        tags: ['Exports'],
        summary: 'Download packages as an archive without a task',
        description:
          'Select with `fixids`, `all` or the parameters of a search. The archive is created while it is sent, without disk space ' +
          'and without a task. It has a length, an `ETag` and ranges: `Range` and `If-Range` resume a download as long as the ' +
          'packages have not changed.',
        querystring: ArchiveQuery,
        response: {
          200: { description: 'The archive.', content: BINARY },
          206: { description: 'The part of `Range`.', content: BINARY },
          304: Type.Null({ description: 'The archive is the one of `If-None-Match`.' }),
          409: problemResponse('A file has changed since the repository was scanned.'),
          410: problemResponse('A file was removed since the repository was scanned.'),
          416: problemResponse('The `Range` starts after the end of the archive.'),
          ...PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      app.beginTransfer('downloads', request, reply)
      const plan = await commands.planDownload(selectionOfQuery(request.query))
      const facts = {
        name: `repository-${plan.digest.slice(0, 12)}.zip`,
        // The content cannot have changed since the last scan.
        modifiedAt: (await catalog.readAt()) ?? new Date()
      }
      await sendFile(request, reply.header('cache-control', 'private, no-cache'), archives.openStreamed(plan, facts))
    }
  )
}

/** @throws Problem PARAMETER_INVALID unless there is exactly one way to select */
function selectionOfQuery(query: Static<typeof ArchiveQuery>): Selection {
  const { fixids, all, files = 'all', withRequisites, ...filter } = query
  const isFiltered = Object.keys(filter).length > 0
  const ways = [fixids !== undefined, all !== undefined, isFiltered].filter((isGiven) => isGiven).length
  if (ways !== 1) {
    throw new Problem(
      'PARAMETER_INVALID',
      `Packages must be selected in exactly one way: with fixids, with all, or with the parameters of a search; the request has ${ways}.`
    )
  }
  return {
    fixids: fixids?.split(',') ?? [],
    ...(isFiltered ? { filter: filterOfQuery(filter) } : {}),
    withRequisites: withRequisites === 'true',
    scope: files as Selection['scope']
  }
}
