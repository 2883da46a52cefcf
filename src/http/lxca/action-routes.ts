/** PUT /updateRepositories/firmware and …/uxsps: start work on the repository. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { AcceptedTask, FileScope } from '../../core/export.ts'
import { OPERATION_SUCCEEDED } from '../../core/message.ts'
import { Problem } from '../../core/problem.ts'
import type { Services } from '../services.ts'
import { ERROR_RESPONSES, errorResponse, MessageView, messageView } from './result-body.ts'

const SUPPORTED_ACTIONS = ['export', 'read']
const MAX_FIXIDS = 50_000
const MAX_FIXID_LENGTH = 255

const ActionQuery = Type.Object({
  action: Type.String({
    enum: SUPPORTED_ACTIONS,
    description: '`export` packs packages into an archive; `read` reads the repository directory again.'
  }),
  filetypes: Type.Optional(
    Type.String({
      enum: ['all', 'payloads'],
      description: 'For an export: `all` files of a package, or its `payloads` only. Default `all`.'
    })
  )
})

const ActionBody = Type.Union([
  Type.Object({
    fixids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_FIXID_LENGTH }), {
        maxItems: MAX_FIXIDS,
        description: 'The packages, by fixid. With `filetypes=all` none, or null, means the whole repository.'
      })
    )
  }),
  Type.Null()
])

const ActionResult = Type.Object(
  {
    result: Type.String({ description: '`success`: the task was accepted.' }),
    taskid: Type.Integer({ description: 'For the status call.' }),
    jobid: Type.Integer({ description: 'The same number.' }),
    messages: Type.Array(MessageView)
  },
  { title: 'Accepted' }
)

const NO_SPACE_RESPONSE = errorResponse('The archive needs more space than is free; the message says how much.')
const TOO_LARGE_RESPONSE = errorResponse('The body is longer than is read.')

export const actionRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'desk'>> = async (app, { desk }) => {
  for (const { url, tag, hide } of ACTION_URLS) {
    app.put(
      url,
      {
        schema: {
          hide,
          tags: [tag],
          summary: 'Start an export, or read the repository again',
          description:
            'The answer comes at once and has the id of a task; the work goes on in the background and survives a restart. ' +
            'Follow it with the status call. Exporting a system pack (UXSP) exports its members too.',
          querystring: ActionQuery,
          body: ActionBody,
          response: { 200: ActionResult, 409: NO_SPACE_RESPONSE, 413: TOO_LARGE_RESPONSE, ...ERROR_RESPONSES }
        }
      },
      async (request, reply) => {
        const { action, filetypes = 'all' } = request.query
        const accepted =
          action === 'read'
            ? await desk.requestScan(request.userName)
            : await desk.requestExport({
                selection: { fixids: exportFixids(request.body, filetypes), scope: filetypes as FileScope },
                requestedBy: request.userName
              })
        const { id } = accepted.task
        return reply.headers({ location: `/jobs/${id}`, jobids: String(id) }).send(actionResult(accepted))
      }
    )
  }
}

const ACTION_URLS = [
  { url: '/updateRepositories/firmware', tag: 'LXCA: firmware repository', hide: false },
  { url: '/updateRepositories/firmware/uxsps', tag: 'LXCA: system packs', hide: false },
  // The documentation writes the singular once.
  { url: '/updateRepositories/firmware/uxsp', tag: 'LXCA: system packs', hide: true }
]

function exportFixids(body: Static<typeof ActionBody>, filetypes: string): string[] {
  const fixids = body?.fixids ?? []
  if (fixids.length === 0 && filetypes === 'payloads') {
    throw new Problem(
      'BODY_INVALID',
      'The attribute fixids is missing or empty; with filetypes=payloads it must name packages.'
    )
  }
  return fixids
}

function actionResult({ task, notes }: AcceptedTask): Static<typeof ActionResult> {
  const messages = [OPERATION_SUCCEEDED, ...notes]
  return { result: 'success', taskid: task.id, jobid: task.id, messages: messages.map(messageView) }
}
