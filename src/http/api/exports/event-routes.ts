/** /api/v1/events and /api/v1/exports/{id}/events: follow exports as they go on. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type EndedTask, hasEnded, type Task } from '../../../core/tasks/task.ts'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import { type AuthServices, isStillAllowed } from '../../plugins/auth.ts'
import type { Services } from '../../services.ts'
import { type EventStream, openEventStream } from '../../transfer/event-stream.ts'
import { createExportFeed, type ExportFollower, stateKey } from './export-feed.ts'
import { exportView } from './export-view.ts'
import { ExportParams, findExport } from './find-export.ts'

/** People see no difference to faster ones. */
const INTERVAL_MS = 500

const ENDED_PER_PAGE = 200

const EVENT_STREAM = {
  description: 'Events of the kind `export`; their data are an export as `GET /api/v1/exports/{id}` shows it.',
  content: { 'text/event-stream': { schema: Type.String() } }
}

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'The `id` of the last event that was seen. Browsers send it by themselves.'
    })
  )
})

export const eventRoutes: FastifyPluginAsyncTypebox<
  Pick<Services, 'tasks' | 'onExportsChange'> & AuthServices
> = async (app, services) => {
  const { tasks } = services
  const streams = new Set<EventStream>()
  const feed = createExportFeed({
    tasks,
    intervalMs: INTERVAL_MS,
    onChange: services.onExportsChange,
    onError: (error) => app.log.warn({ err: error }, 'the exports could not be read for those who follow them')
  })
  // An open stream would keep the server from closing.
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.close()
  })

  /** Exports that ended after the one of the first number, up to that of the second. */
  async function* endedBetween(after: number, upTo: number): AsyncGenerator<EndedTask> {
    for (let from = after, more = true; more && from < upTo; ) {
      const page = await tasks.endedTasks('export', from, ENDED_PER_PAGE)
      yield* page.filter(({ endNumber }) => endNumber <= upTo)
      from = page.at(-1)?.endNumber ?? from
      more = page.length === ENDED_PER_PAGE
    }
  }

  /** First what the client has not seen, then what is there, then what happens. */
  async function tellAll(stream: EventStream, follower: ExportFollower, seen = follower.endNumber): Promise<void> {
    const tell = (task: Task, id: number) => {
      stream.send({ id: String(id), event: 'export', data: exportView(task, new Date()) })
    }
    for await (const { task, endNumber } of endedBetween(seen, follower.endNumber)) {
      tell(task, endNumber)
      await stream.drained()
    }
    for (const task of follower.live) tell(task, follower.endNumber)
    follower.deliverTo(tell)
  }

  function open(request: FastifyRequest, reply: FastifyReply): EventStream {
    const stream = openEventStream(request, reply, { isTrusted: () => isStillAllowed(request, services) })
    streams.add(stream)
    stream.closed.then(() => streams.delete(stream))
    return stream
  }

  app.get(
    '/api/v1/exports/:id/events',
    {
      exposeHeadRoute: false,
      config: { access: 'viewer' },
      schema: {
        operationId: 'followExport',
        tags: ['Exports'],
        summary: 'Follow an export',
        description:
          'Server-Sent Events: one at once, and one whenever the export has gone on. The stream ends with the export. After a ' +
          'break it goes on with the present state, unless `Last-Event-ID` shows that it is known.',
        params: ExportParams,
        headers: LastEventId,
        response: {
          200: EVENT_STREAM,
          204: Type.Null({ description: 'The export has ended, and the client knows it: there is nothing to follow.' }),
          404: problemResponse('There is no such export.'),
          ...PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      app.beginTransfer('streams', request, reply)
      const follower = await feed.follow()
      try {
        const isIt = ({ id }: Task) => String(id) === request.params.id
        const task = follower.live.find(isIt) ?? (await findExport(tasks, request.params.id))
        let known = request.headers['last-event-id']
        if (hasEnded(task) && known === stateKey(task)) return reply.code(204).send(null)
        const stream = open(request, reply)
        const tell = (present: Task) => {
          if (present.id !== task.id || stateKey(present) === known) return
          known = stateKey(present)
          stream.send({ id: known, event: 'export', data: exportView(present, new Date()) })
          if (hasEnded(present)) stream.close()
        }
        tell(task)
        follower.deliverTo(tell)
        await stream.closed
      } finally {
        follower.stop()
      }
    }
  )

  app.get(
    '/api/v1/events',
    {
      exposeHeadRoute: false,
      config: { access: 'viewer' },
      schema: {
        operationId: 'followExports',
        tags: ['Exports'],
        summary: 'Follow all exports',
        description:
          'Server-Sent Events: first one for each export that has not ended, then one whenever an export has gone on. After a ' +
          'break, `Last-Event-ID` also brings those that have ended meanwhile; an event may come twice.',
        headers: LastEventId,
        response: { 200: EVENT_STREAM, ...PROBLEM_RESPONSES }
      }
    },
    async (request, reply) => {
      app.beginTransfer('streams', request, reply)
      const follower = await feed.follow()
      try {
        const stream = open(request, reply)
        await tellAll(stream, follower, parseEndNumber(request.headers['last-event-id'])).catch((error) => {
          // The client comes back, and is told what it has missed.
          request.log.warn({ err: error }, 'the exports could not be read for one who follows them')
          stream.close()
        })
        await stream.closed
      } finally {
        follower.stop()
      }
    }
  )
}

/** Undefined for what no event of ours has as its id. */
function parseEndNumber(id: string | undefined): number | undefined {
  return id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : undefined
}
