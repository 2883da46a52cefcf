import t from 'tap'
import { hideUrlSecrets, isSecretName } from '../../../../src/core/problems/hide-secrets.ts'

t.test('secrets in a URL are hidden, and nothing else of it', async (t) => {
  const cases = {
    '/tasks?compact=true': '/tasks?compact=true',
    '/x?password=a&key=updates': '/x?password=[hidden]&key=updates',
    '/x?a=1&access_token=b&c=2': '/x?a=1&access_token=[hidden]&c=2',
    '/sessions/abc.def?x=1': '/sessions/[hidden]?x=1',
    'There is no GET /sessions/abc.': 'There is no GET /sessions/[hidden]',
    '/api/v1/tokens/7': '/api/v1/tokens/7'
  }
  for (const [url, hidden] of Object.entries(cases)) t.equal(hideUrlSecrets(url), hidden)
})

t.test('what is a secret is told by its name', async (t) => {
  for (const name of ['password', 'FIXDEPOT_ADMIN_PASSWORD', 'X-Csrf-Token', 'Set-Cookie', 'apiKey', 'JSESSIONID']) {
    t.ok(isSecretName(name), name)
  }
  for (const name of ['name', 'key', 'FIXDEPOT_PORT', 'fixids']) t.notOk(isSecretName(name), name)
})
