/** /api/v1/exports: start, list, get and cancel exports. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { TaskState } from '../../../core/tasks/task.ts'
import { CHANGE_PROBLEM_RESPONSES, PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import { requireOwnTasks } from '../../plugins/access.ts'
import { BODY_LIMIT_BYTES } from '../../plugins/lenient-json.ts'
import type { Services } from '../../services.ts'
import { DEFAULT_LIMIT, Next, nextOf, PageQuery, parseNumberCursor } from '../page.ts'
import { ExportBody, selectionOf } from './export-request.ts'
import { ExportView, exportView, STATES } from './export-view.ts'
import { ExportParams, findExport } from './find-export.ts'
import { PreflightView, preflightView } from './preflight-view.ts'

const EXPORT_UNKNOWN_RESPONSE = problemResponse('There is no such export.')

export const exportRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'commands' | 'tasks'>> = async (app, services) => {
  const { commands, tasks } = services

  app.post(
    '/api/v1/exports',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { access: 'exporter' },
      schema: {
        operationId: 'createExport',
        tags: ['Exports'],
        summary: 'Export packages',
        description:
          'Starts to pack an archive in the background; `Location` is the path of the export. Content that is being packed or ' +
          'kept is not packed again: then the new task shares the archive. With `dryRun` nothing is started, and the answer ' +
          'shows what the export would contain.',
        body: ExportBody,
        response: {
          200: PreflightView,
          201: {
            description: 'The export is accepted and survives a restart.',
            headers: { location: { type: 'string', description: 'The path of the export.' } },
            content: { 'application/json': { schema: ExportView } }
          },
          409: problemResponse('There is not enough space for the archive.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const selection = selectionOf(request.body)
      if (request.body.dryRun === true) return preflightView(await commands.planExport(selection))
      const { task } = await commands.requestExport({ selection, requestedBy: request.userName })
      request.taskId = task.id
      return reply.code(201).header('location', `/api/v1/exports/${task.id}`).send(exportView(task, new Date()))
    }
  )

  app.get(
    '/api/v1/exports',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'listExports',
        tags: ['Exports'],
        summary: 'List exports',
        description: 'Newest first, in pages: repeat with `next` as `cursor` until it is null.',
        querystring: Type.Object({
          state: Type.Optional(Type.String({ enum: STATES, description: 'Only exports in this state.' })),
          ...PageQuery
        }),
        response: {
          200: Type.Object({ exports: Type.Array(ExportView), next: Next }, { title: 'ExportPage' }),
          ...PROBLEM_RESPONSES
        }
      }
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT, state } = request.query
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : parseNumberCursor(cursor)
      const page = await tasks.taskPage(
        { kind: 'export', state: state as TaskState | undefined },
        before,
        Number(limit)
      )
      const now = new Date()
      return { exports: page.map((task) => exportView(task, now)), next: nextOf(page, limit, ({ id }) => [String(id)]) }
    }
  )

  app.get(
    '/api/v1/exports/:id',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'getExport',
        tags: ['Exports'],
        summary: 'Get an export',
        params: ExportParams,
        response: { 200: ExportView, 404: EXPORT_UNKNOWN_RESPONSE, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => exportView(await findExport(tasks, request.params.id), new Date())
  )

  app.delete(
    '/api/v1/exports/:id',
    {
      config: { access: 'exporter' },
      schema: {
        operationId: 'cancelExport',
        tags: ['Exports'],
        summary: 'Cancel an export',
        description:
          'A queued export ends at once and a running export within a second; its partial archive is deleted. Other exports of ' +
          'the same content continue. An export of another user needs the role `operator`.',
        params: ExportParams,
        response: {
          204: Type.Null({ description: 'The export is canceled.' }),
          404: EXPORT_UNKNOWN_RESPONSE,
          409: problemResponse('The export has already ended.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const { id } = await findExport(tasks, request.params.id)
      await requireOwnTasks(request.identity, tasks, [id])
      const [outcome] = await commands.cancelTasks([id])
      if (outcome?.isCanceledNow !== true) throw new Problem('TASK_ENDED', `The export ${id} has ended already.`)
      return reply.code(204).send(null)
    }
  )
}
