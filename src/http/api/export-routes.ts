/** /api/v1/exports: exports by their own names, for clients that were written for this server. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../core/problem.ts'
import { parseTaskId } from '../lxca/task-id.ts'
import type { Services } from '../services.ts'
import { CHANGE_PROBLEM_RESPONSES, problemResponse } from './problem-body.ts'

const ExportId = Type.Object({
  id: Type.String({
    pattern: '^[0-9]{1,16}$',
    examples: ['2'],
    description: 'The id of an export. The example is the first one, as long as it goes on.'
  })
})

export const exportRoutes: FastifyPluginAsyncTypebox<Services> = async (app, services) => {
  const { desk, tasks } = services

  app.delete(
    '/api/v1/exports/:id',
    {
      schema: {
        operationId: 'cancelExport',
        tags: ['Exports'],
        summary: 'Cancel an export',
        description:
          'One that waits ends at once, one that runs within a second, and nothing of it is left. Others who asked for the ' +
          'same content are not concerned.',
        params: ExportId,
        response: {
          204: Type.Null({ description: 'The export is canceled.' }),
          404: problemResponse('There is no such export.'),
          409: problemResponse('The export has ended before.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const id = parseTaskId(request.params.id)
      const task = await tasks.findTask(id)
      if (task?.kind !== 'export') throw new Problem('EXPORT_UNKNOWN', `There is no export ${id}.`)
      const [outcome] = await desk.cancelTasks([id])
      if (outcome?.isCanceledNow !== true) throw new Problem('TASK_ENDED', `The export ${id} has ended already.`)
      return reply.code(204).send(null)
    }
  )
}
