/** GET of /tasks and /jobs: all tasks, or tasks by id. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { Task } from '../../../core/tasks/task.ts'
import { ERROR_RESPONSES, errorResponse } from '../../bodies/result-body.ts'
import type { Services } from '../../services.ts'
import { arrayText, textStream } from '../../transfer/json-stream.ts'
import { parseTaskId, TaskIds } from './task-id.ts'
import { JOB_STATE, JobView, jobUuid, jobView, TaskView, taskView } from './task-view.ts'

const TAGS = ['LXCA: tasks']

const TaskQuery = Type.Object({
  compact: Type.Optional(Type.String({ examples: ['true'], description: '`true` omits the members `children`.' }))
})

const JobQuery = Type.Object({
  state: Type.Optional(
    Type.String({ examples: ['Complete'], description: 'Only jobs in this state; not case-sensitive.' })
  ),
  uuid: Type.Optional(Type.String({ description: 'Only the job with this uuid.' }))
})

const NOT_FOUND = errorResponse('There is no task with one of these ids.')

export const taskRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'tasks'>> = async (app, { tasks }) => {
  const tasksAnswer = { 200: Type.Array(TaskView), ...ERROR_RESPONSES }

  app.get(
    '/tasks',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'listTasks',
        tags: TAGS,
        summary: 'List tasks',
        querystring: TaskQuery,
        response: tasksAnswer
      }
    },
    async (request, reply) => {
      const isCompact = isFlag(request.query.compact)
      return sendList(reply, tasks, (task) => taskView(task, isCompact))
    }
  )

  app.get(
    '/tasks/:ids',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'getTasks',
        tags: TAGS,
        summary: 'Get tasks',
        description: 'The answer is an array, also for one task.',
        params: TaskIds,
        querystring: TaskQuery,
        response: { ...tasksAnswer, 404: NOT_FOUND }
      }
    },
    async (request) => {
      const found = await findTasks(tasks, request.params.ids)
      return found.map((task) => taskView(task, isFlag(request.query.compact)))
    }
  )

  app.get(
    '/jobs',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'listJobs',
        tags: TAGS,
        summary: 'List jobs',
        description: 'Jobs are an older representation of tasks.',
        querystring: JobQuery,
        response: { 200: Type.Array(JobView), ...ERROR_RESPONSES }
      }
    },
    async (request, reply) => sendList(reply, tasks, jobView, jobFilter(request.query))
  )

  app.get(
    '/jobs/:ids',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'getJobs',
        tags: TAGS,
        summary: 'Get jobs',
        description: 'The answer for one id is an object, for several comma-separated ids an array.',
        params: TaskIds,
        response: { 200: Type.Union([JobView, Type.Array(JobView)]), 404: NOT_FOUND, ...ERROR_RESPONSES }
      }
    },
    async (request) => {
      const jobs = (await findTasks(tasks, request.params.ids)).map(jobView)
      return jobs.length === 1 && jobs[0] !== undefined ? jobs[0] : jobs
    }
  )
}

/** Streams the list page by page: it is never in memory as a whole. */
function sendList(
  reply: FastifyReply,
  tasks: Services['tasks'],
  view: (task: Task) => object,
  fits: (task: Task) => boolean = () => true
): FastifyReply {
  async function* parts() {
    for await (const page of tasks.taskPages()) {
      const shown = page.filter(fits)
      if (shown.length > 0) yield shown.map((task) => JSON.stringify(view(task))).join(',')
    }
  }
  return reply.type('application/json; charset=utf-8').send(textStream(arrayText(parts())))
}

/** @throws Problem TASK_MISSING that names all missing ids */
async function findTasks(tasks: Services['tasks'], ids: string): Promise<Task[]> {
  const numbers = [...new Set(ids.split(',').map(parseTaskId))]
  const found: Task[] = []
  const missing: number[] = []
  for (const id of numbers) {
    const task = await tasks.findTask(id)
    if (task === undefined) missing.push(id)
    else found.push(task)
  }
  if (missing.length > 0) throw new Problem('TASK_MISSING', `There is no task ${missing.join(', ')}.`)
  return found
}

/** One client sends both conditions in one parameter: `state=Running,uuid=…`. */
function jobFilter(query: { readonly state?: string; readonly uuid?: string }): (task: Task) => boolean {
  const [state = '', ...more] = (query.state ?? '').split(',')
  const uuid = query.uuid ?? more.find((part) => part.startsWith('uuid='))?.slice('uuid='.length) ?? ''
  return (task) =>
    (state === '' || JOB_STATE[task.state].toLowerCase() === state.trim().toLowerCase()) &&
    (uuid === '' || jobUuid(task.id) === uuid.trim().toLowerCase())
}

function isFlag(value: string | undefined): boolean {
  return value !== undefined && value.toLowerCase() !== 'false'
}
