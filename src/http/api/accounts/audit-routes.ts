/** /api/v1/audit: who did what. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { AuditFilter } from '../../../core/accounts/audit.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { parseUtcTime, UTC_TIME } from '../../../core/utc-time.ts'
import { PROBLEM_RESPONSES } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { DEFAULT_LIMIT, Next, nextOf, PageQuery, parseNumberCursor } from '../page.ts'

const AuditRecordView = Type.Object(
  {
    number: Type.Integer({ description: 'From 1, without a gap.' }),
    time: Type.String({ description: 'ISO 8601, UTC.' }),
    user: Type.String({
      description: 'Empty for nobody. With `credential` `none` it is the user that somebody claimed to be.'
    }),
    credential: Type.String({ description: '`none`, `basic`, `session`, `token`; `password` for a login.' }),
    address: Type.String({ description: 'Where the request came from.' }),
    requestId: Type.String({ description: 'The id of the request in the log.' }),
    action: Type.String({
      description: 'The `operationId`, with the appliance’s word for it: `changeFirmware:delete`.'
    }),
    targets: Type.Array(Type.String(), { description: 'What it was done to, such as `fixid:…` and `task:7`.' }),
    status: Type.Integer({ description: 'Of the answer.' }),
    problem: Type.String({ description: 'The code of the problem; empty for none.' }),
    count: Type.Integer({ description: 'How many equal requests the record stands for.' }),
    previousHash: Type.String(),
    hash: Type.String({ description: 'SHA-256 of all the other members, with the hash of the record before.' })
  },
  { title: 'AuditRecord' }
)

const AuditQuery = Type.Object({
  user: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only what this user did.' })),
  action: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only this action.' })),
  since: Type.Optional(
    Type.String({
      pattern: UTC_TIME.source,
      examples: ['2026-01-05T09:30:00Z'],
      description: 'a day or a time in UTC, such as 2026-01-05T09:30:00Z; what was before it is left out'
    })
  ),
  ...PageQuery
})

export const auditRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'auditTrail'>> = async (app, { auditTrail }) => {
  app.get(
    '/api/v1/audit',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listAudit',
        tags: ['Operations'],
        summary: 'See who did what',
        description: 'The newest first, a page at a time: ask again with `next` as `cursor` until it is null.',
        querystring: AuditQuery,
        response: {
          200: Type.Object({ records: Type.Array(AuditRecordView), next: Next }, { title: 'AuditPage' }),
          ...PROBLEM_RESPONSES
        }
      }
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : parseNumberCursor(cursor)
      const records = await auditTrail.auditPage(filterOf(request.query), before, Number(limit))
      const next = nextOf(records, limit, ({ number }) => [String(number)])
      return { records: records.map((record) => ({ ...record, targets: [...record.targets] })), next }
    }
  )
}

/** @throws Problem PARAMETER_INVALID for a day that no calendar has */
function filterOf({ user, action, since }: Static<typeof AuditQuery>): AuditFilter {
  return {
    ...(user === undefined ? {} : { user }),
    ...(action === undefined ? {} : { action }),
    ...(since === undefined ? {} : { since: parseTime(since) })
  }
}

function parseTime(text: string): Date {
  const time = parseUtcTime(text)
  if (time === undefined) throw new Problem('PARAMETER_INVALID', `The parameter since is ${text}, which is no time.`)
  return time
}
