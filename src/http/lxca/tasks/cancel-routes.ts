/** PUT and DELETE of /tasks and /jobs: end tasks early, and forget those that have ended. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { CHANGE_ERROR_RESPONSES } from '../../bodies/result-body.ts'
import { requireOwnTasks } from '../../plugins/access.ts'
import { SAMPLE_TASK_ID } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { MAX_TASK_IDS, parseTaskId, TaskIds } from './task-id.ts'

const TaskId = Type.String({ pattern: '^[0-9]{1,16}$', description: 'The number of a task.' })

const TasksBody = Type.Object(
  {
    action: Type.String({ enum: ['cancel'], description: '`cancel`: end these tasks.' }),
    list: Type.Array(Type.Union([TaskId, Type.Integer({ minimum: 1 })]), { minItems: 1, maxItems: MAX_TASK_IDS })
  },
  { examples: [{ action: 'cancel', list: [SAMPLE_TASK_ID] }] }
)

const JobBody = Type.Object(
  {
    cancelRequest: Type.Union([Type.Boolean(), Type.String({ enum: ['true', 'false'] })], {
      description: '`true` ends the task; `false` changes nothing.'
    })
  },
  { examples: [{ cancelRequest: true }] }
)

const Done = Type.Null({ description: 'The tasks have ended. Those that had ended before stay as they are.' })
/** As documented: not even `null`. */
const NO_BODY = () => ''

const RESPONSES = { 200: Done, ...CHANGE_ERROR_RESPONSES }

const DELETE_URLS = [
  { url: '/tasks/:ids', operationId: 'deleteTasks' },
  { url: '/jobs/:ids', operationId: 'deleteJobs' }
]

const DESCRIPTION =
  'A task that waits ends at once, one that runs within a second, and nothing of it is left. When several exports share ' +
  'one archive, it is packed on as long as one of them is not canceled. Tasks of others need the role `operator`.'

export const cancelRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'commands' | 'tasks'>> = async (
  app,
  { commands, tasks }
) => {
  const tags = ['LXCA: tasks']
  const described = { tags, description: DESCRIPTION, response: RESPONSES }

  for (const { url, operationId } of DELETE_URLS) {
    app.delete(
      url,
      {
        config: { access: 'exporter' },
        schema: {
          ...described,
          operationId,
          summary: 'Cancel or forget tasks',
          description: `${DESCRIPTION} A task that has ended disappears from the lists; its archive stays as long as it is kept.`,
          params: TaskIds
        }
      },
      async (request, reply) => {
        const ids = request.params.ids.split(',').map(parseTaskId)
        await requireOwnTasks(request.identity, tasks, ids)
        await commands.deleteTasks(ids)
        return reply.serializer(NO_BODY).send(null)
      }
    )
  }

  app.put(
    '/tasks',
    {
      config: { access: 'exporter' },
      schema: { ...described, operationId: 'cancelTasks', summary: 'Cancel tasks, by list', body: TasksBody }
    },
    async (request, reply) => {
      const ids = request.body.list.map((id) => parseTaskId(String(id)))
      await requireOwnTasks(request.identity, tasks, ids)
      await commands.cancelTasks(ids)
      return reply.serializer(NO_BODY).send(null)
    }
  )

  app.put(
    '/jobs/:ids',
    {
      config: { access: 'exporter' },
      schema: { ...described, operationId: 'cancelJobs', summary: 'Cancel a job', params: TaskIds, body: JobBody }
    },
    async (request, reply) => {
      const isWanted = String(request.body.cancelRequest) === 'true'
      const ids = request.params.ids.split(',').map(parseTaskId)
      await requireOwnTasks(request.identity, tasks, ids)
      if (isWanted) await commands.cancelTasks(ids)
      return reply.serializer(NO_BODY).send(null)
    }
  )
}
