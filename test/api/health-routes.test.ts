import t from 'tap'
import type { HealthCheck } from '../../src/core/tasks/statistics.ts'
import { buildTestApp } from '../support/api/app.ts'

const HEALTHY: HealthCheck[] = [
  { name: 'database', isHealthy: true, reason: '' },
  { name: 'repository', isHealthy: true, reason: '' },
  { name: 'space', isHealthy: true, reason: '' }
]

t.test('the process says that it lives, whatever else is broken', async (t) => {
  const { app } = await buildTestApp(t, {})
  const response = await app.inject('/health/live')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { status: 'live' })
})

t.test('a depot that can work is ready', async (t) => {
  const { app } = await buildTestApp(t, { health: async () => HEALTHY })
  const response = await app.inject('/health/ready')
  t.equal(response.statusCode, 200)
  t.strictSame(response.json(), { status: 'ready', checks: HEALTHY })
})

t.test('one thing that does not work makes the depot not ready, and is told with its reason', async (t) => {
  for (const broken of HEALTHY) {
    const checks = HEALTHY.map((check) =>
      check === broken ? { ...check, isHealthy: false, reason: 'ENOENT.' } : check
    )
    const { app } = await buildTestApp(t, { health: async () => checks })
    const response = await app.inject('/health/ready')
    t.equal(response.statusCode, 503, broken.name)
    t.strictSame(response.json(), { status: 'not ready', checks })
  }
})

t.test('what a check knows beyond its reason is not told', async (t) => {
  const check = { name: 'database', isHealthy: false, reason: 'EIO.', file: '/var/lib/fixdepot.db' } as HealthCheck
  const { app } = await buildTestApp(t, { health: async () => [check] })
  t.notMatch((await app.inject('/health/ready')).body, /var/)
})

t.test('probes need no login, and may have a wrong one', async (t) => {
  const { app } = await buildTestApp(t, { health: async () => HEALTHY })
  for (const url of ['/health/live', '/health/ready', '/health/ready/', '/health/ready?verbose=1']) {
    for (const headers of [{}, { authorization: 'Basic nonsense' }]) {
      t.equal((await app.inject({ url, headers })).statusCode, 200, url)
    }
    t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200, `HEAD ${url}`)
  }
})
