/** PUT /updateRepositories/firmware and …/uxsps: start exports, scans and deletions. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Static } from 'typebox'
import type { Deletion, DeletionRequest } from '../../../core/catalog/deletion.ts'
import type { FileScope } from '../../../core/catalog/package.ts'
import type { AcceptedTask } from '../../../core/export/task-commands.ts'
import { OPERATION_SUCCEEDED, taskAccepted } from '../../../core/problems/message.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { CHANGE_ERROR_RESPONSES, messageView } from '../../bodies/result-body.ts'
import type { Services } from '../../services.ts'
import {
  ACTION_ACCESS,
  ActionBody,
  ActionQuery,
  ActionResult,
  CONFLICT_RESPONSE,
  UPSTREAM_ACTIONS
} from './action-schemas.ts'

export const actionRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'commands'>> = async (app, { commands }) => {
  for (const { url, operationId, tag, hide } of ACTION_URLS) {
    app.put(
      url,
      {
        config: { access: ACTION_ACCESS },
        schema: {
          operationId,
          hide,
          tags: [tag],
          summary: 'Export or delete packages, or scan the repository',
          description:
            'The answer has the id of a task, which runs in the background and survives a restart. Follow it with the status ' +
            'call. Exporting a system pack (UXSP) also exports its members.',
          querystring: ActionQuery,
          body: ActionBody,
          response: { 200: ActionResult, 409: CONFLICT_RESPONSE, ...CHANGE_ERROR_RESPONSES }
        }
      },
      async (request, reply) => {
        const { action, filetypes = 'all' } = request.query
        if (UPSTREAM_ACTIONS.has(action)) {
          throw new Problem('UPSTREAM_MISSING', `The action ${action} is not possible: no upstream is configured.`)
        }
        if (action === 'delete' || action === 'cleanup') {
          const deletion = await commands.deletePackages(deletionRequest(request.query, request.body, request.userName))
          return accepted(reply, deletionResult(deletion))
        }
        const started =
          action === 'read'
            ? await commands.requestScan(request.userName)
            : await commands.requestExport({
                selection: { fixids: exportFixids(request.body, filetypes), scope: filetypes as FileScope },
                requestedBy: request.userName
              })
        return accepted(reply, actionResult(started))
      }
    )
  }
}

const FIRMWARE_TAG = 'LXCA: firmware repository'
const PACKS_TAG = 'LXCA: system packs'

const ACTION_URLS = [
  { url: '/updateRepositories/firmware', operationId: 'changeFirmware', tag: FIRMWARE_TAG, hide: false },
  { url: '/updateRepositories/firmware/uxsps', operationId: 'changeSystemPacks', tag: PACKS_TAG, hide: false },
  // Lenovo's documentation uses the singular in one place.
  { url: '/updateRepositories/firmware/uxsp', operationId: 'changeSystemPacks', tag: PACKS_TAG, hide: true }
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

/**
 * @throws Problem PARAMETER_INVALID or BODY_INVALID without `filetypes` or fixids: an empty list never means everything
 */
function deletionRequest(
  query: Static<typeof ActionQuery>,
  body: Static<typeof ActionBody>,
  requestedBy: string
): DeletionRequest {
  const isDryRun = query.dryRun === 'true'
  if (query.action === 'cleanup') return { what: 'unused', scope: 'all', isDryRun, requestedBy }
  if (query.filetypes === undefined) {
    throw new Problem('PARAMETER_INVALID', 'The parameter filetypes is missing; it must be all or payloads.')
  }
  const fixids = body?.fixids ?? []
  if (fixids.length === 0) {
    throw new Problem('BODY_INVALID', 'The attribute fixids is missing or empty; a deletion must name packages.')
  }
  return { what: { fixids }, scope: query.filetypes as FileScope, isDryRun, requestedBy }
}

function deletionResult({ fixids, fileCount, bytes, taskId }: Deletion): Static<typeof ActionResult> {
  const messages = [OPERATION_SUCCEEDED, ...(taskId === undefined ? [] : [taskAccepted(taskId)])]
  return {
    result: 'success',
    taskid: taskId ?? 0,
    jobid: taskId ?? 0,
    messages: messages.map(messageView),
    packages: [...fixids],
    files: fileCount,
    size: bytes
  }
}

/** Adds the headers that older clients read. */
function accepted(reply: FastifyReply, result: Static<typeof ActionResult>): FastifyReply {
  const { taskid } = result
  if (taskid !== 0) reply.request.taskId = taskid
  return reply.headers(taskid === 0 ? {} : { location: `/jobs/${taskid}`, jobids: String(taskid) }).send(result)
}
