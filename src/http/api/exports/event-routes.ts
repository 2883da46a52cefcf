/** /api/v1/events and /api/v1/exports/{id}/events: follow the progress of exports. */
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

/** Interval of the reads; shorter intervals make no visible difference. */
const INTERVAL_MS = 500

const ENDED_PER_PAGE = 200

const EVENT_STREAM = {
  description: 'Events of the type `export`; their data is an export, as in the answer of `GET /api/v1/exports/{id}`.',
  content: { 'text/event-stream': { schema: Type.String() } }
}

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'The `id` of the last received event. Browsers send it automatically.'
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
    onError: (error) => app.log.warn({ err: error }, 'the exports could not be read for the event streams')
  })
  // An open stream would keep the server from closing.
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.close()
  })

  /** Exports with an end number greater than `after`, up to `upTo`. */
  async function* endedBetween(after: number, upTo: number): AsyncGenerator<EndedTask> {
    for (let from = after, more = true; more && from < upTo; ) {
      const page = await tasks.endedTasks('export', from, ENDED_PER_PAGE)
      yield* page.filter(({ endNumber }) => endNumber <= upTo)
      from = page.at(-1)?.endNumber ?? from
      more = page.length === ENDED_PER_PAGE
    }
  }

  /** Sends the exports that ended since `seen`, then the live exports, then all changes. */
  async function sendAll(stream: EventStream, follower: ExportFollower, seen = follower.endNumber): Promise<void> {
    const sendExport = (task: Task, id: number) => {
      stream.send({ id: String(id), event: 'export', data: exportView(task, new Date()) })
    }
    for await (const { task, endNumber } of endedBetween(seen, follower.endNumber)) {
      sendExport(task, endNumber)
      await stream.drained()
    }
    for (const task of follower.live) sendExport(task, follower.endNumber)
    follower.deliverTo(sendExport)
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
          'Server-Sent Events: one at once, and one after each progress of the export. The stream ends with the export. After a ' +
          'reconnect it continues with the current state, unless `Last-Event-ID` is that state.',
        params: ExportParams,
        headers: LastEventId,
        response: {
          200: EVENT_STREAM,
          204: Type.Null({ description: 'The export has ended, and `Last-Event-ID` is its last state.' }),
          404: problemResponse('There is no such export.'),
          ...PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      app.beginTransfer('streams', request, reply)
      const follower = await feed.follow()
      try {
        const isRequested = ({ id }: Task) => String(id) === request.params.id
        const task = follower.live.find(isRequested) ?? (await findExport(tasks, request.params.id))
        let known = request.headers['last-event-id']
        if (hasEnded(task) && known === stateKey(task)) return reply.code(204).send(null)
        const stream = open(request, reply)
        const sendExport = (present: Task) => {
          if (present.id !== task.id || stateKey(present) === known) return
          known = stateKey(present)
          stream.send({ id: known, event: 'export', data: exportView(present, new Date()) })
          if (hasEnded(present)) stream.close()
        }
        sendExport(task)
        follower.deliverTo(sendExport)
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
          'Server-Sent Events: first one for each export that has not ended, then one after each progress of an export. After a ' +
          'reconnect with `Last-Event-ID`, exports that ended meanwhile are sent too; an event can be sent twice.',
        headers: LastEventId,
        response: { 200: EVENT_STREAM, ...PROBLEM_RESPONSES }
      }
    },
    async (request, reply) => {
      app.beginTransfer('streams', request, reply)
      const follower = await feed.follow()
      try {
        const stream = open(request, reply)
        await sendAll(stream, follower, parseEndNumber(request.headers['last-event-id'])).catch((error) => {
          // The client reconnects and gets the missed events.
          request.log.warn({ err: error }, 'the ended exports could not be read for an event stream')
          stream.close()
        })
        await stream.closed
      } finally {
        follower.stop()
      }
    }
  )
}

/** Undefined for a text that is not an event id of this server. */
function parseEndNumber(id: string | undefined): number | undefined {
  return id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : undefined
}
