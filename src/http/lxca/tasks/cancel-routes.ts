/** PUT and DELETE of /tasks and /jobs: cancel tasks, and delete tasks that have ended. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { CHANGE_ERROR_RESPONSES } from '../../bodies/result-body.ts'
import { requireOwnTasks } from '../../plugins/access.ts'
import { SAMPLE_TASK_ID } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { MAX_TASK_IDS, parseTaskId, TaskIds } from './task-id.ts'

const TaskId = Type.String({ pattern: '^[0-9]{1,16}$', description: 'The id of a task.' })

const TasksBody = Type.Object(
  {
    action: Type.String({ enum: ['cancel'], description: '`cancel`: cancel these tasks.' }),
    list: Type.Array(Type.Union([TaskId, Type.Integer({ minimum: 1 })]), { minItems: 1, maxItems: MAX_TASK_IDS })
  },
  { examples: [{ action: 'cancel', list: [SAMPLE_TASK_ID] }] }
)

const JobBody = Type.Object(
  {
    cancelRequest: Type.Union([Type.Boolean(), Type.String({ enum: ['true', 'false'] })], {
      description: '`true` cancels the task; `false` changes nothing.'
    })
  },
  { examples: [{ cancelRequest: true }] }
)

const Done = Type.Null({ description: 'The tasks have ended. Tasks that had already ended are unchanged.' })
/** Lenovo's documentation has an empty body, not `null`. */
const NO_BODY = () => ''

const RESPONSES = { 200: Done, ...CHANGE_ERROR_RESPONSES }

const DELETE_URLS = [
  { url: '/tasks/:ids', operationId: 'deleteTasks' },
  { url: '/jobs/:ids', operationId: 'deleteJobs' }
]

const DESCRIPTION =
  'A queued task ends at once and a running task within a second; partial results are deleted. An archive that several ' +
  'exports share is packed as long as one of them is not canceled. Tasks of other users need the role `operator`.'

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
          summary: 'Cancel or delete tasks',
          description: `${DESCRIPTION} A task that has ended is removed from the lists; its archive is kept as long as before.`,
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
      schema: { ...described, operationId: 'cancelTasks', summary: 'Cancel a list of tasks', body: TasksBody }
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
