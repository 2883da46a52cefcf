/** GET /updateRepositories/firmware and …/uxsps: the content of the repository, and the archives of exports. */
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
        description: `The information to return; default \`${standard}\`. \`export\` downloads an archive.`
      })
    ),
    action: Type.Optional(Type.String({ enum: ['export'], description: '`export` is the same as `key=export`.' })),
    exportRepoFilename: Type.Optional(
      Type.String({ description: 'For a download: the name from `current` of the status call.' })
    ),
    mt: Type.Optional(
      Type.String({
        examples: [SAMPLE_MACHINE_TYPE],
        description: 'Comma-separated machine types; default: all.'
      })
    ),
    with: Type.Optional(
      Type.String({
        enum: ['all', 'latest'],
        examples: ['latest'],
        description: '`latest`: only the newest package of each product line.'
      })
    ),
    payload: Type.Optional(
      Type.String({ description: 'A flag without a value: also list the files of each package.' })
    ),
    updates: Type.Optional(Type.String({ description: 'A flag without a value: the same as `key=updates`.' }))
  })
}

/** Both parameters can request a download. */
const ACCESS: AccessByQuery = {
  otherwise: 'viewer',
  byQuery: { key: { export: 'exporter' }, action: { export: 'exporter' } }
}

const DOWNLOAD_NOTE =
  'With `key=export` (or `action=export`) and `exportRepoFilename`, the answer is the archive. `Range` is supported, so ' +
  '`curl -C -` resumes a download.'

export const informationRoutes: FastifyPluginAsyncTypebox<Services> = async (app, services) => {
  const apis = [
    { url: '/updateRepositories/firmware', answers: FIRMWARE_ANSWERS, standard: 'updates', hide: false },
    { url: '/updateRepositories/firmware/uxsps', answers: UXSP_ANSWERS, standard: 'uxsps', hide: false },
    // Lenovo's documentation uses the singular in one place.
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
              description: 'The information, or the archive.',
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
              description: 'The archive has not changed since `If-None-Match` or `If-Modified-Since`.'
            }),
            404: errorResponse('No completed export has an archive with this name.'),
            410: errorResponse('The archive existed, and is no longer kept.'),
            416: errorResponse('The `Range` starts after the end of the archive.'),
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
        if (answer === undefined) throw new Error(`The schema accepts the key ${key}, which has no answer`)
        const body = await answer(services, request.query satisfies InformationQuery, reply)
        return (reply as FastifyReply).type('application/json; charset=utf-8').send(body)
      }
    )
  }
}

/** The store finds the archive by its name; the name never becomes a path. */
async function download(
  { archives }: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string | undefined
): Promise<void> {
  if (name === undefined || name === '') {
    throw new Problem(
      'PARAMETER_INVALID',
      `The parameter exportRepoFilename is missing; it must be the name from current of the status call.`
    )
  }
  const archive = await archives.open(name)
  if (archive === undefined)
    throw new Problem('ARCHIVE_UNKNOWN', `There is no archive ${JSON.stringify(name.slice(0, 255))}.`)
  // An archive with a given name never changes.
  await sendFile(request, reply.header('cache-control', 'private'), archive)
}
