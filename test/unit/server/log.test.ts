import t from 'tap'
import { DEFAULT_PROTECTION } from '../../../src/core/accounts/protection.ts'
import { buildApp } from '../../../src/http/app.ts'
import type { Services } from '../../../src/http/services.ts'
import { createLog } from '../../../src/server/log.ts'
import { basic } from '../../support/api/app.ts'
import { loginsOf } from '../../support/api/logins.ts'

const CANARY = 'canary7f3a'

function captured() {
  const lines: string[] = []
  const log = createLog('trace', { write: (line) => void lines.push(line) })
  return { log, text: () => lines.join('') }
}

t.test('what has the name of a secret is hidden, however deep it lies', async (t) => {
  const { log, text } = captured()
  const headers = { authorization: CANARY, cookie: CANARY, 'set-cookie': [CANARY], 'x-csrf-token': CANARY }
  log.info({ headers, password: CANARY, body: CANARY, user: { token: CANARY, name: 'ann' } }, 'said')
  log.info({ res: { headers } }, 'said')
  t.notMatch(text(), CANARY)
  t.match(text(), 'ann')
})

t.test('requests leave no secret in the log, also those that are refused', async (t) => {
  const { log, text } = captured()
  const services = {
    logins: loginsOf('somebody', 'else'),
    sessions: { find: async () => undefined },
    commands: { recordEvent: async () => {} },
    isUser: () => false
  } as unknown as Services
  const app = await buildApp({ services, version: '0', logger: log, protection: DEFAULT_PROTECTION })
  t.teardown(() => app.close())
  const json = { 'content-type': 'application/json' }
  const answers = await Promise.all([
    app.inject({ url: '/tasks', headers: { authorization: basic('admin', CANARY) } }),
    app.inject({ url: '/tasks', headers: { authorization: `Bearer ${CANARY}` } }),
    app.inject({ url: '/tasks', headers: { cookie: `JSESSIONID=${CANARY}` } }),
    app.inject({ url: `/tasks?password=${CANARY}` }),
    app.inject({ url: `/nowhere?token=${CANARY}` }),
    app.inject({ method: 'DELETE', url: `/sessions/${CANARY}` }),
    app.inject({ url: `/sessions/${CANARY}` }),
    app.inject({ method: 'POST', url: '/sessions', payload: { UserId: 'admin', password: CANARY } }),
    app.inject({ method: 'POST', url: '/sessions', payload: { UserId: 'admin', password: [CANARY] } }),
    app.inject({ method: 'POST', url: '/sessions', payload: `{"UserId":"admin","password":"${CANARY}`, headers: json })
  ])
  t.ok(answers.every(({ statusCode }) => statusCode >= 400 && statusCode < 500))
  t.match(text(), 'request refused')
  t.notMatch(text(), CANARY)
  t.notMatch(text(), Buffer.from(`admin:${CANARY}`).toString('base64'))
})
