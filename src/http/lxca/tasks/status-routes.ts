/** GET /updateRepositories/firmware/status: the progress of a task, or of all running tasks. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { TaskKind } from '../../../core/tasks/task.ts'
import { STATUS_ERROR_RESPONSES } from '../../bodies/result-body.ts'
import { SAMPLE_TASK_ID } from '../../samples.ts'
import type { Services } from '../../services.ts'
import { combinedStatusView, StatusView, statusView } from './status-view.ts'
import { parseTaskId } from './task-id.ts'

/** The task types of clients; `none`: a type of the appliance that this server does not have, and never runs. */
const TASK_TYPES: Readonly<Record<string, TaskKind | 'none'>> = {
  EXPORTREPOSITORY: 'export',
  READREPOSITORY: 'scan',
  ACQUIRECATALOG: 'none',
  ACQUIREPAYLOAD: 'none'
}

/** The answer about all tasks lists at most this many; it counts all of them. */
const MAX_LISTED_TASKS = 100

const NO_TASKS = { count: 0, queued: 0, packagesDone: 0, packagesTotal: 0, bytesDone: 0, bytesTotal: 0 }

const StatusQuery = Type.Object({
  taskType: Type.Optional(
    Type.String({
      enum: Object.keys(TASK_TYPES),
      examples: ['EXPORTREPOSITORY'],
      description: 'Type of task, not case-sensitive; only used with taskid 0.'
    })
  ),
  taskid: Type.Optional(
    Type.String({
      pattern: '^[0-9]+$',
      examples: ['0', SAMPLE_TASK_ID],
      description: '0 or the id of a task; 0 or no taskid means all running tasks.'
    })
  )
})

export const statusRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'tasks'>> = async (app, { tasks }) => {
  app.get(
    '/updateRepositories/firmware/status',
    {
      config: { access: 'viewer', hasErrorMsg: true, isPolled: true },
      schema: {
        operationId: 'followTask',
        tags: ['LXCA: firmware repository'],
        summary: 'Follow a task',
        description:
          'Repeat until `progress` is 100. An export is ready when `state` is `complete`; then `current` is the name of the ' +
          'archive to download. `downloadedsize` and `totalsize` are the exact progress.',
        querystring: StatusQuery,
        response: { 200: StatusView, ...STATUS_ERROR_RESPONSES }
      }
    },
    async (request) => {
      const { taskid = '0', taskType } = request.query
      if (Number(taskid) !== 0) return statusView(await getTask(tasks, taskid))
      const kind = taskType === undefined ? undefined : TASK_TYPES[taskType]
      if (kind === 'none') return combinedStatusView([], NO_TASKS)
      return combinedStatusView(await tasks.liveTasks(kind, MAX_LISTED_TASKS), await tasks.liveTotals(kind))
    }
  )
}

async function getTask(tasks: Services['tasks'], taskid: string) {
  const task = await tasks.findTask(parseTaskId(taskid))
  if (task === undefined) throw new Problem('TASK_UNKNOWN', `There is no task ${taskid}.`)
  return task
}
