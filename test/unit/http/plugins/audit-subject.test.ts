import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { identityOf } from '../../../../src/http/plugins/audit-subject.ts'

t.test('a request that fails before routing has no user', async (t) => {
  const request = { routeOptions: {} } as unknown as FastifyRequest
  t.equal(identityOf(request, 400), undefined)
})

t.test('the kind of login has the name that the audit trail uses', async (t) => {
  const of = (kind: string) =>
    identityOf({ identity: { name: 'ann', kind }, routeOptions: {} } as unknown as FastifyRequest, 200)
  t.same(['password', 'session', 'token'].map(of), [
    { user: 'ann', credential: 'basic' },
    { user: 'ann', credential: 'session' },
    { user: 'ann', credential: 'token' }
  ])
})
