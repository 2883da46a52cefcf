/** /api/v1/audit: the audit trail. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { AuditFilter } from '../../../core/accounts/audit.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { parseUtcTime, UTC_TIME } from '../../../core/time-text.ts'
import { PROBLEM_RESPONSES } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { DEFAULT_LIMIT, Next, nextOf, PageQuery, parseNumberCursor } from '../page.ts'

const AuditRecordView = Type.Object(
  {
    number: Type.Integer({ description: 'Starts at 1 and has no gaps.' }),
    time: Type.String({ description: 'ISO 8601, UTC.' }),
    user: Type.String({
      description: 'The user; can be empty. With `credential` `none`, the claimed user name.'
    }),
    credential: Type.String({ description: '`none`, `basic`, `session`, `token`; `password` for a login.' }),
    address: Type.String({ description: 'The address that the request came from.' }),
    requestId: Type.String({ description: 'The id of the request in the log.' }),
    action: Type.String({
      description: 'The `operationId`, with the `action` of the appliance’s API: `changeFirmware:delete`.'
    }),
    targets: Type.Array(Type.String(), { description: 'The targets of the action, such as `fixid:…` and `task:7`.' }),
    status: Type.Integer({ description: 'The HTTP status of the answer.' }),
    problem: Type.String({ description: 'The code of the problem; empty without a problem.' }),
    count: Type.Integer({ description: 'The number of equal requests that the record represents.' }),
    previousHash: Type.String(),
    hash: Type.String({ description: 'SHA-256 of all other members, `previousHash` included.' })
  },
  { title: 'AuditRecord' }
)

const AuditQuery = Type.Object({
  user: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only actions of this user.' })),
  action: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Only this action.' })),
  since: Type.Optional(
    Type.String({
      pattern: UTC_TIME.source,
      examples: ['2026-01-05T09:30:00Z'],
      description: 'a day or a time in UTC, such as 2026-01-05T09:30:00Z; earlier records are omitted'
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
        summary: 'Read the audit trail',
        description: 'Newest first, in pages: repeat with `next` as `cursor` until it is null.',
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

/** @throws Problem PARAMETER_INVALID for a day that does not exist */
function filterOf({ user, action, since }: Static<typeof AuditQuery>): AuditFilter {
  return {
    ...(user === undefined ? {} : { user }),
    ...(action === undefined ? {} : { action }),
    ...(since === undefined ? {} : { since: parseTime(since) })
  }
}

function parseTime(text: string): Date {
  const time = parseUtcTime(text)
  if (time === undefined)
    throw new Problem('PARAMETER_INVALID', `The parameter since is ${text}, which is not a valid time.`)
  return time
}
