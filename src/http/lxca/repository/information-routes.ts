/** GET /updateRepositories/firmware and …/uxsps: what the repository holds, and the archives of exports. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import { ERROR_RESPONSES, errorResponse } from '../../bodies/result-body.ts'
import type { AccessByQuery } from '../../plugins/access.ts'
import { SAMPLE_MACHINE_TYPE } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { sendFile } from '../../transfer/send-file.ts'
import { FIRMWARE_ANSWERS, type InformationKey, type InformationQuery, UXSP_ANSWERS } from './information-answers.ts'
import { InformationView } from './information-view.ts'

const keys = (answers: Readonly<Record<string, unknown>>) => [...Object.keys(answers), 'export']

function querySchema(answers: Readonly<Record<string, unknown>>, standard: string) {
  return Type.Object({
    key: Type.Optional(
      Type.String({
        enum: keys(answers),
        examples: [standard],
        description: `What to tell; without it \`${standard}\`. \`export\` downloads an archive.`
      })
    ),
    action: Type.Optional(Type.String({ enum: ['export'], description: '`export` is the same as `key=export`.' })),
    exportRepoFilename: Type.Optional(
      Type.String({ description: 'For a download: the name that the status call gives as `current`.' })
    ),
    mt: Type.Optional(
      Type.String({
        examples: [SAMPLE_MACHINE_TYPE],
        description: 'Machine types, parted by commas; without it all.'
      })
    ),
    with: Type.Optional(
      Type.String({
        enum: ['all', 'latest'],
        examples: ['latest'],
        description: '`latest`: only the newest of each product line.'
      })
    ),
    payload: Type.Optional(Type.String({ description: 'A flag without a value: list the files of each package too.' })),
    updates: Type.Optional(Type.String({ description: 'A flag without a value: the same as `key=updates`.' }))
  })
}

/** Either way it is a download. */
const ACCESS: AccessByQuery = {
  otherwise: 'viewer',
  byQuery: { key: { export: 'exporter' }, action: { export: 'exporter' } }
}

const DOWNLOAD_NOTE =
  'With `key=export` (or `action=export`) and `exportRepoFilename` the answer is the archive itself. It can be asked for in ' +
  'parts (`Range`), which is how `curl -C -` goes on with a download that was cut.'

export const informationRoutes: FastifyPluginAsyncTypebox<Services> = async (app, services) => {
  const apis = [
    { url: '/updateRepositories/firmware', answers: FIRMWARE_ANSWERS, standard: 'updates', hide: false },
    { url: '/updateRepositories/firmware/uxsps', answers: UXSP_ANSWERS, standard: 'uxsps', hide: false },
    // The documentation writes the singular once.
    { url: '/updateRepositories/firmware/uxsp', answers: UXSP_ANSWERS, standard: 'uxsps', hide: true }
  ] as const
  for (const { url, answers, standard, hide } of apis) {
    app.get(
      url,
      {
        config: { access: ACCESS },
        schema: {
          hide,
          operationId: standard === 'updates' ? 'listUpdates' : 'listSystemPacks',
          tags: [standard === 'updates' ? 'LXCA: firmware repository' : 'LXCA: system packs'],
          summary:
            standard === 'updates'
              ? 'List updates, or download an archive'
              : 'List system packs, or download an archive',
          description: DOWNLOAD_NOTE,
          querystring: querySchema(answers, standard),
          response: {
            200: {
              description: 'What was asked for.',
              content: {
                'application/json': { schema: InformationView },
                'application/zip': { schema: Type.String({ format: 'binary' }) }
              }
            },
            206: {
              description: 'A part of the archive.',
              content: { 'application/zip': { schema: Type.String({ format: 'binary' }) } }
            },
            304: Type.Null({
              description: 'The archive is the one that `If-None-Match` or `If-Modified-Since` tells of.'
            }),
            404: errorResponse('No finished export has an archive of this name.'),
            410: errorResponse('The archive was there, and is not kept any more.'),
            416: errorResponse('The `Range` begins behind the end of the archive.'),
            ...ERROR_RESPONSES
          }
        }
      },
      async (request, reply) => {
        const { key = standard, action } = request.query
        if (key === 'export' || action === 'export') {
          app.beginTransfer('downloads', request, reply)
          return download(services, request, reply, request.query.exportRepoFilename)
        }
        const answer = (answers as Partial<Record<string, InformationKey>>)[key]
        if (answer === undefined) throw new Error(`The schema lets ${key} pass, which has no answer`)
        const body = await answer(services, request.query satisfies InformationQuery, reply)
        return (reply as FastifyReply).type('application/json; charset=utf-8').send(body)
      }
    )
  }
}

/** The name is looked up, and never becomes a path. */
async function download(
  { archives }: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string | undefined
): Promise<void> {
  if (name === undefined || name === '') {
    throw new Problem(
      'PARAMETER_INVALID',
      `The parameter exportRepoFilename is missing; it must be the name that the status call gives as current.`
    )
  }
  const archive = await archives.open(name)
  if (archive === undefined)
    throw new Problem('ARCHIVE_UNKNOWN', `There is no archive ${JSON.stringify(name.slice(0, 255))}.`)
  // What has the name of an archive never changes.
  await sendFile(request, reply.header('cache-control', 'private'), archive)
}
